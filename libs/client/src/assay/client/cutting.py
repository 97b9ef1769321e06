"""How an order is cut that names no `segment_steps`: as long as the hash rule asks, by what work alike has measured.

The cut is part of the signed order, so provider, verifiers and court go by the same segments. It is made before that,
of what the providers of the requester's last order alike told with each closed segment. They say it of themselves: the
median bears one that lies, and whoever doubts it names `segment_steps`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Protocol

from assay.bus.feed import replayed
from assay.client.view import JobView
from assay.proof.cutting import SHARE_MAX, commit_steps, steps_enough
from assay.proof.economics import MILLION
from assay.schema.event import decode
from assay.schema.job import JobSubmitted

LENGTH: Final = "segment_steps"
# What neither a step's time nor the size of the state depends on.
FREE: Final = frozenset(
    {LENGTH, "steps", "data", "start_from", "seed", "learning_rate", "weight_decay", "schedule", "warmup_steps"}
    | {"clip_norm", "heldout_share", "evaluate_windows", "model_parameters"}
)
# More segments no job has.
SEGMENTS_MAX: Final = 10_000
PAGE: Final = 256
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
    for order in (await orders_alike(door, kind, params))[:JOBS_MAX]:
        view = JobView.model_validate(await door.ask("job", {"job_id": order.job_id}))
        told = (step.detail.get("metrics", {}).get("commit_share") for step in view.timeline)
        if found := measured(told, order.spec.params.get(LENGTH)):
            return cut_by(params, found)
    return Cut(dict(params))


async def orders_alike(door: Asker, kind: str, params: Mapping[str, Any]) -> list[JobSubmitted]:
    """The requester's own orders for work of the same step and state, newest first."""
    found: list[JobSubmitted] = []
    after, shape = 0, shape_of(params)
    while True:
        asked = {"after": after, "limit": PAGE, "feed": "own", "entity": "job"}
        items = replayed(await door.ask("replay", asked))
        if not items:
            return found[::-1]
        after = items[-1].seq
        events = (decode(item.headers, item.data).event for item in items)
        orders = (event for event in events if isinstance(event, JobSubmitted) and event.spec.kind == kind)
        found += (order for order in orders if shape_of(order.spec.params) == shape)


def shape_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """What of the parameters a step's time and the state's size depend on."""
    return {name: value for name, value in params.items() if name not in FREE}


def measured(shares: Iterable[Any], segment_steps: Any) -> float | None:
    """How many steps' time a commitment took, by the median; None where nothing was told."""
    told = [share for share in shares if isinstance(share, float) and 0 < share < 1]
    if not told or not isinstance(segment_steps, int):
        return None
    return commit_steps(median(told), segment_steps)


def cut_by(params: Mapping[str, Any], commit: float) -> Cut:
    """The parameters cut by the hash rule, where a commitment takes the time of so many steps (`commit`)."""
    steps = params["steps"]
    fewest = math.ceil(steps / SEGMENTS_MAX) * SHARE_MAX
    length = steps_enough(1.0, max(commit, fewest), steps)
    return Cut({**params, LENGTH: length}, math.ceil(commit / length * MILLION))
