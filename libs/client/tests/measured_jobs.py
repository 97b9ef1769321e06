"""A network that answers of jobs ordered before: what their segments told of committing."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.schema.values import derive_id

SHAPE: dict[str, Any] = {"model": "a" * 64, "batch": 2}
VIEW = {"requester": "r", "state": "settled", "price_limit": 1, "segments": 2, "submitted_ms": 1}

Told = Sequence[tuple[str, float]]
"""By whom, and which share."""


class Door:
    """What the network answers about the jobs that were ordered before: parameters, and the shares that were told."""

    def __init__(self, *jobs: tuple[str, Mapping[str, Any], Told]) -> None:
        self.jobs = {derive_id("j", number): job for number, job in enumerate(jobs)}
        self.asked: list[str] = []

    async def ask(self, question: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(question)
        if question == "jobs":
            return {"jobs": [self.view(job_id) | {"params": {}} for job_id in reversed(self.jobs)]}
        assert question == "job"
        steps = [step({"commit_share": share}, by) for by, share in self.jobs[body["job_id"]][2]]
        return self.view(body["job_id"]) | {"timeline": [*steps, step({}), step({"loss": 1.0})]}

    def view(self, job_id: str) -> dict[str, Any]:
        kind, params, _ = self.jobs[job_id]
        return VIEW | {"job_id": job_id, "kind": kind, "params": params, "deadline_ms": 1}


def step(metrics: dict[str, float], by: str = "p") -> dict[str, Any]:
    return {"time_ms": 1, "event": "lease.committed", "actor": by, "about": "l", "detail": {"metrics": metrics}}


def ran(shares: Sequence[float], kind: str = "finetune", **params: Any) -> tuple[str, dict[str, Any], Told]:
    """A job of segments of four steps, of which each told such a share."""
    return kind, SHAPE | {"steps": 8, "segment_steps": 4} | params, [("p", share) for share in shares]
