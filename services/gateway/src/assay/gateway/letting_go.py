"""A provider lets go of what it uploaded for audits, once nothing needs it: `ask.let_go`.

What leaves is the gateway's to say, by `snapshots`; whoever asks has its own copies deleted and nobody else's. A crash
in between leaves marks, by which the next question goes on.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from assay.bus.port import BlobStore
from assay.gateway.domain import Speaker
from assay.gateway.snapshots import Snapshots
from assay.runtime import Context
from assay.schema.errors import AssayError

LET_GO: Final = "let_go"
AT_ONCE: Final = 64

log = logging.getLogger(__name__)


async def let_go(ctx: Context, speaker: Speaker) -> dict[str, Any]:
    """How many blobs were let go now (`gone`): a few at most, so ask again until there is none."""
    account = speaker.account
    async with ctx.unit() as unit:
        await Snapshots(unit.tx).mark(account, speaker.participant, AT_ONCE, ctx.now())
    async with ctx.unit() as unit:
        snapshots = Snapshots(unit.tx)
        digests = await snapshots.marked(account)
        gone = await delete(ctx.bus.blobs, account, digests, await snapshots.borrowers(account, digests))
        # What failed is tried again by the next question, unless it is named before.
        await snapshots.gone(account, digests[:gone])
        await snapshots.unmark(account)
    return {"gone": gone}


async def delete(blobs: BlobStore, account: str, digests: Sequence[str], lent: Mapping[str, list[str]]) -> int:
    """How many of the blobs were deleted before the store failed, if it did."""
    for at, digest in enumerate(digests):
        try:
            await blobs.let_go(account, digest, lent.get(digest, ()))
        except AssayError as error:
            log.warning("the store lets nothing go: %s", error, extra={"blob": digest})
            return at
    return len(digests)
