"""The values that events are made of: ids, digests, money, and what a job may require.

Ids are lower-case base32 (RFC 4648 without padding), so that each is one token of a subject.
A participant's id is its role's letter and the 20 bytes of its EVM address: identity needs no registry.
"""

import base64
import hashlib
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

TOKEN = r"[a-z2-7]+"


class Role(StrEnum):
    """Who may speak: the four participants, and the services of the operator."""

    REQUESTER = "requester"
    PROVIDER = "provider"
    VERIFIER = "verifier"
    OBSERVER = "observer"
    DISCOVERY = "discovery"
    MATCHING = "matching"
    EXECUTION = "execution"
    VERIFICATION = "verification"
    SETTLEMENT = "settlement"
    GATEWAY = "gateway"


PARTICIPANTS = {Role.REQUESTER: "r", Role.PROVIDER: "p", Role.VERIFIER: "v", Role.OBSERVER: "o"}

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z2-7]{6,51}$")]
JobId = Annotated[str, StringConstraints(pattern=r"^j[a-z2-7]{26}$")]
LeaseId = Annotated[str, StringConstraints(pattern=r"^l[a-z2-7]{26}$")]
OfferId = Annotated[str, StringConstraints(pattern=r"^f[a-z2-7]{26}$")]
VerdictId = Annotated[str, StringConstraints(pattern=r"^d[a-z2-7]{26}$")]
EpochId = Annotated[str, StringConstraints(pattern=r"^x[a-z2-7]{26}$")]
AuditId = Annotated[str, StringConstraints(pattern=r"^a[a-z2-7]{26}$")]
BeaconId = Annotated[str, StringConstraints(pattern=r"^b[a-z2-7]{26}$")]
PaymentId = Annotated[str, StringConstraints(pattern=r"^m[a-z2-7]{26}$")]
SlashId = Annotated[str, StringConstraints(pattern=r"^s[a-z2-7]{26}$")]
RewardId = Annotated[str, StringConstraints(pattern=r"^w[a-z2-7]{26}$")]
SpareId = Annotated[str, StringConstraints(pattern=r"^k[a-z2-7]{26}$")]
DisputeId = Annotated[str, StringConstraints(pattern=r"^c[a-z2-7]{26}$")]
ChallengeId = Annotated[str, StringConstraints(pattern=r"^h[a-z2-7]{26}$")]
ProviderId = Annotated[str, StringConstraints(pattern=r"^p[a-z2-7]{32}$")]
RequesterId = Annotated[str, StringConstraints(pattern=r"^r[a-z2-7]{32}$")]
VerifierId = Annotated[str, StringConstraints(pattern=r"^v[a-z2-7]{32}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{130}$")]
Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{40}$")]
TxHash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-z_]+)+$")]
MethodName = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=32)]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Reason = Annotated[str, StringConstraints(max_length=400)]
Money = Annotated[int, Field(ge=0, lt=2**128)]
Units = Annotated[int, Field(ge=0, lt=2**63)]
Millis = Annotated[int, Field(ge=0, lt=2**53)]
SegmentIndex = Annotated[int, Field(ge=0, lt=1_000_000)]
Fence = Annotated[int, Field(ge=1, lt=2**32)]
EpochNumber = Annotated[int, Field(ge=1, lt=2**53)]
StepPlace = Annotated[int, Field(ge=1, lt=2**53)]

NO_DIGEST = "0" * 64
BOND_PER_VERIFIER = 100 * 10**18
"""Native base units without which a verifier is never drawn."""
DISPUTE_BOND = 20 * 10**18
"""What each party of a dispute must have free while it stands by its word; stake of whoever is wrong is slashed."""
AUDIT_FEE_PPM = 10_000
"""Of what a lease costs, in parts per million, for the treasury that audits are paid from."""
AUDIT_SEGMENTS = 2
"""What an order asks for by saying nothing: its provider's epoch is drawn as the policy says, and no more."""


class Value(BaseModel):
    """A part of an event: frozen; unknown fields are ignored, so that a newer speaker can be read.

    The validator of each class is made when it is first used: no process uses all of them, and each takes milliseconds.
    Numbers are finite: JSON has no others, and what was read could not be written again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, allow_inf_nan=False)


INPUT_BYTES_ANY: Final = 2**30
"""What a job may bring along unsaid, and every machine takes: bytes of its inputs together, as they are stored."""


MEMORY_BYTES_ANY: Final = 2**30
"""What a job may need unsaid, and every machine has: bytes of memory."""
AVOIDED_MAX: Final = 64


class OperatorPlace(Value):
    """An operator of a segment's trace: its step in the segment, and its number in the step."""

    step: Annotated[int, Field(ge=0, lt=2**31)]
    number: Annotated[int, Field(ge=0, lt=2**31)]


