"""A job as its requester sees it."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

ENDS: Final = ("job.settled", "job.refunded", "job.unfunded")
"""The last event of a job, one of these."""


class Row(BaseModel):
    """A part of a view; a newer gateway may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Step(Row):
    """One event of a job's or a lease's life."""

    time_ms: int
    event: str
    actor: str
    about: str
    detail: dict[str, Any] = {}


class LeaseView(Row):
    """One lease of a job."""

    lease_id: str
    provider: str
    fence: int
    state: str
    first_segment: int = 0
    segments: int = 0
    vouched: int = 0
    paid: int = 0
    slashed: int = 0


class VerdictView(Row):
    """One verdict on a lease of a job."""

    verdict_id: str
    lease_id: str
    outcome: str
    drawn: list[int]
    codes: list[str]
    audit_ms: int
    job_ms: int


class EpochView(Row):
    """One epoch in which work of a job is pooled for its audit."""

    epoch_id: str
    provider: str
    number: int
    state: str | None
    """Where it stands; none while it stays open until `closes_ms`, for as many segments as are needed."""
    root: str | None = None
    segments: int = 0
    needed: int = 0
    closes_ms: int | None = None
    why: str = ""
    units: int = 0
    drawn: int = 0
    waiting: dict[str, int] = {}
    unproven: dict[str, int] = {}
    """Why verifiers did not answer drawn segments that are not paid for it, and how often."""
    anchor_block: int | None = None
    anchor_tx: str | None = None
    beacon_block: int | None = None
    seed: str | None = None
    reason: str | None = None


class JobView(Row):
    """A job: where it stands, how it came there, and what it cost."""

    job_id: str
    requester: str
    kind: str
    params: dict[str, Any] = {}
    """As they were ordered; none in a list of jobs."""
    state: str
    price_limit: int
    segments: int
    submitted_ms: int
    deadline_ms: int
    committed: int = 0
    result: str | None = None
    seal: str | None = None
    """The name of the key under which what was made for it is sealed."""
    receipt: str | None = None
    paid: int = 0
    audited: int = 0
    refunded: int = 0
    payment: int | None = None
    gas: int = 0
    cost_share_ppm: int | None = None
    reason: str | None = None
    waiting: dict[str, int] = {}
    """How many offers each reason kept out when it last found no provider."""
    leases: list[LeaseView] = []
    spares: dict[str, str] = {}
    """The providers that keep warm for it, by the spares' ids."""
    verdicts: list[VerdictView] = []
    epochs: list[EpochView] = []
    timeline: list[Step] = []

    @property
    def is_at_rest(self) -> bool:
        """Whether the job has ended and, if it was settled, what each of its leases is paid has been read, too."""
        unpaid = any(each.state == "verified" and each.segments for each in self.leases)
        return f"job.{self.state}" in ENDS and not (self.state == "settled" and unpaid)
