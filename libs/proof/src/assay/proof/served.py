"""The signature by which a request counts: the caller's, over the job's name, the request's number and its payload.

A provider is paid for answers to requests, and could else make up both. The name is drawn by the requester for each
job, so that no request counts in two.
"""

from typing import Final

from assay.proof.digest import prefixed
from assay.proof.keccak import keccak256
from assay.proof.keys import BadSignature, Key, recover

TAG: Final = b"assay.served.request.1"


def request_digest(name: str, number: int, payload: str) -> bytes:
    """The 32 bytes that a caller signs for a request of the job of that name, 64 hex digits."""
    return keccak256(b"".join(map(prefixed, (TAG, bytes.fromhex(name), number.to_bytes(8, "big"), payload.encode()))))


def sign_request(key: Key, name: str, number: int, payload: str) -> str:
    """The caller's signature of a request."""
    return key.sign(request_digest(name, number, payload))


def is_signed(caller: str, name: str, number: int, payload: str, signature: str) -> bool:
    """Whether the caller, an address, has signed the request."""
    try:
        return recover(request_digest(name, number, payload), signature) == caller.lower()
    except BadSignature:
        return False
