"""What commands print that look whether something is right: a table of checks, and whether all hold."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from assay.client import output
from assay.client.output import Output
from assay.proof.report_reading import Check

BROKEN = 1
"""The exit code where something is wrong."""


def show_checks(out: Output, title: str, body: dict[str, Any], checks: Sequence[Check]) -> bool:
    """Whether all checks passed, which are shown; `body` stands beside them for scripts."""
    holds = all(check.passed for check in checks)
    rows = [("ok" if check.passed else "WRONG", check.name, check.sentence) for check in checks]
    said = {**body, "holds": holds, "checks": [asdict(check) for check in checks]}
    out.show(said, lambda: output.table(title, ("", "check", "what was found"), rows))
    return holds
