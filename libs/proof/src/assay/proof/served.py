"""What counts of served text: the caller's signature of a request, and the lines that a checkpoint holds.

A request is signed over the job's name, the request's number and its payload.

A provider is paid for answers to requests, and could else make up both. The name is drawn by the requester for each
job, so that no request counts in two.
"""

from typing import Final

from assay.proof.digest import prefixed
from assay.proof.keccak import keccak256
from assay.proof.keys import BadSignature, Key, recover

TAG: Final = b"assay.served.request.1"
GENERATED: Final = b"assay.generated1"
"""What a checkpoint of generated text begins with."""
DIGEST_BYTES: Final = 32
SIZE_BYTES: Final = 4


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


def lines_of(checkpoint: bytes) -> list[bytes]:
    """The lines of each closed segment of a checkpoint of generated text, in order.

    It holds the link that it starts from, and for each segment the sized lines and a digest. Raises ValueError.
    """
    at = len(GENERATED) + DIGEST_BYTES
    if not checkpoint.startswith(GENERATED) or len(checkpoint) < at + SIZE_BYTES:
        raise ValueError("It does not begin like a checkpoint of generated text.")
    count, at, found = size_at(checkpoint, at), at + SIZE_BYTES, []
    for _ in range(count):
        start = at + SIZE_BYTES
        end = start + size_at(checkpoint, at)
        at = end + DIGEST_BYTES
        if at > len(checkpoint):
            raise ValueError(f"It ends at byte {len(checkpoint)}, within its lines.")
        found.append(checkpoint[start:end])
    return found


def size_at(data: bytes, at: int) -> int:
    """The size that stands at a place; 0 beyond the end."""
    return int.from_bytes(data[at : at + SIZE_BYTES], "little")
