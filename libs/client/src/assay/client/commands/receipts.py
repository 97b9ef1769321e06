"""Receipts: check one without any network."""

from pathlib import Path
from typing import Annotated

import typer

from assay.client import output
from assay.client.output import Output
from assay.proof.receipt import receipt_digest
from assay.proof.report import verify
from assay.schema.errors import BadSettings

BROKEN = 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Signed lineages of results.", no_args_is_help=True)
    group.command("verify")(verify_file)
    app.add_typer(group, name="receipt")


def verify_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A receipt, as `assay fetch` wrote it.")],
    operator: Annotated[str | None, typer.Option(help="The operator's address that must have signed it.")] = None,
) -> None:
    """Check every signature, chain, root and sum of a receipt, offline; exit code 1 if anything is wrong."""

    async def work(out: Output) -> bool:
        if not file.is_file():
            raise BadSettings(f"There is no file {file}.")
        sealed = file.read_text()
        report = verify(sealed, operator)
        rows = [("ok" if check.passed else "WRONG", check.name, check.sentence) for check in report.checks]
        passed = all(check.passed for check in report.checks)
        body = {
            "passed": passed,
            "digest": receipt_digest(sealed) if passed else None,
            "checks": [{"name": c.name, "passed": c.passed, "sentence": c.sentence} for c in report.checks],
        }
        out.show(body, lambda: output.table(str(file), ("", "check", "what was found"), rows))
        return passed

    if not output.run(context, work):
        raise typer.Exit(BROKEN)
