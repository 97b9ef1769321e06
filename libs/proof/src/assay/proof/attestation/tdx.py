"""Intel TDX: a quote of version 4, from the guest's measurements to the quoting enclave to Intel's root.

The guest's report is signed by a key of the quoting enclave; that enclave's own report names the key, and is signed by
the platform's key (PCK), whose certificates stand in the quote. Layout: Intel TDX DCAP quote generation library.

What Intel says of a firmware's state (TCB info, revocation) is fetched from a service and is not looked at here: the
operator sets the least versions instead, and so must follow Intel's advisories.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC

from assay.proof.attestation.accepted import Accepted, Attested, check_terms
from assay.proof.attestation.certificate import UNREADABLE, Certificate, check_chain, is_ecdsa, read_certificate
from assay.proof.attestation.errors import BadReport, DebugAllowed, ForgedReport, UntrustedChain

QUOTE_BYTES_MAX: Final = 16_384
VERSION, ECDSA_P256, TDX = 4, 2, 0x81
ENCLAVE_VENDOR: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
HEADER_BYTES, BODY_BYTES, ENCLAVE_BYTES = 48, 584, 384
SIGNATURE_BYTES, KEY_BYTES, HASH_BYTES = 64, 64, 32
MEASURED: Final = ((136, 184), (328, 376), (376, 424), (424, 472), (472, 520))
"""Where MRTD and the four run-time measurements stand in the guest's report."""
MODULE: Final = slice(64, 120)
"""Who signed the TDX module, and its attributes: all zeros for Intel's own."""
DEBUG: Final = 1
ENCLAVE_DEBUG: Final = 1 << 1
ENCLAVE_SIGNER: Final = bytes.fromhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5")
ENCLAVE_PRODUCT: Final = 2
ENCLAVE_REPORT, CHAIN_OF_PEM = 6, 5
CURVE: Final = "NIST P-256"
CHAIN_CERTIFICATES: Final = 3
PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
ROOTS: Final = frozenset({"a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"})
"""Intel's root: the SHA-256 of the public key of the SGX Root CA."""


class Reader:
    """A cursor over bytes that come from a stranger."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """The next bytes. Raises BadReport where there are fewer."""
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise BadReport(f"The quote ends where {size} bytes are missing.")
        self._at += size
        return taken

    def number(self, size: int) -> int:
        """The next number, little-endian. Raises BadReport."""
        return int.from_bytes(self.take(size), "little")


@dataclass(frozen=True, slots=True)
class Quote:
    """The parts of a quote."""

    header: bytes
    body: bytes
    signature: bytes
    key: bytes
    enclave: bytes
    enclave_signature: bytes
    enclave_data: bytes
    chain: tuple[Certificate, ...]

    @property
    def measurement(self) -> str:
        """One digest over the initial and the run-time measurements, in hex: what the operator lists."""
        return hashlib.sha384(b"".join(self.body[first:end] for first, end in MEASURED)).hexdigest()

    @property
    def firmware(self) -> Mapping[str, int]:
        """The versions of the TDX module's and the platform's parts, by their place in the report."""
        return {f"tdx_{place}": version for place, version in enumerate(self.body[:16])}


def read_quote(data: bytes) -> Quote:
    """The quote of these bytes. Raises BadReport."""
    if len(data) > QUOTE_BYTES_MAX:
        raise BadReport(f"A quote of {len(data)} bytes.")
    reader = Reader(data)
    header, body = reader.take(HEADER_BYTES), reader.take(BODY_BYTES)
    kind = tuple(int.from_bytes(header[at : at + size], "little") for at, size in ((0, 2), (2, 2), (4, 4)))
    if kind != (VERSION, ECDSA_P256, TDX) or header[12:28] != ENCLAVE_VENDOR:
        raise BadReport(f"Version, key and machine {kind} are not those of a TDX quote of version 4.")
    signed = Reader(reader.take(reader.number(4)))
    signature, key = signed.take(SIGNATURE_BYTES), signed.take(KEY_BYTES)
    certified = Reader(part(signed, ENCLAVE_REPORT))
    enclave, enclave_signature = certified.take(ENCLAVE_BYTES), certified.take(SIGNATURE_BYTES)
    enclave_data = certified.take(certified.number(2))
    pem = part(certified, CHAIN_OF_PEM)
    return Quote(header, body, signature, key, enclave, enclave_signature, enclave_data, read_chain(pem))


def part(reader: Reader, kind: int) -> bytes:
    """What stands in the next part, of this kind. Raises BadReport for another kind."""
    if (found := reader.number(2)) != kind:
        raise BadReport(f"Certification data of the kind {found}, not {kind}.")
    return reader.take(reader.number(4))


def read_chain(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of the platform's key, its issuer and the root. Raises BadReport."""
    found = PEM.findall(pem)
    if len(found) != CHAIN_CERTIFICATES:
        raise BadReport(f"{len(found)} certificates, not {CHAIN_CERTIFICATES}.")
    try:
        return tuple(read_certificate(base64.b64decode(b"".join(each.split()), validate=True)) for each in found)
    except binascii.Error:
        raise BadReport("A certificate that is not base64.") from None


def verify_tdx(
    data: bytes, expected: bytes, accepted: Accepted, now_ms: int, roots: frozenset[str] = ROOTS
) -> Attested:
    """What the quote attests; `expected` is the `binding` that it must carry. Raises NotAttested, by its reason."""
    quote = read_quote(data)
    check_chain(quote.chain, roots, now_ms)
    check_enclave(quote)
    if not is_signed(quote.key, quote.header + quote.body, quote.signature):
        raise ForgedReport("The signature is not that of the quoting enclave's key.")
    if quote.body[120] & DEBUG:
        raise DebugAllowed("The guest may be debugged.")
    if any(quote.body[MODULE]):
        raise UntrustedChain("The TDX module is not Intel's, or may be debugged.")
    found = Attested("tdx", quote.measurement, quote.firmware)
    return check_terms(found, quote.body[520:584], expected, accepted)


def check_enclave(quote: Quote) -> None:
    """Raise unless the platform's key vouches for the enclave, and the enclave for the key that signed the guest."""
    try:
        platform = ECC.import_key(quote.chain[0].public_key)
    except UNREADABLE:
        raise BadReport("The platform's key is none.") from None
    if platform.curve != CURVE or not is_ecdsa(platform, SHA256, quote.enclave, quote.enclave_signature):
        raise ForgedReport("The platform's key did not sign the quoting enclave's report.")
    if quote.enclave[320:352] != hashlib.sha256(quote.key + quote.enclave_data).digest():
        raise ForgedReport("The quoting enclave vouches for another key.")
    if quote.enclave[48] & ENCLAVE_DEBUG:
        raise UntrustedChain("The quoting enclave may be debugged.")
    if quote.enclave[128:160] != ENCLAVE_SIGNER or int.from_bytes(quote.enclave[256:258], "little") != ENCLAVE_PRODUCT:
        raise UntrustedChain("The quoting enclave is not Intel's for TDX.")


def is_signed(key: bytes, content: bytes, signature: bytes) -> bool:
    """Whether a bare P-256 key, x and y, signed the content; a point that is none signs nothing."""
    x, y = (int.from_bytes(half, "big") for half in (key[:HASH_BYTES], key[HASH_BYTES:]))
    try:
        point = ECC.construct(curve="P-256", point_x=x, point_y=y)
    except UNREADABLE:
        return False
    return is_ecdsa(point, SHA256, content, signature)
