"""Proposals and parameters in words: exact both ways, and no stranger can disguise what is voted on."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from assay.chain.governed.acts import Act
from assay.chain.governed.parameters import PARAMETERS, SETTERS, Parameter, Unit
from assay.chain.governed.places import Governed
from assay.chain.governed.refusals import VoteState
from assay.chain.governed.setting import Unsettable, act_of, read_act
from assay.chain.governed.votes import Count, Motion, Side
from assay.chain.words import normal
from assay.client.commands import units
from assay.client.commands.gov_words import UNREAD, UnknownMotion, found, motion_lines, motion_row
from assay.client.output import Output

PLACES = Governed(1, *(normal(f"0x{number:040x}") for number in range(1, 11)))
NODE: Any = SimpleNamespace(deployment=SimpleNamespace(group=PLACES))
COUNT = Count(VoteState.ACTIVE, dict.fromkeys(Side, 0), None, 0)
BASE = PARAMETERS["stake.base"]


def motion(*acts: Act, why: str = "why") -> Motion:
    """A proposal of these acts."""
    return Motion(2**255, PLACES.vault, acts, why, 1, 2)


@given(st.sampled_from(sorted(PARAMETERS)), st.data())
def test_what_is_written_is_read_as_the_same(name: str, data: st.DataObject) -> None:
    parameter = PARAMETERS[name]
    value = data.draw(st.integers(parameter.least, parameter.most))
    text = units.write(parameter.unit, value)
    assert units.read(parameter, text.removesuffix(f" {parameter.unit.value}").replace(" ", "")) == value


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (BASE, "123456789012.123456789012345678", 123456789012123456789012345678),
        (BASE, "1e3", 10**21),
        (PARAMETERS["gov.wait"], "36h", 129_600),
        (PARAMETERS["gov.wait"], "172800", 172_800),
        (PARAMETERS["slash.burned"], "12.5 %", 125_000),
        (PARAMETERS["gov.quorum"], "4%", 4),
    ],
)
def test_amounts_are_exact(parameter: Parameter, text: str, value: int) -> None:
    assert units.read(parameter, text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "nan", "inf", "0x1", "1e999999999", "1e-999999999", "1/2", "0." + "0" * 18 + "1"]
)
def test_what_is_no_amount_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(Unsettable, match="1 tokens to 100000 tokens"):
        units.read(BASE, text)


@given(st.text(max_size=200))
def test_a_reason_stays_in_its_line(why: str) -> None:
    console = Console(width=10_000, force_terminal=True, color_system=None)
    with console.capture() as captured:
        Output(console=console).draw("\n".join(motion_lines(NODE, motion(why=why), COUNT, {})))
    lines = captured.get().split("\n")
    assert len(lines) == 5 and lines[2].startswith("why: ")
    assert all(letter.isprintable() for line in lines for letter in line)


def test_markup_and_the_cursor_are_only_text() -> None:
    text = motion_lines(NODE, motion(why="[red]x[/red]\x1b[2J\u202e\nstake.base: as it is"), COUNT, {})[2]
    assert "\x1b" not in text and "\u202e" not in text and "\n" not in text and "[red]x[/red]" in text
    assert len(motion_row(motion(why="long " * 100), COUNT)[3]) <= 100


@given(st.sampled_from(SETTERS), st.data())
def test_a_call_is_read_as_what_it_does_or_not_at_all(setter: Any, data: st.DataObject) -> None:
    values = [data.draw(st.integers(0, 2**256 - 1)) for _ in setter.parameters]
    act = act_of(NODE, setter, values)
    changes = read_act(NODE, act, {})
    offices = [value for each, value in zip(setter.parameters, values, strict=True) if each.unit is Unit.ADDRESS]
    if any(value >> 160 for value in offices):
        assert changes is None
    else:
        assert changes is not None and [change.value for change in changes] == values
    assert motion_lines(NODE, motion(act), COUNT, {})
    for other in (act._replace(value=1), act._replace(to=PLACES.restaking), act._replace(data=act.data + b"\0")):
        assert read_act(NODE, other, {}) is None


def test_a_call_that_sets_nothing_is_shown_as_it_is() -> None:
    lines = motion_lines(NODE, motion(Act(PLACES.vault, b"\x12\x34")), COUNT, {})
    assert UNREAD in lines[-1] and "0x1234" in lines[-1]


def test_a_proposal_is_found_by_how_its_id_begins() -> None:
    one, other = motion(), Motion(2**254, PLACES.vault, (), "", 1, 2)
    assert found([one, other], "0x80") is one
    for text in ("", "ff", "0x"):
        with pytest.raises(UnknownMotion):
            found([one, other], text)
