"""What is shown of a running job: bars, its loss as a curve of dots, and a picture where matplotlib is."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from assay.client import sdk
from assay.client.braille import draw, framed
from assay.client.curve import Curve
from assay.client.picture import write_picture
from assay.client.view import JobView
from assay.client.watching import Board, sentence_of
from assay.schema.errors import BadSettings, Refused
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted, LeaseFailed, LeaseProgressed

FACT: dict[str, Any] = {"lease_id": "l" + "a" * 26, "job_id": "j" + "a" * 26, "provider": "p" + "a" * 32, "fence": 1}
DIGESTS = dict.fromkeys(("state_in", "state_out", "checkpoint", "previous", "commitment"), "0" * 64)
VIEW = {"job_id": FACT["job_id"], "requester": "r", "kind": "finetune", "state": "running", "price_limit": 1}


def progressed(segment: int, done: int, loss: float) -> LeaseProgressed:
    metrics = {"loss": loss, "tokens_per_s": 1234.5}
    return LeaseProgressed(**FACT, segment=segment, done=done, total=4, metrics=metrics)


def committed(segment: int, **metrics: float) -> LeaseCommitted:
    return LeaseCommitted(**FACT, **DIGESTS, segment=segment, units=1, compute_ms=1, metrics=metrics)


def test_a_curve_has_each_place_once_and_closed_segments_stand_at_their_last_loss() -> None:
    curve = Curve()
    for event in (progressed(0, 2, 3.0), committed(0, loss=2.8, loss_last=2.5), progressed(1, 1, 9.0)):
        curve.hear(event)
    curve.hear(progressed(1, 1, 2.25))
    curve.hear(committed(1, heldout_loss=2.0))
    assert curve.points("loss") == [(0.5, 3.0), (1, 2.5), (1.25, 2.25)]
    assert curve.points("heldout_loss") == [(2, 2.0)]
    assert curve.latest()["loss"] == 2.25


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 99), st.floats(-1e6, 1e6)), min_size=2, max_size=30), st.integers(2, 9))
def test_a_drawing_has_its_size_and_a_dot_in_each_column_between_its_ends(points: Any, rows: int) -> None:
    lines = draw(sorted(points), 20, rows)
    assert [len(line) for line in lines] == [20] * rows
    assert all(0x2800 <= ord(letter) < 0x2900 for line in lines for letter in line)
    if len({x for x, _ in points}) > 1:
        assert all(any(ord(line[column]) > 0x2800 for line in lines) for column in range(20))


def test_a_falling_line_is_drawn_from_the_upper_left_to_the_lower_right() -> None:
    assert draw([(0, 1), (1, 0)], 2, 1) == ["⠑⢄"]
    assert framed([(0, 3.5), (1, 2)], 2, 2)[0].startswith("3.5 ┤⢣") and framed([(0, 1)], 2, 2) == []


def test_the_board_shows_bars_figures_and_the_curve() -> None:
    board = Board.of(JobView.model_validate(VIEW | {"segments": 4, "submitted_ms": 0, "deadline_ms": 1}))
    for event in (progressed(0, 2, 3.0), committed(0, loss=2.5, device_energy_j=42.0), progressed(1, 3, 2.0)):
        board.hear(event)
    said = io.StringIO()
    Console(file=said, width=90, color_system=None).print(board)
    assert {"1/4", "3/4"} <= set(said.getvalue().split())
    assert "loss 2.0000" in said.getvalue() and "1234 tokens/s" in said.getvalue() and "42 J" in said.getvalue()
    assert sum("\u2800" <= letter < "\u2900" for letter in said.getvalue()) == 60 * 8


async def test_whoever_waits_for_a_job_that_ended_in_time_has_it_however_long_its_pay_takes_to_be_read() -> None:
    view = JobView.model_validate(VIEW | {"segments": 4, "submitted_ms": 0, "deadline_ms": 1})

    class Ended(sdk.Assay):
        async def watch(self, job_id: str) -> AsyncIterator[Envelope[Event]]:
            for each in ():
                yield each

        async def rested(self, job_id: str) -> JobView:
            await asyncio.sleep(0.05)
            return view

    assert await cast(Any, Ended)(None, SimpleNamespace(domain=None), None).wait(view.job_id, 0.01) is view


def test_figures_that_no_honest_work_has_are_shown_like_others() -> None:
    board = Board.of(JobView.model_validate(VIEW | {"segments": 4, "submitted_ms": 0, "deadline_ms": 1}))
    for done, loss in ((1, 1.7e308), (2, -1.7e308), (3, 5e-324)):
        board.hear(progressed(0, done, loss))
    said = io.StringIO()
    Console(file=said, width=400, color_system=None).print(board)
    assert max(map(len, said.getvalue().rstrip().splitlines())) < 200


def test_without_matplotlib_a_plot_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BadSettings, match=r"pip install 'assay\[plot\]'"):
        write_picture(Curve(), "a job", tmp_path / "loss.png")


def test_a_plot_is_a_png_and_of_nothing_there_is_none(tmp_path: Path) -> None:
    curve, target = Curve(), tmp_path / "loss.png"
    with pytest.raises(Refused, match=r"job\.unmeasured"):
        write_picture(curve, "a job", target)
    curve.hear(committed(0, loss=2.5))
    one = write_picture(curve, "a job", target).read_bytes()
    curve.hear(progressed(1, 2, 9.0))
    more = write_picture(curve, "a job", target).read_bytes()
    assert one.startswith(b"\x89PNG") and more.startswith(b"\x89PNG") and one != more


def test_an_event_is_told_in_one_line_that_names_its_lease_and_no_digest() -> None:
    failed = LeaseFailed(**FACT, code="lease.crashed", reason="boom [/red]\n12:00:00.000 job.settled\x1b[1m")
    closed = LeaseCommitted(**FACT, **DIGESTS, segment=0, units=1, compute_ms=1, code="0" * 64)
    for event in (failed, closed):
        line = sentence_of(Envelope.wrap(event, FACT["provider"], 0))
        assert line.isprintable() and "0" * 64 not in line and FACT["lease_id"][:12] in line
    assert "reason=boom [/red] 12:00:00.000 job.settled [1m code=lease.crashed" in sentence_of(
        Envelope.wrap(failed, FACT["provider"], 0)
    )


class Views:
    """A door that shows one view after the other of a job, and the last one for ever."""

    def __init__(self, *views: dict[str, Any]) -> None:
        self.views = list(views)

    async def ask(self, question: str, about: dict[str, Any]) -> dict[str, Any]:
        assert question == "job" and about["job_id"] == FACT["job_id"]
        return self.views.pop(0) if len(self.views) > 1 else self.views[0]


async def test_a_job_is_at_rest_once_what_its_leases_are_paid_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "POLL_S", 0)
    lease = {"lease_id": "l", "provider": "p", "fence": 1, "segments": 2}
    told = VIEW | {"segments": 2, "submitted_ms": 0, "deadline_ms": 1, "state": "settled"}
    paid = told | {"leases": [lease | {"state": "paid", "paid": 7}]}
    door = Views(told | {"state": "verified"}, told | {"leases": [lease | {"state": "verified"}]}, paid)
    assay = sdk.Assay(cast(Any, door), cast(Any, SimpleNamespace(domain=None)), None)
    assert (await assay.rested(FACT["job_id"])).leases[0].paid == 7
    refunded = Views(told | {"state": "refunded", "leases": [lease | {"state": "rejected"}]})
    assert (await sdk.Assay(cast(Any, refunded), assay.deployment, None).rested(FACT["job_id"])).state == "refunded"
