"""What the operator takes, what a verified report attests, and what it must be bound to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from blake3 import blake3

from assay.proof.attestation.errors import OldFirmware, UnboundReport, UnknownImage
from assay.schema.values import Digest

BINDING: Final = b"assay.attestation.1"
BOUND_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Accepted:
    """Launch measurements that are taken, in hex, and the least version of each part of the firmware, by its name."""

    measurements: frozenset[str]
    firmware_min: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attested:
    """What stands: an image of this measurement runs on a chip of this technology, bound to what was asked for."""

    technology: str
    measurement: str
    firmware: Mapping[str, int]


def binding(provider: str, machine: Digest, challenge: Digest) -> bytes:
    """The 64 bytes that a report must carry: it is this provider's key, class of machine, and not older than this.

    `challenge` is what nobody knew before, such as the seed of the provider's last epoch.
    """
    text = f"{provider}/{machine}/{challenge}".encode()
    return blake3(BINDING + text).digest(BOUND_BYTES)


def check_terms(found: Attested, carried: bytes, expected: bytes, accepted: Accepted) -> Attested:
    """What was found, if it is what the operator takes. Raises UnboundReport, UnknownImage, OldFirmware."""
    if carried != expected:
        raise UnboundReport(f"It carries {carried.hex()[:16]}, not {expected.hex()[:16]}.")
    if found.measurement not in accepted.measurements:
        raise UnknownImage(f"The measurement is {found.measurement}.")
    for name, least in sorted(accepted.firmware_min.items()):
        if found.firmware.get(name, -1) < least:
            raise OldFirmware(f"{name} is {found.firmware.get(name, 'not said')}, and {least} is the least.")
    return found
