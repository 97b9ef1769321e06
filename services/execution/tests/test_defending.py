"""What a provider does about a dispute: it runs the segment again, in one child for all disputes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from assay.execution.defending import Past
from assay.schema.dispute import DisputeLodged
from assay.workloads.sandbox import Policy
from assay.workloads.task import Finished, Message, SegmentDone, Task

CLAIMED = "c" * 64


class Child:
    """A child that comes to the claim, and counts how many there are and run at once."""

    made = 0
    running = 0
    most = 0
    killed = 0

    def __init__(self, log_file: Path, policy: Policy) -> None:
        Child.made += 1

    async def run(self, task: Task) -> AsyncIterator[Message]:
        Child.running += 1
        Child.most = max(Child.most, Child.running)
        await asyncio.sleep(0)
        Child.running -= 1
        yield SegmentDone.model_construct(**{"segment": task.first, "state_digest": CLAIMED})
        yield Finished.model_construct(result=None)

    async def kill(self) -> None:
        Child.killed += 1


async def test_many_disputes_are_run_again_one_after_the_other_in_one_child(tmp_path: Path) -> None:
    spec = SimpleNamespace(kind="noop", params={}, inputs=())
    journal: Any = SimpleNamespace(
        lease=lambda lease: SimpleNamespace(spec=spec, resume=None), committed=lambda lease: []
    )
    cache: Any = SimpleNamespace(reading=nullcontext)
    room = Policy(scratch=tmp_path / "scratch", models=tmp_path)
    past = Past(journal, cache, room, tmp_path / "log", Child)
    lodged = [DisputeLodged.model_construct(**{"lease_id": "l", "segment": n, "claimed": CLAIMED}) for n in range(5)]
    assert await asyncio.gather(*map(past.confirms, lodged)) == [True] * 5
    assert not await past.confirms(lodged[0].model_copy(update={"claimed": "d" * 64}))
    assert (Child.made, Child.most, Child.killed) == (1, 1, 0)
    await past.close()
    assert Child.killed == 1 and not any((tmp_path / "scratch").iterdir())
