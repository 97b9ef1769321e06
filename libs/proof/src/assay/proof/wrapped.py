"""A secret on its way to one reader: wrapped to its public key, so that who carries it has nothing.

ECIES over secp256k1: a fresh key and the reader's agree on a secret, and what follows from it, both public keys and
what the secret is about seals it with AES-256-GCM. Wrapped for another blob or another reader, it cannot be opened.
"""

from typing import Final

from blake3 import blake3

from assay.proof.keys import PUBLIC_BYTES, Key
from assay.proof.sealed import KEY_BYTES, TAG_BYTES, seal, unseal
from assay.schema.errors import Refused

CONTEXT: Final = "assay 2026-11 key under which a data key is wrapped"
WRAPPED_CHARS: Final = 2 * (PUBLIC_BYTES + KEY_BYTES + TAG_BYTES)


def wrap(secret: bytes, reader: str, about: str, fresh: Key) -> str:
    """The secret for the reader with this public key. `fresh` must wrap this once. Raises ValueError for no key."""
    shared = _shared(fresh.agree(reader), fresh.public, reader, about)
    return fresh.public + seal(shared, 0, True, secret).hex()


def unwrap(wrapped: str, key: Key, about: str) -> bytes:
    """The secret that was wrapped for this key, about this. Raises Refused: key.malformed."""
    fresh, sealed = wrapped[: 2 * PUBLIC_BYTES], wrapped[2 * PUBLIC_BYTES :]
    try:
        return unseal(_shared(key.agree(fresh), fresh, key.public, about), 0, True, bytes.fromhex(sealed))
    except (ValueError, Refused):
        raise Refused("key.malformed", "It was not wrapped for this reader, or not about this blob.") from None


def _shared(agreed: bytes, fresh: str, reader: str, about: str) -> bytes:
    return blake3(agreed + f"{fresh}/{reader}/{about}".encode(), derive_key_context=CONTEXT).digest()
