"""Keys and signatures: secp256k1 with recovery, as the EVM knows them, through libsecp256k1.

A signature has one form only: `s` in the lower half of the group, `v` 27 or 28. The twin with high `s` is refused, so
that a signed statement has one signature and not two.
"""

import re
from typing import Final, Self

from coincurve import PrivateKey, PublicKey

from assay.proof.keccak import keccak256
from assay.schema.errors import Refused

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
S_MAX: Final = ORDER // 2
V_FIRST: Final = 27
FORM: Final = re.compile(r"0x[0-9a-f]{130}")
PUBLIC_BYTES: Final = 33


class BadSignature(Refused):
    """A signature that is none, or not in its one form."""

    def __init__(self, detail: str) -> None:
        super().__init__("event.forged", detail)


class Key:
    """A secret key and the address it speaks for."""

    __slots__ = ("_secret", "address")

    def __init__(self, secret: PrivateKey) -> None:
        self._secret = secret
        self.address = address_from(secret.public_key)

    @classmethod
    def generate(cls) -> Self:
        """A fresh key."""
        return cls(PrivateKey())

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """The key of 64 hex digits, with or without 0x. Raises ValueError."""
        return cls(PrivateKey(bytes.fromhex(text.strip().removeprefix("0x"))))

    @property
    def hex(self) -> str:
        """The secret, 64 hex digits; it goes to a file of mode 0600 and nowhere else."""
        return self._secret.secret.hex()

    @property
    def public(self) -> str:
        """The public key, 66 hex digits: others wrap by it what only this key can open."""
        return self._secret.public_key.format().hex()

    def agree(self, public: str) -> bytes:
        """32 bytes that this key and the other's holder alone can come to. Raises ValueError for no public key."""
        return bytes(self._secret.ecdh(read_public(public).format()))

    def sign(self, digest: bytes) -> str:
        """The signature of a 32-byte digest: 0x, then r, s and v as 130 hex digits."""
        raw = self._secret.sign_recoverable(digest, hasher=None)
        return "0x" + raw[:64].hex() + f"{raw[64] + V_FIRST:02x}"

    def __repr__(self) -> str:
        return f"Key({self.address})"


def recover(digest: bytes, signature: str) -> str:
    """The lower-case address whose key signed the 32-byte digest. Raises BadSignature."""
    if not FORM.fullmatch(signature):
        raise BadSignature("A signature is 0x and 130 lower-case hex digits.")
    raw = bytes.fromhex(signature[2:])
    if raw[64] not in (V_FIRST, V_FIRST + 1):
        raise BadSignature(f"v is {raw[64]}, not 27 or 28.")
    if int.from_bytes(raw[32:64], "big") > S_MAX:
        raise BadSignature("s is in the upper half of the group.")
    compact = raw[:64] + bytes([raw[64] - V_FIRST])
    try:
        return address_from(PublicKey.from_signature_and_message(compact, digest, hasher=None))
    except ValueError:
        raise BadSignature("No key could have made this signature.") from None


def read_public(text: str) -> PublicKey:
    """The public key of 66 hex digits. Raises ValueError."""
    raw = bytes.fromhex(text)
    if len(raw) != PUBLIC_BYTES or raw.hex() != text:
        raise ValueError("a public key is 66 lower-case hex digits")
    return PublicKey(raw)


def address_from(public: PublicKey) -> str:
    """The lower-case EVM address of a public key."""
    return "0x" + keccak256(public.format(compressed=False)[1:])[-20:].hex()
