"""Reports and certificates in the vendors' layouts, signed with keys of the test's own: no hardware made them."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from Crypto.Hash import SHA256, SHA384
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import DSS, pss
from Crypto.Util.asn1 import (
    DerBitString,
    DerBoolean,
    DerInteger,
    DerNull,
    DerObjectId,
    DerOctetString,
    DerSequence,
)

from assay.proof.attestation import SnpEvidence, binding
from assay.proof.attestation.snp import CHIP as CHIP_NAME
from assay.proof.attestation.snp import OLDER, PARTS, SPL
from assay.proof.attestation.tdx import ENCLAVE_PRODUCT, ENCLAVE_SIGNER, ENCLAVE_VENDOR

NOW_MS = 1_800_000_000_000
EXPECTED = binding("pprovider", "c" * 64, "5" * 64)
CHIP = bytes(range(64))
MEASUREMENT = bytes(range(100, 148))
FIRMWARE = {"bootloader": 3, "tee": 0, "snp": 8, "microcode": 115}
PSS, ECDSA = "1.2.840.113549.1.1.10", "1.2.840.10045.4.3.2"


@cache
def rsa_key() -> Any:
    return RSA.generate(2048)


@cache
def point(name: str, curve: str) -> Any:
    return ECC.generate(curve=curve)


def tagged(tag: int, payload: bytes) -> bytes:
    return bytes([tag]) + bytes(DerOctetString(payload).encode()[1:])


def public(key: Any) -> bytes:
    return bytes(key.export_key("DER") if isinstance(key, RSA.RsaKey) else key.export_key(format="DER"))


def certificate(
    subject: str,
    key: Any,
    issuer: str,
    signer: Any,
    extensions: Mapping[str, bytes] | None = None,
    is_authority: bool = True,
    until: str = "20990101000000Z",
) -> bytes:
    """A certificate in DER: by RSA as AMD signs, else by ECDSA as Intel does."""
    held = dict(extensions or {})
    if is_authority:
        held["2.5.29.19"] = DerSequence([DerBoolean(True).encode()]).encode()
    listed = [DerSequence([DerObjectId(o).encode(), DerOctetString(v).encode()]).encode() for o, v in held.items()]
    is_rsa = isinstance(signer, RSA.RsaKey)
    algorithm = DerSequence([DerObjectId(PSS if is_rsa else ECDSA).encode(), DerNull().encode()]).encode()
    names = [DerSequence([DerOctetString(each.encode()).encode()]).encode() for each in (issuer, subject)]
    validity = DerSequence([tagged(0x17, b"200101000000Z"), tagged(0x18, until.encode())]).encode()
    signed = DerSequence(
        [
            tagged(0xA0, DerInteger(2).encode()),
            1,
            algorithm,
            names[0],
            validity,
            names[1],
            public(key.public_key()),
            tagged(0xA3, DerSequence(listed).encode()),
        ]
    ).encode()
    if is_rsa:
        signature = pss.new(signer).sign(SHA384.new(signed))
    else:
        signature = DSS.new(signer, "fips-186-3", encoding="der").sign(SHA256.new(signed))
    return bytes(DerSequence([signed, algorithm, DerBitString(signature).encode()]).encode())


@dataclass(frozen=True)
class Snp:
    """A report and its chain, honest but for what a test changes."""

    policy: int = 0x30000
    flags: int = 0
    level: int = 0
    carried: bytes = EXPECTED
    chip: bytes = CHIP
    certified: Mapping[str, int] = field(default_factory=lambda: FIRMWARE)
    root: str = "ark"
    issuer: str = "ask"
    until: str = "20990101000000Z"
    is_authority: bool = True

    def but(self, **changes: Any) -> "Snp":
        return replace(self, **changes)

    @property
    def report(self) -> bytes:
        body = bytearray(0x2A0)
        numbers = {0x00: (2, 4), 0x08: (self.policy, 8), 0x30: (self.level, 4), 0x34: (1, 4), 0x48: (self.flags, 4)}
        for at, (number, size) in numbers.items():
            body[at : at + size] = number.to_bytes(size, "little")
        body[0x50:0x90], body[0x90:0xC0], body[0x1A0:0x1E0] = self.carried, MEASUREMENT, CHIP
        for name, at in OLDER.items():
            body[0x180 + at] = FIRMWARE[name]
        signature = DSS.new(point("vcek", "P-384"), "fips-186-3").sign(SHA384.new(bytes(body)))
        r, s = (part[::-1].ljust(72, b"\0") for part in (signature[:48], signature[48:]))
        return bytes(body) + (r + s).ljust(512, b"\0")

    @property
    def evidence(self) -> SnpEvidence:
        parts = {f"{SPL}{PARTS[name]}": DerInteger(v).encode() for name, v in self.certified.items()}
        vcek = certificate(
            "vcek", point("vcek", "P-384"), self.issuer, rsa_key(), {**parts, CHIP_NAME: self.chip}, False, self.until
        )
        ask = certificate("ask", rsa_key(), self.root, rsa_key(), is_authority=self.is_authority)
        return SnpEvidence(self.report, vcek, ask, certificate("ark", rsa_key(), "ark", rsa_key()))


def snp_roots() -> dict[str, str]:
    return {hashlib.sha256(public(rsa_key().public_key())).hexdigest(): "Milan"}


@dataclass(frozen=True)
class Tdx:
    """A quote, honest but for what a test changes."""

    attributes: int = 0
    module: bytes = bytes(56)
    carried: bytes = EXPECTED
    signer: bytes = ENCLAVE_SIGNER
    enclave_flags: int = 0x15
    vouched: bytes = b""
    version: int = 4

    def but(self, **changes: Any) -> "Tdx":
        return replace(self, **changes)

    @property
    def quote(self) -> bytes:
        keys = {name: point(name, "P-256") for name in ("root", "platform", "pck", "guest")}
        header = b"".join(n.to_bytes(size, "little") for n, size in ((self.version, 2), (2, 2), (0x81, 4), (0, 4)))
        header += ENCLAVE_VENDOR + bytes(20)
        body = bytearray(584)
        body[0], body[2], body[120], body[64:120], body[520:584] = 3, 4, self.attributes, self.module, self.carried
        body[136:184] = MEASUREMENT
        bare = b"".join(int(n).to_bytes(32, "big") for n in keys["guest"].pointQ.xy)
        enclave = bytearray(384)
        enclave[48], enclave[128:160], enclave[256] = self.enclave_flags, self.signer, ENCLAVE_PRODUCT
        enclave[320:352] = hashlib.sha256((self.vouched or bare) + b"data").digest()
        chain = [
            certificate("pck", keys["pck"], "platform", keys["platform"], is_authority=False),
            certificate("platform", keys["platform"], "root", keys["root"]),
            certificate("root", keys["root"], "root", keys["root"]),
        ]
        certified = bytes(enclave) + sign(keys["pck"], bytes(enclave)) + sized(b"data", 2)
        certified += (5).to_bytes(2, "little") + sized(b"".join(map(pem, chain)), 4)
        signed = sign(keys["guest"], header + bytes(body)) + bare + (6).to_bytes(2, "little") + sized(certified, 4)
        return header + bytes(body) + sized(signed, 4)


def tdx_roots() -> frozenset[str]:
    return frozenset({hashlib.sha256(public(point("root", "P-256").public_key())).hexdigest()})


def sign(key: Any, content: bytes) -> bytes:
    return bytes(DSS.new(key, "fips-186-3").sign(SHA256.new(content)))


def sized(content: bytes, size: int) -> bytes:
    return len(content).to_bytes(size, "little") + content


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(der) + b"\n-----END CERTIFICATE-----\n"
