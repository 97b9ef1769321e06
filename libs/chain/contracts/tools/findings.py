"""Holds what slither finds against the answers that are checked in; called with its JSON and answers.toml.

Ends with 1, and says why, if a finding has no answer or an answer no finding.
"""

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """What a detector found, and where: Contract.function, with the name of a variable behind it."""

    detector: str
    where: str
    text: str = ""


class Answer(NamedTuple):
    """Why what a detector finds at places of this pattern stands."""

    detector: str
    where: str
    why: str

    def is_of(self, finding: Finding) -> bool:
        """Whether it answers a finding."""
        return self.detector == finding.detector and fnmatchcase(finding.where, self.where)


def findings_in(report: Mapping[str, Any]) -> list[Finding]:
    """What a report of slither found. Raises ValueError if it is of a run that failed."""
    if not report.get("success"):
        raise ValueError(f"slither failed: {report.get('error')}")
    found = report["results"].get("detectors", [])
    return [Finding(each["check"], place_of(each["elements"][0]), each["description"].strip()) for each in found]


def place_of(element: Mapping[str, Any]) -> str:
    """Where an element stands: the names of what it is declared in, and its own; of an expression only those."""
    above = element.get("type_specific_fields", {}).get("parent")
    names = [place_of(above)] if above else []
    return ".".join([*names, element["name"]] if element["type"] != "node" or not names else names)


def answers_in(content: Mapping[str, Any]) -> list[Answer]:
    """The answers of a file, one for each pattern. Raises ValueError for one without a reason."""
    answers = [Answer(each["detector"], where, each["why"]) for each in content["answer"] for where in each["where"]]
    if unreasoned := [answer for answer in answers if not answer.why.strip()]:
        raise ValueError(f"{unreasoned[0].detector} at {unreasoned[0].where} has no reason")
    return answers


def faults_in(findings: Iterable[Finding], answers: Iterable[Answer]) -> list[str]:
    """What is found and not answered, and what is answered and not found."""
    found, known = list(findings), list(answers)
    open_ = [f"no answer: {each.detector} at {each.where}: {each.text}" for each in found if not held(each, known)]
    idle = [answer for answer in known if not any(answer.is_of(each) for each in found)]
    return open_ + [f"nothing is found any more: {answer.detector} at {answer.where}" for answer in idle]


def held(finding: Finding, answers: Iterable[Answer]) -> bool:
    """Whether a finding is answered."""
    return any(answer.is_of(finding) for answer in answers)


def main(report: Path, answers: Path) -> int:
    """The exit code: 1 if anything is open."""
    found = findings_in(json.loads(report.read_text()))
    faults = faults_in(found, answers_in(tomllib.loads(answers.read_text())))
    said = "\n".join(faults) or f"slither: {len(found)} findings, each answered in {answers.name}"
    sys.stdout.write(said + "\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
