"""The whole of an epoch, gathered lease by lease: what is drawn from, and what decides how much of it. Pure.

Of a lease nothing else is held than its place on the line, so that an epoch of many thousands fits in memory.
"""

from dataclasses import dataclass, field

from assay.proof.epoch import Entry, Range
from assay.proof.policy import numerics_of, tiers_of, work_of
from assay.schema.job import JobSpec
from assay.schema.values import cost_of
from assay.verification.domain.case import Case


@dataclass
class Whole:
    """What the leases of an epoch come to: pay in base units, stated compute in ms, ranges and demands by job.

    `specs` are one for each way in which the epoch's work is checked; `machines` the classes that it states.
    """

    pay: int = 0
    work_ms: int = 0
    ranges: dict[str, list[Range]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    machines: set[str | None] = field(default_factory=set)
    ways: dict[object, JobSpec] = field(default_factory=dict)

    @property
    def specs(self) -> list[JobSpec]:
        """One order for each way of checking."""
        return list(self.ways.values())

    def add(self, case: Case, entry: Entry) -> None:
        """Counts a lease's work, which stands in the epoch as this entry."""
        granted, spec = case.granted, case.granted.spec
        self.pay += cost_of(sum(commit.units for commit in case.commits), granted.mega_unit_price)
        self.work_ms += case.job_ms
        costs = tuple(max(commit.units, 1) for commit in case.commits)
        self.ranges.setdefault(granted.job_id, []).append(Range(entry, (), costs))
        self.asked[granted.job_id] = spec.policy.audit_segments
        self.machines |= {commit.machine for commit in case.commits}
        way = (work_of(spec.kind), numerics_of(spec.params), tiers_of(spec.kind, spec.params, spec.policy))
        self.ways.setdefault(way, spec)
