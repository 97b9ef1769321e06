"""A network that answers of jobs ordered before: what their segments told of committing."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.bus.feed import FeedItem, replay_answer
from assay.proof import Domain, Key, sign_event, sign_order
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.values import Role, derive_id, participant_id

KEY = Key.from_hex("55" * 32)
DOMAIN = Domain(31337, "0x" + "5a" * 20)
ME = participant_id(Role.REQUESTER, KEY.address)
SHAPE: dict[str, Any] = {"model": "a" * 64, "batch": 2}
VIEW = {"requester": ME, "kind": "finetune", "state": "settled", "price_limit": 1, "segments": 2, "submitted_ms": 1}


class Door:
    """What the network answers about the jobs that were ordered before: parameters, and the shares that were told."""

    def __init__(self, *jobs: tuple[str, Mapping[str, Any], Sequence[float]]) -> None:
        self.jobs = {derive_id("j", number): job for number, job in enumerate(jobs)}
        self.asked: list[str] = []

    async def ask(self, question: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(question)
        if question == "job":
            shares = self.jobs[body["job_id"]][2]
            steps = [step({"commit_share": share}) for share in shares] + [step({}), step({"loss": 1.0})]
            return VIEW | {"job_id": body["job_id"], "deadline_ms": 1, "timeline": steps}
        assert (body["feed"], body["entity"]) == ("own", "job")
        items = [item(at + 1, job_id, kind, params) for at, (job_id, (kind, params, _)) in enumerate(self.jobs.items())]
        return replay_answer(items[body["after"] :][:2])


def step(metrics: dict[str, float]) -> dict[str, Any]:
    return {"time_ms": 1, "event": "lease.committed", "actor": "p", "about": "l", "detail": {"metrics": metrics}}


def item(seq: int, job_id: str, kind: str, params: Mapping[str, Any]) -> FeedItem:
    spec = JobSpec(kind=kind, params=dict(params), segments=2, segment_units=1)
    signature = sign_order(KEY, DOMAIN, job_id, ME, spec, 1, 2**40)
    order = JobSubmitted(
        job_id=job_id, requester=ME, spec=spec, price_limit=1, deadline_ms=2**40, order_signature=signature
    )
    said = sign_event(KEY, DOMAIN, order, ME, 1)
    return FeedItem(seq, said.headers(), said.data)


def ran(shares: Sequence[float], kind: str = "finetune", **params: Any) -> tuple[str, dict[str, Any], Sequence[float]]:
    """A job of segments of four steps, of which each told such a share."""
    return kind, SHAPE | {"steps": 8, "segment_steps": 4} | params, shares
