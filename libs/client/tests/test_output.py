"""What a command prints for people and for scripts, and the exit codes that errors become."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, Group
from rich.text import Text
from typer.testing import CliRunner

from assay.client import output
from assay.client.cli import app
from assay.client.errors import typed_of
from assay.client.output import REFUSED, STOPPED, Output
from assay.client.view import LeaseView
from assay.schema.errors import AssayError, BadSettings, Mismatch, Refused, Retry, Unreachable
from assay.schema.job import JobWithdrawn

LEASE = LeaseView(lease_id="l" + "a" * 26, provider="p" + "a" * 32, fence=1, state="paid")
WIDE = {"width": 200, "color_system": None}


def printer(is_json: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    """An output whose two streams can be read."""
    said, errors = io.StringIO(), io.StringIO()
    return Output(is_json, None, Console(file=said, **WIDE), Console(file=errors, **WIDE)), said, errors


def run_with(out: Output, error: BaseException | None) -> Any:
    """What `output.run` makes of a command that raises, or returns 7."""

    async def work(given: Output) -> int:
        assert given is out
        if error:
            raise error
        return 7

    context = typer.Context(typer.main.get_command(app), obj=out)
    return output.run(context, work)


def test_a_value_is_printed_as_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, _ = printer(is_json=True)
    out.show({"lease": LEASE, "at": Path("a/b"), "all": (LEASE, 10**30)}, lambda: "for people")
    out.say("for people too")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0]) == {
        "lease": LEASE.model_dump(),
        "at": "a/b",
        "all": [LEASE.model_dump(), 10**30],
    }


def test_people_get_what_is_drawn_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    out, said, _ = printer()
    out.show({"job_id": "j"}, lambda: output.table("jobs", ("job", "paid"), [("j1", 3), ("j2", "4")]))
    out.say("done")
    text = said.getvalue()
    assert all(word in text for word in ("jobs", "paid", "j1", "3", "j2", "4", "done"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("job.unknown", "No j1."), REFUSED),
        (BadSettings("x"), 2),
        (Unreachable("x"), 3),
        (Mismatch("x"), 4),
        (Retry("x"), 3),
    ],
)
def test_a_typed_error_ends_a_command_with_its_exit_code(error: AssayError, code: int) -> None:
    out, _, errors = printer()
    with pytest.raises(typer.Exit) as ended:
        run_with(out, error)
    assert ended.value.exit_code == code
    assert error.code in errors.getvalue() and "by itself" not in errors.getvalue()


def test_a_script_reads_code_detail_and_advice_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, errors = printer(is_json=True)
    with pytest.raises(typer.Exit):
        run_with(out, Refused("job.unknown", "No j1."))
    said = json.loads(capsys.readouterr().out)
    assert (said["error"], said["detail"]) == ("job.unknown", "No j1.")
    assert said["advice"] and errors.getvalue() == ""


HOSTILE = "boom [/red] [bold]x[/bold] \x1b[2J\u202e\ud800 j^{26}$"


@pytest.mark.parametrize(
    "say",
    [
        lambda out: out.say(HOSTILE),
        lambda out: out.warn(HOSTILE),
        lambda out: out.fail(BadSettings(HOSTILE)),
        lambda out: out.show({"x": HOSTILE}, lambda: HOSTILE),
        lambda out: out.show({"x": HOSTILE}),
        lambda out: out.show({}, lambda: Group(HOSTILE, Text(HOSTILE))),
        lambda out: out.show({}, lambda: output.table(HOSTILE, (HOSTILE,), [(HOSTILE,)])),
    ],
)
def test_strangers_words_are_text_and_nothing_else(say: Any) -> None:
    out, said, errors = printer()
    say(out)
    text = said.getvalue() + errors.getvalue()
    assert "boom [/red] [bold]x[/bold]" in text and "j^{26}$" in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_a_bug_is_not_dressed_up_as_a_refusal() -> None:
    with pytest.raises(ZeroDivisionError):
        run_with(printer()[0], ZeroDivisionError())


PYTHONS = {
    "a value that does not fit": (lambda: JobWithdrawn(job_id="nosuch", requester="r"), 2, "input.bad"),
    "half a character": (lambda: "\ud800".encode(), 2, "input.bad"),
    "bytes that are no text": (lambda: b"\xff".decode(), 2, "input.bad"),
    "a number without bounds": (lambda: float(10**400), 2, "input.bad"),
    "a path that cannot be": (lambda: Path("/proc/nope").mkdir(), 2, "path.bad"),
    "a file as a folder": (lambda: Path("/dev/null/x").write_text(""), 2, "path.bad"),
    "a connection that broke": (lambda: fails(ConnectionResetError(104, "reset")), 3, "server.away"),
    "an answer that is late": (lambda: fails(TimeoutError()), 3, "server.away"),
    "a package of an extra": (lambda: fails(ModuleNotFoundError(name="prometheus_client")), 2, "extra.missing"),
}


def fails(error: Exception) -> None:
    """Raise it."""
    raise error


@pytest.mark.parametrize("case", PYTHONS)
def test_what_python_says_of_ordinary_input_becomes_a_typed_error(case: str) -> None:
    (does, code, name), (out, _, errors) = PYTHONS[case], printer()
    with pytest.raises(typer.Exit) as ended, output.told(out):
        does()
    assert (ended.value.exit_code, errors.getvalue().split()[0]) == (code, name)


def test_a_missing_package_is_named_with_its_extra() -> None:
    assert "pip install 'assay[runtime]'" in str(typed_of(ModuleNotFoundError(name="prometheus_client")))
    assert "pip install 'assay[chain]'" in str(typed_of(ModuleNotFoundError(name="aiohttp.client")))
    assert typed_of(ModuleNotFoundError(name="nowhere")) is None


def test_ctrl_c_ends_a_command_as_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(runner: asyncio.Runner, work: Any) -> None:
        work.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio.Runner, "run", interrupted)
    out, _, errors = printer()
    with pytest.raises(typer.Exit) as ended:
        run_with(out, None)
    assert ended.value.exit_code == STOPPED and "Stopped by Ctrl-C" in errors.getvalue()


def test_an_id_that_does_not_fit_its_column_is_cut_nowhere() -> None:
    ids, said = ["j" + letter * 26 for letter in "abc"], io.StringIO()
    drawn = output.table("jobs", ("job", "kind", "state"), [(name, "finetune", "settled") for name in ids])
    Console(file=said, width=30).print(drawn)
    cells = [line.split("\u2502")[1].strip() for line in said.getvalue().splitlines() if line.startswith("\u2502")]
    assert "".join(cells) == "".join(ids)


@given(st.integers(0, 2**128))
def test_amounts_are_written_without_loss(amount: int) -> None:
    whole, part = output.stable(amount).split(".")
    assert int(whole) * 10**6 + int(part) == amount and len(part) == 6
    whole, part = output.native(amount).split(".")
    assert 0 <= amount - int(whole) * 10**18 - int(part) * 10**14 < 10**14


def test_a_moment_is_written_in_utc() -> None:
    assert output.clock(86_400_000 + 3_723_004) == "01:02:03.004"


@pytest.mark.parametrize("words", [["jobs"], ["--json", "jobs"]])
def test_a_command_without_a_profile_exits_with_bad_settings(words: list[str], tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["--profile", str(tmp_path), *words])
    assert ended.exit_code == 2
    assert "profile.bad" in ended.output and "Traceback" not in ended.output
