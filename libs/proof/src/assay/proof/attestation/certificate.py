"""X.509 as far as vendors of confidential machines use it: read with distrust, a chain checked up to a known root.

A root is known by the SHA-256 of its public key (SubjectPublicKeyInfo), so no certificate needs to be carried here.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from Crypto.Hash import SHA256, SHA384
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import DSS, pss
from Crypto.Util.asn1 import DerBitString, DerObject, DerObjectId, DerOctetString, DerSequence

from assay.proof.attestation.errors import BadReport, UntrustedChain

CERTIFICATE_BYTES_MAX: Final = 8192
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192
VERSION, EXTENSIONS = 0xA0, 0xA3
TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
BASIC_CONSTRAINTS: Final = "2.5.29.19"
IS_AUTHORITY: Final = b"\x01\x01\xff"
PSS: Final = "1.2.840.113549.1.1.10"
ECDSA: Final[Mapping[str, Any]] = {"1.2.840.10045.4.3.2": SHA256, "1.2.840.10045.4.3.3": SHA384}
UNREADABLE: Final = (ValueError, IndexError, TypeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The parts that are looked at; names and the public key as they stand, in DER."""

    signed: bytes
    algorithm: str
    signature: bytes
    issuer: bytes
    subject: bytes
    not_before_ms: int
    not_after_ms: int
    public_key: bytes
    extensions: Mapping[str, bytes]

    @property
    def key_digest(self) -> str:
        """The SHA-256 of the public key."""
        return hashlib.sha256(self.public_key).hexdigest()

    @property
    def is_authority(self) -> bool:
        """Whether it may certify others."""
        constraints = self.extensions.get(BASIC_CONSTRAINTS, b"")
        return len(constraints) > 2 and constraints[2:].startswith(IS_AUTHORITY)


def read_certificate(der: bytes) -> Certificate:
    """The certificate of these bytes. Raises BadReport."""
    if len(der) > CERTIFICATE_BYTES_MAX:
        raise BadReport(f"A certificate of {len(der)} bytes.")
    try:
        return _read(der)
    except UNREADABLE as error:
        raise BadReport(f"A certificate that cannot be read: {error}.") from None


def _read(der: bytes) -> Certificate:
    signed, algorithm, signature = _items(der)
    parts = _items(signed)
    if isinstance(parts[0], bytes) and parts[0][0] == VERSION:
        parts.pop(0)
    _, _, issuer, validity, subject, public_key, *rest = parts
    not_before, not_after = _items(validity)
    return Certificate(
        signed=signed,
        algorithm=_name_of(algorithm),
        signature=bytes(DerBitString().decode(signature).value),
        issuer=issuer,
        subject=subject,
        not_before_ms=_time_ms(not_before),
        not_after_ms=_time_ms(not_after),
        public_key=public_key,
        extensions=_extensions([each for each in rest if each[0] == EXTENSIONS]),
    )


def _items(der: bytes) -> list[Any]:
    """What a sequence holds: whole numbers, and everything else as it stands."""
    sequence = DerSequence().decode(der)
    return [sequence[at] for at in range(len(sequence))]


def _name_of(algorithm: bytes) -> str:
    return str(DerObjectId().decode(_items(algorithm)[0]).value)


def _time_ms(der: bytes) -> int:
    moment = datetime.strptime(DerObject().decode(der).payload.decode("ascii"), TIMES.get(der[0], "none"))
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _extensions(tagged: Sequence[bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for der in _items(DerObject().decode(tagged[0]).payload) if tagged else ():
        name, *_, value = _items(der)
        oid = str(DerObjectId().decode(name).value)
        if oid in found:
            raise ValueError(f"{oid} twice")
        found[oid] = DerOctetString().decode(value).payload
    return found


def is_signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's key signed the certificate, by one of the ways that vendors use."""
    try:
        if certificate.algorithm == PSS:
            return _is_pss(RSA.import_key(issuer.public_key), certificate)
        if certificate.algorithm in ECDSA:
            point, hashes = ECC.import_key(issuer.public_key), ECDSA[certificate.algorithm]
            return is_ecdsa(point, hashes, certificate.signed, certificate.signature, "der")
    except UNREADABLE:
        raise BadReport("A certificate's key is none.") from None
    return False


def _is_pss(key: RSA.RsaKey, certificate: Certificate) -> bool:
    if not RSA_BITS_MIN <= key.size_in_bits() <= RSA_BITS_MAX:
        return False
    try:
        pss.new(key).verify(SHA384.new(certificate.signed), certificate.signature)
    except ValueError:
        return False
    return True


def is_ecdsa(point: ECC.EccKey, hashes: Any, content: bytes, signature: bytes, encoding: str = "binary") -> bool:
    """Whether the key of this point signed the content; `binary` is r and s, big-endian, one after the other."""
    try:
        DSS.new(point, "fips-186-3", encoding=encoding).verify(hashes.new(content), signature)
    except ValueError:
        return False
    return True


def check_chain(chain: Sequence[Certificate], roots: Collection[str], now_ms: int) -> None:
    """Raise UntrustedChain unless each is certified by the next, the last by itself, and its key is a known root.

    From the root on, so that no key is used before it is certified: a stranger's may cost seconds.
    """
    if chain[-1].key_digest not in roots:
        raise UntrustedChain(f"The root's key {chain[-1].key_digest[:16]} is no vendor's.")
    for certificate, issuer in reversed(list(pairwise([*chain, chain[-1]]))):
        if certificate.issuer != issuer.subject or not issuer.is_authority:
            raise UntrustedChain("A certificate names another issuer, or one that may not certify.")
        if not certificate.not_before_ms <= now_ms < certificate.not_after_ms:
            raise UntrustedChain("A certificate does not hold now.")
        if not is_signed_by(certificate, issuer):
            raise UntrustedChain("A certificate was not signed by the next.")
