"""What the door knows and weighs: who speaks, of what, and how often. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from assay.schema.audit import AuditState
from assay.schema.dispute import DisputeState
from assay.schema.job import JobState
from assay.schema.lease import LeaseState
from assay.schema.values import PARTICIPANTS, Role

PUBLIC: Final = "public"
OF_LEASES: Final = ("lease.", "voucher.")
"""How the types of events begin that a provider says of a lease."""
OPEN_LEASE: Final = frozenset({LeaseState.GRANTED, LeaseState.RUNNING})
# After these nothing more is owed for a lease; one that is not known yet has nothing to be owed for.
PAST_VOUCHERS: Final = frozenset(
    {None, LeaseState.REJECTED, LeaseState.PAID, LeaseState.SLASHED, LeaseState.SPARED},
)
# Between these the verifier itself speaks, which is not heard here.
OPEN_AUDIT: Final = frozenset({None, AuditState.ASSIGNED, AuditState.CALLED})
# After these nobody is heard in a dispute any more.
ENDED_DISPUTE: Final = frozenset({DisputeState.PROVEN, DisputeState.JUDGED, DisputeState.RULED})
# A job that is not known to any stream yet counts as alive: it was let in a moment ago.
ALIVE_JOB: Final = frozenset({None, JobState.SUBMITTED, JobState.FUNDED, JobState.MATCHED, JobState.RUNNING})


@dataclass(frozen=True, slots=True)
class Speaker:
    """An account and whose it is; `participant` is empty for an observer."""

    account: str
    role: Role
    participant: str
    is_revoked: bool = False

    @property
    def recipient(self) -> str:
        """The feed that is this speaker's own."""
        return self.participant or PUBLIC


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """To whom a lease was granted, and how far it came as far as the gateway has heard."""

    job_id: str
    provider: str
    fence: int
    state: str | None

    @property
    def is_open(self) -> bool:
        """Whether its provider may still speak of it."""
        return self.state in OPEN_LEASE

    @property
    def is_owed(self) -> bool:
        """Whether its provider may still say what it is owed for it."""
        return self.state not in PAST_VOUCHERS


@dataclass(frozen=True, slots=True)
class SpareHeld:
    """Who keeps warm for which job, and whether it does still as far as the gateway has heard."""

    job_id: str
    provider: str
    state: str | None


@dataclass(frozen=True, slots=True)
class JobHeld:
    """Whose a job is, and how far it came as far as the gateway has heard."""

    requester: str
    state: str | None

    @property
    def is_alive(self) -> bool:
        """Whether it can still be withdrawn."""
        return self.state in ALIVE_JOB


@dataclass(frozen=True, slots=True)
class AuditHeld:
    """Whose an audit is, and how far it came as far as the gateway has heard."""

    verifier: str
    state: str | None

    @property
    def is_open(self) -> bool:
        """Whether its verifier may still speak of it."""
        return self.state in OPEN_AUDIT


@dataclass(frozen=True, slots=True)
class BeaconHeld:
    """Whose a share of an epoch's beacon is, and how far it came as far as the gateway has heard."""

    verifier: str
    epoch_id: str
    state: str | None


@dataclass(frozen=True, slots=True)
class ChallengeHeld:
    """Who was challenged, until when, and how far it came as far as the gateway has heard."""

    provider: str
    due_ms: int
    state: str | None


@dataclass(frozen=True, slots=True)
class DisputeHeld:
    """Whose a dispute is, and how far it came as far as the gateway has heard."""

    provider: str
    verifier: str
    state: str | None

    @property
    def is_open(self) -> bool:
        """Whether its parties may still speak of it."""
        return self.state not in ENDED_DISPUTE


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables say about all that one batch names."""

    speakers: Mapping[str, Speaker] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    leases: Mapping[str, LeaseHeld] = field(default_factory=dict)
    jobs: Mapping[str, JobHeld] = field(default_factory=dict)
    audits: Mapping[str, AuditHeld] = field(default_factory=dict)
    beacons: Mapping[str, BeaconHeld] = field(default_factory=dict)
    disputes: Mapping[str, DisputeHeld] = field(default_factory=dict)
    epochs: Mapping[str, str] = field(default_factory=dict)
    challenges: Mapping[str, ChallengeHeld] = field(default_factory=dict)
    spares: Mapping[str, SpareHeld] = field(default_factory=dict)
    leaving: frozenset[tuple[str, str]] = frozenset()
    """What is being let go: account and digest."""


class Rates:
    """A bucket of tokens for each account: it fills by `per_s` up to `burst`, and each message takes one."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s, self._burst = per_s, float(burst)
        self._levels: dict[str, tuple[float, int]] = {}

    def take(self, account: str, now_ms: int) -> float:
        """How many seconds the account has to wait; 0 if a token was there, and is taken."""
        if wait_s := self.wait_s(account, now_ms):
            return wait_s
        level, at_ms = self._levels[account]
        self._levels[account] = (level - 1, at_ms)
        return 0.0

    def wait_s(self, account: str, now_ms: int) -> float:
        """How many seconds it is until there is a token; none is taken."""
        level, at_ms = self._levels.get(account, (self._burst, now_ms))
        level = min(self._burst, level + max(now_ms - at_ms, 0) / 1000 * self._per_s)
        self._levels[account] = (level, now_ms)
        return max(1 - level, 0) / self._per_s


def is_bound(role: Role, participant: str) -> bool:
    """Whether an account of that role may be bound to that id: its letter is the role's; observers have none."""
    if role is Role.OBSERVER:
        return not participant
    return role in PARTICIPANTS and participant[:1] == PARTICIPANTS[role]
