"""The sealed envelope around a receipt: DSSE (github.com/secure-systems-lab/dsse), signed with an EVM key.

The signature covers the pre-authentication encoding of payload type and payload, so nothing has to be parsed to check
it. The text has one form only: opened and written again it is the same, byte for byte.
"""

import base64
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel

from assay.proof.keccak import keccak256
from assay.proof.keys import Key, recover
from assay.schema.errors import Reject

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class WireSignature(BaseModel):
    keyid: str
    sig: str


class Wire(BaseModel):
    """The envelope as it is written."""

    payload: str
    payloadType: Literal["application/vnd.in-toto+json"] = PAYLOAD_TYPE
    signatures: tuple[WireSignature]


class Sealed(NamedTuple):
    """An opened envelope, its signature not checked yet; `key_id` is the address that claims to have signed."""

    payload: bytes
    key_id: str
    signature: str


class BadForm(Reject):
    """Text that is not an envelope in its one form."""

    code = "receipt.malformed"
    advice = "Fetch the receipt again; if it is the same, it was tampered with."


def seal_payload(payload: bytes, key: Key) -> str:
    """The payload signed and wrapped, as one line of JSON."""
    return write(Sealed(payload, key.address, key.sign(digest_of(payload))))


def open_envelope(text: str) -> Sealed:
    """The parts of an envelope. Raises BadForm if it is none, or not in its one form."""
    try:
        body = Wire.model_validate_json(text)
        raw = base64.b64decode(body.signatures[0].sig, validate=True)
        sealed = Sealed(base64.b64decode(body.payload, validate=True), body.signatures[0].keyid, "0x" + raw.hex())
    except ValueError as error:
        raise BadForm(f"It is not a DSSE envelope with one signature ({type(error).__name__}).") from None
    if write(sealed) != text:
        raise BadForm("It is not written in its one form.")
    return sealed


def signer_of(sealed: Sealed) -> str:
    """The address that signed the envelope. Raises BadSignature."""
    return recover(digest_of(sealed.payload), sealed.signature)


def digest_of(payload: bytes) -> bytes:
    """The 32 bytes that are signed: Keccak-256 of the pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return keccak256(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload))


def write(sealed: Sealed) -> str:
    """The envelope as one line of JSON."""
    signature = base64.b64encode(bytes.fromhex(sealed.signature[2:])).decode()
    payload = base64.b64encode(sealed.payload).decode()
    wire = Wire(payload=payload, signatures=(WireSignature(keyid=sealed.key_id, sig=signature),))
    return wire.model_dump_json()