class Requirements(Value):
    """What the machine of a provider must offer. Empty `regions` means anywhere.

    `data` is the commitment of a data set that never leaves its provider, and that the work is on. `input_bytes` is
    what the inputs have together, as they are stored: said where that is more than INPUT_BYTES_ANY. `avoid` names
    providers that are not to have it.
    """

    memory_bytes: Annotated[int, Field(ge=0, le=2**50)] = 0
    input_bytes: Annotated[int, Field(ge=0, le=2**50)] = 0
    gpu: bool = False
    regions: tuple[Region, ...] = ()
    reputation_min: Annotated[int, Field(ge=0, le=1_000_000, description="parts per million")] = 0
    data: Digest | None = None
    avoid: Annotated[tuple[ProviderId, ...], Field(max_length=AVOIDED_MAX)] = ()


def odd(count: int) -> int:
    """The number, if it is odd. Raises ValueError."""
    if count % 2 == 0:
        raise ValueError("an even number of answers can be split in halves")
    return count


class Policy(Value):
    """What the requester demands of the proof, and pays for: so many segments of each lease are drawn for audit.

    By `replication` so many verifiers answer at once about each drawn segment, and a quorum of their bonds decides. By
    `trace` its provider runs each drawn segment again and opens every operator's result, which verifiers check.
    `spares` is how many other providers are asked to keep warm while the job runs; that costs nothing. In `haste` its
    provider's epoch does not stay open for more work.
    """

    audit_segments: Annotated[int, Field(ge=1, le=10_000)] = AUDIT_SEGMENTS
    method: Literal["replication", "trace"] | None = None
    replicas: Annotated[int, Field(ge=3, le=15), AfterValidator(odd)] = 3
    spares: Annotated[int, Field(ge=0, le=1)] = 0
    haste: bool = False

    @property
    def is_replicated(self) -> bool:
        """Whether several are asked at once."""
        return self.method == "replication"


InputLimit = Annotated[
    int, Field(ge=INPUT_BYTES_ANY, le=2**50, description="what the inputs of a job may have at most, in bytes")
]
"""What is fetched is not paid by itself, so who fetches it says how much it takes."""


class Capacity(Value):
    """What a provider claims it can run: concurrent leases, the memory of each, and the inputs that each may bring."""

    slots: Annotated[int, Field(ge=1, le=4_096)] = 1
    memory_bytes: Annotated[int, Field(ge=0, le=2**50)]
    input_bytes: InputLimit = 2**50
    gpu: str | None = Field(default=None, max_length=64)
    units_per_s: Annotated[
        int, Field(ge=0, lt=2**48, description="speed of a slot, as its provider states it, cost units a second")
    ] = 0

    @property
    def claim(self) -> int:
        """The cost units a second of all slots together: at least one for each."""
        return self.slots * max(1, self.units_per_s)


class HeldData(Value):
    """A data set that never leaves its provider: a name, what commits to its content, its member's public key."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    commitment: Digest
    identity: Digest


def encode_token(raw: bytes) -> str:
    """`raw` as lower-case base32 without padding."""
    return base64.b32encode(raw).decode().rstrip("=").lower()


def decode_token(token: str) -> bytes:
    """The bytes of a base32 token. Raises ValueError (binascii.Error) if it is none."""
    return base64.b32decode(token.upper() + "=" * (-len(token) % 8))


def derive_id(letter: str, *parts: object) -> str:
    """The id that follows from `parts`: the same parts give the same id, so that repeated work changes nothing."""
    text = "\x1f".join(str(part) for part in parts)
    return letter + encode_token(hashlib.blake2b(text.encode(), digest_size=16, person=b"assay.id").digest())


def participant_id(role: Role, address: str) -> str:
    """The id of the participant whose key has the EVM `address` (0x and 40 hex digits)."""
    return PARTICIPANTS[role] + encode_token(bytes.fromhex(address.removeprefix("0x")))


def address_of(participant: str) -> str:
    """The lower-case EVM address of a participant's id. Raises ValueError if it holds no 20 bytes."""
    raw = decode_token(participant[1:])
    if len(raw) != 20:
        raise ValueError(f"{participant} is no participant id")
    return "0x" + raw.hex()


def job_word(job_id: str) -> bytes:
    """The job's id as the contracts' bytes32: its ASCII, padded with zero bytes on the right."""
    return job_id.encode().ljust(32, b"\0")


def cost_of(units: int, mega_unit_price: int) -> int:
    """Price of `units` in the token's base unit at `mega_unit_price` per million units, rounded down to the payee."""
    return units * mega_unit_price // 1_000_000
