"""`assay receipt verify` in words: what each check means, where a byte was changed, and what a result stands on."""

import json
from pathlib import Path
from typing import Any

import pytest
from libs.proof.tests.conftest import lineage as lineage
from libs.proof.tests.test_provenance import pooled as pooled
from typer.testing import CliRunner

from assay.client.cli import app
from assay.client.commands.receipt_words import few
from assay.proof.provenance_graph import Edge


@pytest.fixture
def receipt(pooled: str, tmp_path: Path) -> Path:
    (tmp_path / "receipt.json").write_text(pooled)
    return tmp_path / "receipt.json"


def run(*words: object, code: int = 0) -> str:
    ended = CliRunner().invoke(app, list(map(str, words)))
    assert ended.exit_code == code, ended.output
    return " ".join(ended.output.split())


def test_every_check_says_what_it_means(receipt: Path) -> None:
    said = json.loads(run("--json", "receipt", "verify", receipt))
    meanings = {check["name"]: check["meaning"] for check in said["checks"]}
    assert len(set(meanings.values())) > 12
    assert said["places"] == [] and "the parts fit each other" not in meanings.values()


def test_a_changed_byte_is_named_by_its_part(receipt: Path, pooled: str) -> None:
    place = len(pooled) // 3
    receipt.write_text(pooled[:place] + ("A" if pooled[place] != "A" else "B") + pooled[place + 1 :])
    said = json.loads(run("--json", "receipt", "verify", receipt, code=1))
    assert len(said["places"]) == 1 and said["places"][0].startswith("lease ")
    assert f"Changed: {said['places'][0]}" in run("receipt", "verify", receipt, code=1)


def test_the_lineage_is_drawn_from_the_result_down(receipt: Path) -> None:
    drawn = run("receipt", "verify", receipt, "--graph")
    assert "The receipt holds." in drawn
    for word in ("ordered by", "made by lease", "carried on from segment 1", "judged by", "drawn in", "beacon", "paid"):
        assert word in drawn


def test_the_lineage_is_there_for_scripts(receipt: Path) -> None:
    graph: dict[str, Any] = json.loads(run("--json", "receipt", "verify", receipt, "--graph"))["graph"]
    ids = {node["id"] for node in graph["nodes"]}
    assert graph["nodes"][0]["kind"] == "result"
    assert all(edge["source"] in ids and edge["target"] in ids for edge in graph["edges"])


@pytest.mark.parametrize(("edges", "shown"), [(0, 0), (8, 8), (9, 7), (1000, 7)])
def test_of_many_alike_the_first_and_the_last_are_drawn(edges: int, shown: int) -> None:
    alike = [Edge("lease", "committed", str(at)) for at in range(edges)]
    drawn = list(few(alike))
    assert len(drawn) == shown
    assert sum(left_out or 1 for _, left_out in drawn) == edges
