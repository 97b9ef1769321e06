"""The key of a sealed input, or of what a job makes: who was given it, who forgot it, and that it is destroyed.

The gateway holds keys for requesters. That one was given to a verifier is said once its audit is over: nobody is to
know before who answers.
"""

from typing import Annotated

from pydantic import StringConstraints

from assay.schema.event import Event
from assay.schema.values import Address, Digest, JobId, Millis, ProviderId, RequesterId, Role, Signature

SERVICE = Role.VERIFICATION.value
"""The reader that is no participant: the verification service, which replays starts and results."""
KeyReader = Annotated[str, StringConstraints(pattern=rf"^([pv][a-z2-7]{{32}}|{SERVICE})$")]
Basis = Annotated[str, StringConstraints(pattern=rf"^([lkac][a-z2-7]{{26}}|{SERVICE})$")]


class KeyReleased(Event, type="key.released", by=Role.GATEWAY, tells=("owner",), key="digest"):
    """Emitted when a reader was given the key of the blob `digest`: for its lease, spare, audit or dispute `basis`.

    The key of what a job makes has a name in place of a digest: its `seal`, as the order says.
    `released_ms` is when that was. A spare's and a lease's release names the job as well.
    """

    digest: Digest
    owner: RequesterId
    reader: KeyReader
    basis: Basis
    released_ms: Millis
    job_id: JobId | None = None


class KeyForgotten(Event, type="key.forgotten", by=Role.PROVIDER, key="digest"):
    """Emitted when nothing of a provider needs the blob any more: it has wiped the rooms, and forgotten the key.

    It is the provider's signed word, which nobody can check.
    """

    digest: Digest
    provider: ProviderId


class KeyDestroyed(Event, type="key.destroyed", by=Role.GATEWAY, tells=("owner",), key="digest"):
    """Emitted when the key of a blob is destroyed: nobody is given it any more, whatever copies of the blob there are.

    `signature` is by the `holder`, over the EIP-712 Statement of this type with `digest` as id, the holder as source,
    `destroyed_ms` as time and no data.
    """

    digest: Digest
    owner: RequesterId
    holder: Address
    destroyed_ms: Millis
    signature: Signature
