"""What a participant says, signed: the event's type, id, source, time and data under an EIP-712 signature.

The signature is checked over the headers and the bytes as they came, before the data is parsed. A statement's id
follows from its content and source, so nobody can take the id of an event that another is about to say.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.proof.eip712 import Domain, statement_digest
from assay.proof.keys import BadSignature, Key, recover
from assay.schema.errors import Refused
from assay.schema.event import PREFIX, Envelope, Event, from_rfc3339, to_rfc3339
from assay.schema.values import address_of, derive_id


class Said(NamedTuple):
    """What a signature covers, in the order of the EIP-712 struct."""

    event_type: str
    id: str
    source: str
    time_ms: int
    data: bytes


REQUIRED = ("ce-type", "ce-id", "ce-source", "ce-time")


def sign_event(key: Key, domain: Domain, event: Event, source: str, time_ms: int) -> Envelope[Event]:
    """The event in an envelope signed by the key whose address is `source`."""
    said: Envelope[Event] = Envelope.wrap(event, source, time_ms)
    signature = key.sign(statement_digest(domain, event.type, said.id, source, time_ms, said.data))
    return Envelope(said.id, source, time_ms, event, said.data, signature=signature)


def check_signature(envelope: Envelope[Any], domain: Domain) -> None:
    """Nothing, if the envelope is signed by its source. Raises Refused: event.unsigned, event.forged."""
    said = Said(envelope.event.type, envelope.id, envelope.source, envelope.time_ms, envelope.data)
    check_said(said, envelope.signature, domain)


def check_raw(headers: Mapping[str, str], data: bytes, domain: Domain) -> str:
    """The source that signed these headers and bytes.

    Raises Refused: event.unsigned, event.forged; event.malformed if a header is missing or is no time.
    """
    missing = [name for name in REQUIRED if name not in headers]
    if missing:
        raise Refused("event.malformed", f"header: {missing[0]} is missing.")
    event_type, time_ms = headers["ce-type"].removeprefix(f"{PREFIX}."), read_time(headers["ce-time"])
    said = Said(event_type, headers["ce-id"], headers["ce-source"], time_ms, data)
    check_said(said, headers.get("ce-signature"), domain)
    return said.source


def check_said(said: Said, signature: str | None, domain: Domain) -> None:
    """Nothing, if the signature is by the source and the id follows from what is said.

    Raises Refused: event.unsigned, event.forged.
    """
    check_signer(statement_digest(domain, *said), signature, said.source)
    try:
        text = said.data.decode()
    except UnicodeDecodeError:
        raise BadSignature("The data is not UTF-8.") from None
    if said.id != derive_id("e", said.time_ms, said.source, 0, said.event_type, text):
        raise BadSignature("The id does not follow from what is said.")


def check_signer(digest: bytes, signature: str | None, source: str) -> None:
    """Nothing, if the signature over `digest` is by `source`. Raises Refused: event.unsigned, event.forged."""
    if not signature:
        raise Refused("event.unsigned")
    try:
        address = address_of(source)
    except ValueError:
        raise BadSignature("The source is no participant's id.") from None
    if recover(digest, signature) != address:
        raise BadSignature(f"It was not signed by {source[:40]}.")


def read_time(text: str) -> int:
    """The milliseconds of a header's time. Raises Refused: event.malformed."""
    try:
        time_ms = from_rfc3339(text)
    except (ValueError, OverflowError):
        raise Refused("event.malformed", "header: ce-time is no RFC 3339 time.") from None
    if time_ms < 0 or to_rfc3339(time_ms) != text:
        raise Refused("event.malformed", "header: ce-time is not written as 2026-01-31T23:59:59.000Z.")
    return time_ms
