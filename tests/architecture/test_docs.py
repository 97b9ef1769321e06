"""What the pages show exists: commands, links, files, targets; and the tree names no machine and no registry."""

import ast
import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.architecture.guides import blocks, commands, links, pages, prose, spans
from tests.architecture.sources import ROOT
from typer.testing import CliRunner

from assay.client.cli import app
from assay.gateway.checks import CHECKS
from assay.schema import LIVES

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
ALL = pages()
LINES_MAX = {"ARCHITECTURE.md": 150, **{f"libs/{lib.name}/README.md": 40 for lib in ROOT.glob("libs/*")}}
FILES = ("libs", "services", "tools", "tests", "bench", "docs", "deploy", "k8s", "requirements", ".ci")
NOT_OURS = {"__pycache__", "node_modules", "out", "peers"}
# Of a developer's machine; a container's own paths (/data, /secrets, /opt) are no machine's.
MACHINE = re.compile(r"(?<![\w.\-}])/(?:work|home|root|Users)/")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|pytorch\.org/whl", re.IGNORECASE)
LOCKS = ("requirements/*.lock", "deploy/*.lock", "package-lock.json", "libs/chain/contracts/package-lock.json")


def name_of(page: Path) -> str:
    """A page's path from the root: the name of its test."""
    return str(page.relative_to(ROOT))


def test_the_pages_that_are_promised_are_there() -> None:
    names = {page.stem for page in GUIDES}
    assert {"submit", "provide", "operate", "observe", "workload"} <= names
    rooms = [*ROOT.glob("libs/*/"), *ROOT.glob("services/*/")]
    assert [room.name for room in rooms if not (room / "README.md").exists() and (room / "src").exists()] == []


@pytest.mark.parametrize("name", LINES_MAX)
def test_an_overview_stays_short(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= LINES_MAX[name]


CALLS = sorted({(call, name_of(page)) for page in ALL for call in commands(page)})


def test_the_guides_show_commands() -> None:
    assert {page for _, page in CALLS} >= {"README.md", *(name_of(page) for page in GUIDES)}


@pytest.mark.parametrize(("call", "page"), CALLS)
def test_every_command_that_a_page_shows_exists_with_its_options(call: str, page: str) -> None:
    path, options = parsed(call)
    assert helps(path), f"{page}: {call}"
    known = {"--help", "--json", "--profile"} | {name for part in lineage(path) for p in part.params for name in p.opts}
    assert options <= known, f"{page}: {call}"
    assert not getattr(lineage(path)[-1], "commands", None) or "--help" in options or call == "assay"


def parsed(call: str) -> tuple[tuple[str, ...], set[str]]:
    """The command that a call names, and the options that it gives."""
    path: tuple[str, ...] = ()
    words, options = call.split()[1:], {word.partition("=")[0] for word in call.split() if word.startswith("-")}
    while words:
        word = words.pop(0)
        if word == "--profile":
            words = words[1:]
        elif word in getattr(lineage(path)[-1], "commands", {}):
            path = (*path, word)
        elif not word.startswith("-"):
            break
    return path, options


@cache
def helps(path: tuple[str, ...]) -> bool:
    """Whether a command prints its help."""
    return CliRunner().invoke(app, [*path, "--help"]).exit_code == 0


@cache
def lineage(path: tuple[str, ...]) -> list[Any]:
    """The command groups on the way to a command, and itself."""
    found: list[Any] = [typer.main.get_command(app)]
    for word in path:
        found.append(found[-1].commands[word])
    return found


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_every_local_link_leads_somewhere(page: Path) -> None:
    local = [link.partition("#")[0] for link in links(page) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_every_make_target_and_module_that_a_page_calls_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join([*spans(page), *blocks(page, ""), *blocks(page, "sh")])
    assert set(re.findall(r"^make ([a-z0-9-]+)", text, re.MULTILINE)) <= targets
    modules = set(re.findall(r"python -m ([\w.]+)", text))
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


def test_every_file_that_the_architecture_names_exists() -> None:
    named = [span for span in spans(ROOT / "ARCHITECTURE.md") if re.fullmatch(r"[\w.\-]+(/[\w.\-]+)+|\w+\.toml", span)]
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("libs/*/README.md")), ids=name_of)
def test_every_file_that_a_room_names_is_in_it(page: Path) -> None:
    (source,) = page.parent.glob("src/assay/*/")
    named = {
        span for row in re.findall(r"^\| (`.*?) \|", prose(page), re.MULTILINE) for span in re.findall(r"`(.*?)`", row)
    }
    assert named
    assert [name for name in named if not (source / name).exists()] == []


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_the_code_of_a_guide_parses_and_imports_what_there_is(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def tree() -> list[Path]:
    """Every file of the project that is text."""
    inner = [file for folder in FILES for file in (ROOT / folder).rglob("*") if not NOT_OURS & set(file.parts)]
    top = [file for file in ROOT.glob("*") if file.suffix in {".md", ".toml", ".py", ".json", ""}]
    return sorted(file for file in {*inner, *top} if file.is_file() and b"\0" not in file.read_bytes()[:4096])


@pytest.mark.parametrize(("pattern", "what"), [(MACHINE, "a path of one machine"), (REGISTRY, "a registry")])
def test_the_tree_is_of_no_machine_and_of_no_registry(pattern: re.Pattern[str], what: str) -> None:
    texts = {file: file.read_text(errors="replace") for file in tree()}
    assert len(texts) > 400
    found = {name_of(file): hit.group() for file, text in texts.items() if (hit := pattern.search(text))}
    assert found == {}, f"these name {what}"


@pytest.mark.parametrize("form", ["at {}x", "'{}.config'", "({}x)", "={}x"])
@pytest.mark.parametrize("folder", ["work", "home", "root", "Users"])
def test_a_path_of_a_machine_would_be_found(form: str, folder: str) -> None:
    assert MACHINE.search(form.format(f"/{folder}/"))
    assert not MACHINE.search(form.format(f"assay/{folder}/"))


def test_locks_pin_bytes_and_not_where_they_come_from() -> None:
    locks = [file for pattern in LOCKS for file in ROOT.glob(pattern)]
    assert len(locks) >= 5
    sources = re.compile(r"index-url|\"resolved\"|@ https?://")
    assert [name_of(lock) for lock in locks if sources.search(lock.read_text())] == []
    assert [name_of(lock) for lock in locks if not re.search(r"sha256:|\"integrity\"", lock.read_text())] == []


def test_changelog_and_project_agree_on_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest is not None and latest.group(1) == version


def test_the_overview_names_every_table_of_states_and_the_checks_at_the_door_in_their_order() -> None:
    text = " ".join(prose(ROOT / "ARCHITECTURE.md").split())
    (tables,) = re.findall(r"The state tables are .*?, in (.*?) of ", text)
    assert re.findall(r"`(\w+)\.py`", tables) == list(LIVES)
    (checks,) = re.findall(r"every claim in this order .*?: (.*?) \(", text)
    assert checks.split(", ") == [check.__module__.rpartition(".")[2] for check in CHECKS]
