"""What a provider opens of what is drawn: only what asks for it, each once, whatever restart comes in between."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.execution import opening
from assay.execution.defending import CannotTrace
from assay.execution.opening import Openings
from assay.schema.epoch import DrawnSegment, EpochDrawn, EpochTraced
from assay.schema.errors import Refused
from assay.schema.event import Envelope
from assay.schema.values import derive_id, encode_token
from assay.store.journal import Journal

PROVIDER, TRACED, PLAIN = "p" + encode_token(bytes(20)), derive_id("l", 1), derive_id("l", 2)
NAMES: dict[str, Any] = {"epoch_id": derive_id("x", 1), "provider": PROVIDER, "number": 1}


class Past:
    """A machine that makes traces, or does not."""

    def __init__(self, *faults: Exception) -> None:
        self.faults, self.made = list(faults), list[tuple[str, int]]()

    async def trace(self, lease_id: str, segment: int) -> tuple[str, str]:
        if self.faults:
            raise self.faults.pop()
        self.made.append((lease_id, segment))
        return "a" * 64, "b" * 64


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    found = Journal(tmp_path / "journal")
    methods = {TRACED: "trace", PLAIN: None}

    def lease(lease_id: str) -> Any:
        policy = SimpleNamespace(method=methods[lease_id])
        return SimpleNamespace(spec=SimpleNamespace(policy=policy))

    monkeypatch.setattr(found, "lease", lease)
    monkeypatch.setattr(opening, "AGAIN_S", 0)
    return found


def openings(journal: Journal, past: Past) -> Openings:
    def say(event: EpochTraced) -> None:
        journal.append(Envelope.wrap(event, PROVIDER, 1))

    return Openings(journal, past, SimpleNamespace(say=say))


def drawn_of(*places: tuple[str, int]) -> EpochDrawn:
    digests = {"root": "1" * 64, "beacon": "2" * 64, "seed": "3" * 64}
    drawn = tuple(DrawnSegment(lease_id=lease_id, segment=segment) for lease_id, segment in places)
    return EpochDrawn(**NAMES, **digests, block=1, drawn=drawn)


async def test_what_asks_for_it_is_opened_once_whatever_restart_comes_between(journal: Journal) -> None:
    drawn = drawn_of((TRACED, 0), (TRACED, 3), (PLAIN, 0))
    assert openings(journal, Past()).hear(drawn)
    said = EpochTraced(**NAMES, lease_id=TRACED, segment=0, root="a" * 64, trace="b" * 64)
    journal.append(Envelope.wrap(said, PROVIDER, 1))
    (found,) = journal.draws.open()
    past = Past(CannotTrace("busy"), Refused("blob.missing"))
    await openings(journal, past).act(found)
    assert past.made == [(TRACED, 3)] and journal.draws.open() == []
    assert [out.envelope.event.segment for out in journal.said(drawn.epoch_id)] == [0, 3]  # type: ignore[attr-defined]


async def test_what_asks_for_none_is_not_kept(journal: Journal) -> None:
    assert not openings(journal, Past()).hear(drawn_of((PLAIN, 0)))
    assert journal.draws.open() == []


async def test_a_machine_that_cannot_opens_nothing_false(journal: Journal) -> None:
    drawn = drawn_of((TRACED, 0))
    await openings(journal, Past(*(CannotTrace("no memory") for _ in range(opening.TRIES)))).act(drawn)
    assert journal.said(drawn.epoch_id) == []
