"""DiLoCo by the workload itself: each member's round is run as a provider runs it, and its result is a real blob."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ignore_progress, workload
from assay.workloads.diloco.course import begin, read_results, step
from assay.workloads.diloco.space import open_space
from assay.workloads.diloco.states import parted
from assay.workloads.diloco.training import load_trained
from bench.lowcomm.setting import Setting, heldout_loss


@dataclass(frozen=True)
class Way:
    """One way of keeping rounds: how many steps lie between them, and in what code results are sent."""

    name: str
    steps: int
    member: dict[str, Any]
    outer: dict[str, Any]


@dataclass(frozen=True)
class Reached:
    """When the target was reached, if it was, and what a worker had sent by then: alone, and with what it carries."""

    steps: int
    loss: float
    sent: int
    stored: int
    is_reached: bool


def follow(setting: Setting, way: Way, target: float, steps_max: int, tell: Callable[[str], None]) -> Reached:
    """Train in rounds until the held-out loss is the target's."""
    blobs = {blob_digest(shard): shard for shard in setting.shards}
    inputs, work = HeldInputs(setting.store, blobs), workload("diloco")
    first = setting.params(0, inner_steps=way.steps, **way.member, **way.outer)
    space, trained = open_space(first, setting.store), load_trained(first, setting.store, 1)
    outer, frame, carried = begin(space.start), None, [None] * len(setting.shards)
    sent = stored = done = 0
    loss = heldout_loss(setting, trained, space, outer)
    while loss > target and done < steps_max:
        results: list[Any] = []
        for worker in range(len(setting.shards)):
            own: dict[str, Any] = {"carried": carried[worker]} if way.member.get("feedback") and carried[worker] else {}
            named = {"keyframe": frame, "round": done // way.steps, "inner_steps": way.steps}
            params = setting.params(worker, **way.member, **way.outer, **named, **own)
            state = work.run(params, inputs, work.start(params, inputs), 0, ignore_progress).state
            results.append(blob_digest(state))
            blobs[results[-1]] = state
        sent += max(len(parted(blobs[each])[0]) for each in results)
        stored += max(len(blobs[each]) for each in results)
        read, _ = read_results(results, inputs, len(space.start))
        outer = step(first, outer, list(read.values()))
        frame, carried, done = keep(blobs, outer), results, done + way.steps
        loss = heldout_loss(setting, trained, space, outer)
        tell(f"  {way.name}: {done} steps, loss {loss:.3f}, {sent:,} bytes")
    return Reached(done, loss, sent, stored, loss <= target)


def keep(blobs: dict[str, bytes], outer: Any) -> str:
    """The digest of a keyframe, so that a long run need not be made again from its beginning in each round."""
    from assay.workloads.diloco.course import write_keyframe

    data = write_keyframe(outer)
    blobs[blob_digest(data)] = data
    return blob_digest(data)
