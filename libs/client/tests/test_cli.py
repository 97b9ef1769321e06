"""The command line without a network: parameters, missing answers, where `--json` may stand, and every help page."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from assay.bus import connection
from assay.bus.accounts import Network
from assay.client import cli
from assay.client.asked import read_asked, read_param
from assay.client.cli import app
from assay.client.commands.ordering import DEFAULTS
from assay.client.profile import Profile
from assay.schema.errors import Refused

CORE = {
    *("submit", "jobs", "job", "why", "cancel", "fetch", "events", "network", "receipt", "wallet", "access", "dead"),
    *("key", "stake", "outbox", "epoch", "gov", "rewards", "treasury", "train"),
}


@pytest.mark.parametrize(
    ("pair", "read"),
    [
        ("steps=4", ("steps", 4)),
        ("learning_rate=1e-3", ("learning_rate", 0.001)),
        ("deep=true", ("deep", True)),
        ('targets=["q_proj"]', ("targets", ["q_proj"])),
        ('payload="4"', ("payload", "4")),
        ("payload=some text", ("payload", "some text")),
        ("payload=a=b", ("payload", "a=b")),
        ("payload=", ("payload", "")),
    ],
)
def test_a_parameter_is_json_if_it_can_be_and_else_text(pair: str, read: tuple[str, Any]) -> None:
    assert read_param(pair) == read


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.from_regex(r"\A[a-z_]{1,20}\Z"), JSON)
def test_every_json_value_can_be_given_as_a_parameter(name: str, value: Any) -> None:
    assert read_param(f"{name}={json.dumps(value)}") == (name, value)


@pytest.mark.parametrize(("asked", "missing"), [({"price_limit": 1}, "kind"), ({"kind": "noop"}, "price_limit")])
def test_a_job_needs_a_kind_and_a_price_limit(asked: dict[str, Any], missing: str) -> None:
    with pytest.raises(Refused, match=missing) as refused:
        read_asked(None, [], [], asked, DEFAULTS)
    assert refused.value.code == "job.bad_params"
    assert read_asked(None, [], [], {"kind": "noop", "price_limit": 0}, DEFAULTS).audit_segments == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "noop", "price_limit": 1, "colour": 1}'])
def test_a_job_file_that_is_none_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(Refused) as refused:
        read_asked(tmp_path / "job.json", [], [], {}, DEFAULTS)
    assert refused.value.code == "job.bad_params"


@pytest.mark.parametrize("pairs", [["data"], ["data=/no/such/file"]])
def test_an_input_that_is_no_file_is_refused_in_a_sentence(pairs: list[str]) -> None:
    with pytest.raises(Refused, match=r"data|file"):
        read_asked(None, [], pairs, {"kind": "noop", "price_limit": 1}, DEFAULTS)


def test_options_overrule_the_file(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"kind": "noop", "price_limit": 1, "params": {"segments": 2}}')
    asked = read_asked(tmp_path / "job.json", ["segments=3"], [], {"price_limit": 5, "kind": None}, DEFAULTS)
    assert (asked.kind, asked.price_limit, asked.params) == ("noop", 5, {"segments": 3})


def test_submit_says_what_is_missing_before_it_looks_for_a_network(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["--json", "--profile", str(tmp_path), "submit", "--kind", "noop"])
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["error"] == "job.bad_params"


def test_json_may_stand_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(cli, "app", lambda words, standalone_mode: seen.append(words))
    for words in (["jobs", "--json"], ["job", "--json", "j1"], ["--json", "jobs"]):
        monkeypatch.setattr(sys, "argv", ["assay", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
    assert [words[0] for words in seen] == ["--json"] * 3
    assert [sorted(words[1:]) for words in seen] == [["jobs"], ["j1", "job"], ["jobs"]]


def test_words_that_no_command_has_are_an_error_like_any_other_to_a_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ["nosuch"],
        ["job", "nosuch"],
        ["wallet", "deposit"],
        ["wallet", "deposit", "0"],
        ["jobs", "--nosuch"],
    ):
        monkeypatch.setattr(sys, "argv", ["assay", *words, "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert (ended.value.code, json.loads(capsys.readouterr().out)["error"]) == (2, "input.bad")


@pytest.mark.parametrize("words", [["train", "run"], ["federate", "run"], ["serve", "aa", "--price-limit", "1"]])
def test_a_parameter_that_is_none_is_refused_in_a_sentence(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for json_too in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["assay", *words, "-p", "foo", *json_too])
        with pytest.raises(SystemExit, match=r"^1$"):
            cli.main()
        said = capsys.readouterr()
        assert "job.bad_params" in (said.out if json_too else said.err) and "Traceback" not in said.err


def test_every_command_has_a_help_page() -> None:
    paths = [path for path, _ in walk(typer.main.get_command(app))]
    assert {path[0] for path in paths} >= CORE
    for path in paths:
        ended = CliRunner().invoke(app, [*path, "--help"])
        assert ended.exit_code == 0, path
        assert len(ended.output.splitlines()) > 3, path


@pytest.mark.parametrize("words", [["access", "grant", "observer", "--to", "x"], ["dead", "list", "matching"]])
def test_an_operators_command_is_refused_to_others(words: list[str], tmp_path: Path) -> None:
    plain = Profile(nats_url="nats://127.0.0.1:1", creds_file=Path("c"), deployment_file=Path("d"))
    plain.save(tmp_path)
    ended = CliRunner().invoke(app, ["--profile", str(tmp_path), *words])
    assert ended.exit_code == 2
    assert "operator" in ended.output


def walk(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command below a group, by the words that lead to it."""
    subs = getattr(command, "commands", None)
    if not subs:
        return [(path, command)]
    return [found for name, sub in subs.items() for found in walk(sub, (*path, name))]


