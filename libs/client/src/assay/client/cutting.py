"""How an order is cut that names no `segment_steps`: as long as the hash rule asks, by what work alike has measured.

The cut is part of the signed order, so provider, verifiers and court go by the same segments. It is made before that,
of what the providers of the requester's last order alike told with each closed segment. They say it of themselves: of
several the median bears fewer than half that lie, and one alone moves the length tenfold at most. Whoever doubts it
names `segment_steps`.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Protocol

from assay.client.view import JobView
from assay.proof.cutting import SHARE_MAX, commit_steps, steps_enough
from assay.proof.economics import MILLION

LENGTH: Final = "segment_steps"
# What neither a step's time nor the size of the state depends on.
FREE: Final = frozenset(
    {LENGTH, "steps", "data", "start_from", "seed", "learning_rate", "weight_decay", "schedule", "warmup_steps"}
    | {"clip_norm", "heldout_share", "evaluate_windows", "model_parameters"}
)
# More segments no job has.
SEGMENTS_MAX: Final = 10_000
# A segment that verifiers cannot repeat in time is one that nobody checks: no word of a provider leads there at once.
CHANGE_MAX: Final = 10
JOBS_MAX: Final = 8


class Asker(Protocol):
    """Whoever can ask at the door."""

    async def ask(self, question: str, body: Mapping[str, Any], /) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Cut:
    """Parameters of an order, and what commitments will take of its compute, in millionths; None if nobody measured."""

    params: dict[str, Any]
    commit_ppm: int | None = None


async def cut(door: Asker, kind: str, params: Mapping[str, Any]) -> Cut:
    """The parameters, with a length of segments where they want one and work alike has measured it."""
    if LENGTH in params or not isinstance(params.get("steps"), int) or params["steps"] < 1:
        return Cut(dict(params))
    latest = [job["job_id"] for job in (await door.ask("jobs", {}))["jobs"] if job["kind"] == kind]
    for job_id in latest[:JOBS_MAX]:
        job = JobView.model_validate(await door.ask("job", {"job_id": job_id}))
        if shape_of(job.params) == shape_of(params) and (found := measured(job)):
            return cut_by(params, found, job.params[LENGTH])
    return Cut(dict(params))


def shape_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """What of the parameters a step's time and the state's size depend on."""
    return {name: value for name, value in params.items() if name not in FREE}


def measured(job: JobView) -> float | None:
    """How many steps' time a commitment took, by the median of its providers; None where nothing was told."""
    told = defaultdict[str, list[float]](list)
    for step in job.timeline:
        share = step.detail.get("metrics", {}).get("commit_share")
        if isinstance(share, float) and 0 < share < 1:
            told[step.actor].append(share)
    if not told or not isinstance(job.params.get(LENGTH), int):
        return None
    # Each provider has one voice, however many segments it closed.
    return commit_steps(median(map(median, told.values())), job.params[LENGTH])


def cut_by(params: Mapping[str, Any], commit: float, last: int) -> Cut:
    """The parameters cut by the hash rule, where a commitment takes the time of so many steps (`commit`).

    At most so much longer or shorter than segments were (`last`): who alone told it may have lied.
    """
    steps = params["steps"]
    fewest = math.ceil(steps / SEGMENTS_MAX)
    wanted = max(fewest, min(max(commit / SHARE_MAX, last / CHANGE_MAX), last * CHANGE_MAX))
    length = steps_enough(1.0, wanted * SHARE_MAX, steps)
    return Cut({**params, LENGTH: length}, min(MILLION, math.ceil(commit / length * MILLION)))
