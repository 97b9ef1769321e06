"""The table of adversaries: its tests exist, its processes are all that there are, its figures are those played."""

import ast
import re
from functools import cache

import pytest
from bench.verification.net_gain import STRATEGIES
from tests.adversaries import false_capacity, hostile_verifiers
from tests.adversaries.behaviours import BEHAVIOURS, PARTNERS
from tests.adversaries.test_providers import MECHANISM
from tests.architecture.sources import ROOT
from tests.court import test_court, test_false_operator

PAGE = (ROOT / "docs" / "adversaries.md").read_text()
PLAYED = (ROOT / "docs" / "adr" / "0015-what-cheats-earn.md").read_text()
GUIDE = (ROOT / "docs" / "guides" / "verify.md").read_text()
FIGURE = re.compile(r"`([^`]+)` (-?[\d,]+)")
ROW = re.compile(r"^\| ([^|]+) \| (-?[\d,]+) \|", re.MULTILINE)
TESTS = sorted(set(re.findall(r"`([\w/.]+\.py)::(\w+)`", PAGE)))
COURT = {*test_court.PROVIDERS, *test_court.VERIFIERS}
FALSE_OPERATOR = {test_false_operator.ACCUSED, *test_false_operator.ACCUSERS, *test_false_operator.FALSE}
HOSTILE = {*BEHAVIOURS, *PARTNERS, *false_capacity.BEHAVIOURS, *hostile_verifiers.ALL, *COURT, *FALSE_OPERATOR}


@cache
def names_in(file: str) -> set[str]:
    """The names of the tests in a file."""
    nodes = ast.walk(ast.parse((ROOT / file).read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def rows() -> list[list[str]]:
    """The cells of each row of the two tables of adversaries."""
    lines = [line.strip("|").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in cells] for cells in lines if len(cells) == 5]


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_every_test_that_the_table_names_exists(file: str, name: str) -> None:
    assert name.startswith("test_") and name in names_in(file)


def test_every_row_says_what_runs_it() -> None:
    assert len(rows()) >= 30
    says = re.compile(r"network: `|library: `|[Nn]one\b|run by")
    assert [cells[0] for cells in rows() if not says.search(cells[3])] == []


def test_every_hostile_process_stands_in_the_table_and_no_other() -> None:
    named = {name for cells in rows() for name in re.findall(r"`([a-z0-9-]+)`", cells[3])}
    assert named == HOSTILE


@pytest.mark.parametrize("name", MECHANISM)
def test_the_table_says_what_finds_a_provider(name: str) -> None:
    (cells,) = (cells for cells in rows() if f"`{name}`" in cells[3])
    assert {f"`{code}`" for code in MECHANISM[name]} <= set(re.findall(r"`[^`]+`", cells[2]))


@pytest.mark.parametrize(("page", "pattern"), [(PAGE, FIGURE), (GUIDE, ROW)], ids=["adversaries", "verify"])
def test_what_a_page_says_that_cheats_earn_is_what_was_played(page: str, pattern: re.Pattern[str]) -> None:
    played, quoted = dict(ROW.findall(PLAYED)), pattern.findall(page)
    assert len(quoted) > 5
    assert [(name, figure) for name, figure in quoted if played.get(name) != figure] == []


def test_what_was_played_is_every_strategy_that_there_is() -> None:
    assert {*dict(ROW.findall(PLAYED))} >= {strategy.name for strategy in STRATEGIES}
