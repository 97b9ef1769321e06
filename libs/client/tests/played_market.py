"""A market that is played for the keepers of runs: it takes every job once, and lets a process end anywhere."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.proof.digest import blob_digest
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.values import Requirements
from assay.workloads import read_params, workload


class Ended(BaseException):
    """The keeper's process ends here."""


class PlayedMarket:
    """Jobs of so many units, each at the one price limit that fits; `tick` is called around all that is asked.

    Of `keys` are inputs that were added sealed; `seals` are those that were asked for, each with its regions; `under`
    which of them results were made. So many of those that are read next are `garbled`.
    """

    units: int
    price_limit: int
    tick_ms: int

    def __init__(self) -> None:
        self.jobs, self.cancelled, self.clock = dict[str, JobSpec](), list[str](), 0
        self.tick: Callable[[], None] = lambda: None
        self.seals, self.keys = dict[str, tuple[str, ...]](), set[str]()
        self.under = dict[str, str | None]()
        self.garbled = 0

    def now_ms(self) -> int:
        self.clock += self.tick_ms
        return self.clock

    async def spec(self, kind: str, params: Mapping[str, Any], *, requirements: Requirements | None = None) -> JobSpec:
        plain = json.loads(json.dumps(dict(params)))
        inputs = tuple(workload(kind).inputs(read_params(kind, plain)))
        cut = {"segments": 1, "segment_units": self.units, "requirements": requirements}
        return JobSpec(kind=kind, params=plain, inputs=inputs, sealed=sorted(self.keys & set(inputs)), **cut)

    def is_garbled(self, digest: str, seal: str | None) -> bool:
        """Whether a result that is read now is one of so many `garbled`. Raises Refused if it is sealed, too."""
        assert seal == self.under[digest]
        if not self.garbled:
            return False
        self.garbled -= 1
        if seal:
            raise Refused("blob.unopened")
        return True

    async def new_seal(self, regions: Sequence[str] = ()) -> str:
        self.tick()
        seal = blob_digest(str(len(self.seals)).encode())
        self.seals[seal] = tuple(regions)
        return seal

    async def submit_spec(self, spec: JobSpec, price_limit: int, deadline_s: int = 0, job_id: str | None = None) -> str:
        self.tick()
        assert job_id is not None and job_id not in self.jobs and price_limit == self.price_limit
        self.jobs[job_id] = spec
        self.tick()
        return job_id
