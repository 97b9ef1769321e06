"""What a worker stores and lets go of: never a blob that it still counts on."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from assay.bus.content import Content
from assay.execution import stored
from assay.execution.stored import Leaving, Stored
from assay.proof.digest import blob_digest
from assay.runtime import patience
from assay.schema.errors import Refused, Retry

DATA = b"a state"
DIGEST = blob_digest(DATA)


class Network:
    """Where blobs go to, and who is asked to let them go; each step is written down."""

    def __init__(self, *gone: int | Exception) -> None:
        self.steps: list[str] = []
        self.gone = list(gone)
        self.may_pass, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_pass.set()
        self.may_answer.set()

    async def put(self, data: Content, base: str | None = None) -> str:
        self.steps.append("put")
        await self.may_pass.wait()
        return await data.digest()

    async def flush(self) -> None:
        self.steps.append("named")

    async def ask(self, question: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.steps.append(question)
        await self.may_answer.wait()
        answer = self.gone.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"gone": answer}


def leaving(network: Any) -> tuple[Stored, Leaving]:
    keeps = Stored(network)
    return keeps, Leaving(keeps, network, network)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_being_stored_is_named_before_anything_is_let_go_and_nothing_is_stored_meanwhile() -> None:
    network = Network(1)
    keeps, worker = leaving(network)
    network.may_pass.clear()
    network.may_answer.clear()
    first = asyncio.create_task(keeps.put(DIGEST, Content.of_bytes(DATA), None))
    await turns()
    asked = asyncio.create_task(worker.let_go())
    await turns()
    later = asyncio.create_task(keeps.put("1" * 64, Content.of_bytes(b""), None))
    await turns()
    assert network.steps == ["put"]
    network.may_pass.set()
    await first
    await turns()
    assert network.steps == ["put", "named", "let_go"] and not later.done()
    network.may_answer.set()
    assert await asked == 1
    with pytest.raises(AssertionError):
        await later
    assert network.steps == ["put", "named", "let_go", "put"]


async def test_work_done_again_is_stored_again_after_something_was_let_go() -> None:
    network = Network(1)
    keeps, worker = leaving(network)
    await keeps.put(DIGEST, Content.of_bytes(DATA), None)
    await keeps.put(DIGEST, Content.of_bytes(DATA), None)
    assert network.steps == ["put"]
    await worker.let_go()
    await keeps.put(DIGEST, Content.of_bytes(DATA), None)
    assert network.steps.count("put") == 2


async def test_nothing_is_stored_before_it_is_known_whether_something_was_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "AGAIN_S", 0)
    network = Network(Retry("a lost answer", 1.0), Retry("another", 1.0), 2)
    keeps, worker = leaving(network)
    asked = asyncio.create_task(worker.let_go())
    await asyncio.sleep(0)
    put = asyncio.create_task(keeps.put(DIGEST, Content.of_bytes(DATA), None))
    await asyncio.gather(asked, put)
    assert network.steps == ["named", "let_go", "let_go", "let_go", "put"]


async def test_it_asks_until_there_is_none_and_again_when_an_epoch_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "CLOSING_S", 0)
    network = Network(64, Refused("rate.exceeded", retry_after_s=0.0), 3, 0, 5, Refused("question.unknown"))
    _, worker = leaving(network)
    running = asyncio.create_task(worker.run())
    while len(network.gone) > 2:
        await asyncio.sleep(0)
    await turns()
    assert len(network.gone) == 2
    worker.settled.set()
    while network.gone:
        await asyncio.sleep(0)
    running.cancel()
