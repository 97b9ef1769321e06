"""What static analysis finds in the contracts is answered in writing, and answers are not kept for what is gone."""

import importlib.util
import json
import tomllib
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[1] / "contracts"
SPEC = importlib.util.spec_from_file_location("findings", CONTRACTS / "tools/findings.py")
findings = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(findings)

KNOWN = findings.Answer("timestamp", "Vault.*", "Delays are days.")


@pytest.mark.parametrize(
    ("detector", "where", "is_answered"),
    [
        ("timestamp", "Vault.withdraw", True),
        ("timestamp", "Vaults.withdraw", False),
        ("reentrancy-eth", "Vault.withdraw", False),
    ],
)
def test_an_answer_is_to_one_detector_at_its_places(detector, where, is_answered):
    faults = findings.faults_in(
        [findings.Finding("timestamp", "Vault.lock"), findings.Finding(detector, where)], [KNOWN]
    )
    assert [fault.startswith(f"no answer: {detector} at {where}") for fault in faults] == [True] * (not is_answered)


def test_an_answer_to_what_is_not_found_any_more_is_a_fault():
    assert findings.faults_in([], [KNOWN]) == ["nothing is found any more: timestamp at Vault.*"]


def test_a_place_is_a_function_with_its_contract_and_of_an_expression_that_of_its_function():
    contract = {"type": "contract", "name": "Vault"}
    function = {"type": "function", "name": "lock", "type_specific_fields": {"parent": contract}}
    variable = {"type": "variable", "name": "until", "type_specific_fields": {"parent": function}}
    node = {"type": "node", "name": "until < now", "type_specific_fields": {"parent": function}}
    places = [findings.place_of(each) for each in (contract, function, variable, node)]
    assert places == ["Vault", "Vault.lock", "Vault.lock.until", "Vault.lock"]


def test_a_run_that_failed_is_no_clean_one(tmp_path):
    report = tmp_path / "found.json"
    report.write_text(json.dumps({"success": False, "error": "no compiler", "results": {}}))
    with pytest.raises(ValueError, match="no compiler"):
        findings.main(report, CONTRACTS / "answers.toml")


def test_every_answer_has_its_reason_and_names_what_stands_in_the_sources():
    answers = findings.answers_in(tomllib.loads((CONTRACTS / "answers.toml").read_text()))
    contracts = {path.stem for path in CONTRACTS.glob("src/**/*.sol")}
    assert [each.where for each in answers if each.where != "*" and each.where.split(".")[0] not in contracts] == []
    with pytest.raises(ValueError, match="no reason"):
        findings.answers_in({"answer": [{"detector": "x", "where": ["Y"], "why": " "}]})
