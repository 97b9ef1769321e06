"""The few things that a secure sum takes from cryptography, each libsodium's own: nothing here is of our making.

Agreement by X25519, keys derived and commitments made by keyed BLAKE2b, a key stretched by ChaCha20 (libsodium's
deterministic generator), letters by XChaCha20-Poly1305, signatures by Ed25519. Every secret of a member follows from
the seed of its vault, what it is for and the session, so no job has to remember any from the one before.
"""

from typing import Final

import nacl.bindings as sodium
from nacl.exceptions import CryptoError
from nacl.hashlib import blake2b
from nacl.signing import SigningKey, VerifyKey
from nacl.utils import random, randombytes_deterministic

SEED_BYTES: Final = 32
SHARED_BYTES: Final = 16
"""Of a secret that is dealt in shares: pycryptodome's field has 128 bits."""
PERSON: Final = b"assay.federated"
NONCE_BYTES: Final = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


def derive(secret: bytes, purpose: str, *context: object) -> bytes:
    """Return the 32 bytes that follow from a secret, for a purpose in a context."""
    text = "\x1f".join(map(str, (purpose, *context))).encode()
    return bytes(blake2b(text, digest_size=SEED_BYTES, key=secret, person=PERSON).digest())


def commit(secret: bytes) -> str:
    """Return what binds whoever says it to a secret of high entropy, and tells nothing of it."""
    return derive(secret, "commitment").hex()


def public_of(secret: bytes) -> bytes:
    """Return the X25519 public key of a secret."""
    return bytes(sodium.crypto_scalarmult_base(secret))


def agree(secret: bytes, public: bytes, purpose: str, *context: object) -> bytes:
    """Return the key that two members share. Raises ValueError for a public key that is none."""
    try:
        return derive(bytes(sodium.crypto_scalarmult(secret, public)), purpose, *context)
    except (CryptoError, RuntimeError) as error:
        raise ValueError(f"It is no public key: {error}.") from None


def stretch(key: bytes, size_bytes: int) -> bytes:
    """Return as many bytes as are asked for that follow from a key, and look like chance to whoever lacks it."""
    return bytes(randombytes_deterministic(size_bytes, key))


def seal(key: bytes, content: bytes, about: bytes) -> bytes:
    """Return a letter that only the key opens."""
    nonce = random(NONCE_BYTES)
    return nonce + bytes(sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(content, about, nonce, key))


def unseal(key: bytes, letter: bytes, about: bytes) -> bytes:
    """Return what is in a letter. Raises ValueError if it is not of this key, or about something else."""
    nonce, body = letter[:NONCE_BYTES], letter[NONCE_BYTES:]
    try:
        return bytes(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(body, about, nonce, key))
    except (CryptoError, ValueError) as error:
        raise ValueError(f"The letter does not open: {error}.") from None


def identity_of(secret: bytes) -> str:
    """Return the public key by which a holder's word is known."""
    return bytes(SigningKey(secret).verify_key).hex()


def sign(secret: bytes, said: bytes) -> str:
    """Return the holder's signature."""
    return bytes(SigningKey(secret).sign(said).signature).hex()


def is_signed(identity: str, said: bytes, signature: str) -> bool:
    """Whether the holder with this public key signed it."""
    try:
        VerifyKey(bytes.fromhex(identity)).verify(said, bytes.fromhex(signature))
    except (CryptoError, ValueError):
        return False
    return True