HOSTILE: dict[str, tuple[list[str], int, str]] = {
    "markup in the name of a file": (["submit", "/tmp/[/x].json"], 1, "job.bad_params"),
    "an id that is none": (["why", "nosuch"], 2, "Usage:"),
    "markup in a parameter": (["submit", "-p", "a[/b]c"], 1, "job.bad_params"),
    "a limit beyond all money": (["submit", "--kind", "noop", "--price-limit", str(10**80)], 1, "job.bad_params"),
    "a deadline beyond all days": (
        ["submit", "--kind", "noop", "--price-limit", "1", "--deadline-s", str(10**15)],
        1,
        "job.bad_params",
    ),
    "a receipt that is no text": (["receipt", "verify", sys.executable], 2, "input.bad"),
    "a folder that cannot be": (["up", "--data", "/proc/nope"], 2, "path.bad"),
    "a key where none can be": (["key", "new", "--to", "/dev/null/key"], 2, "path.bad"),
    "credentials without a folder": (["access", "grant", "observer", "--to", "/nodir/x"], 2, "path.bad"),
    "an id of another role": (["access", "grant", "provider", "--id", "v" + "a" * 32, "--to", "x"], 2, "input.bad"),
    "no id of a provider": (["access", "grant", "provider", "--to", "x"], 2, "input.bad"),
    "an id of an observer": (["access", "grant", "observer", "--id", "o" + "a" * 32, "--to", "x"], 2, "input.bad"),
    "a key of a name that is none": (["data", "forget", "nosuch"], 2, "Usage:"),
    "a network that is away": (["access", "revoke", "A"], 3, "server.unreachable"),
    "a text that is not there": (["demo", "--data", "/nodir/text"], 2, "path.bad"),
    "a demonstration in a home": (["demo", "--folder", "."], 2, "devnet.foreign_folder"),
    "a wiped home": (["up", "--wipe", "--data", "."], 2, "devnet.foreign_folder"),
    "a log of nobody": (["logs", "nobody"], 2, "devnet.no_log"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_cannot_be_is_said_with_a_code(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("assay.devnet.commands", reason="only the client is installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(connection, "FIRST_CONTACT_S", 0.5)
    operator(tmp_path / "me")
    words, code, error = HOSTILE[case]
    ended = CliRunner().invoke(app, ["--profile", str(tmp_path / "me"), *words])
    assert (ended.exit_code, ended.stderr.split()[0]) == (code, error)
    assert ": ." not in ended.stderr and "connection:" not in ended.stderr
    assert (tmp_path / "me" / "network.creds").exists()


def operator(folder: Path) -> None:
    """The profile of an operator whose NATS is away."""
    folder.mkdir()
    Network.open(folder / "keys", [])
    (folder / "network.creds").touch()
    away = Profile(
        nats_url="nats://127.0.0.1:1",
        creds_file=Path("network.creds"),
        deployment_file=Path("d"),
        operator_dir=Path("keys"),
        admin_creds_file=Path("network.creds"),
    )
    away.save(folder)
