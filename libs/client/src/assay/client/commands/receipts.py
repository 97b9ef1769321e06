"""Receipts: check one without any network, and see what its result stands on."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from assay.client import output
from assay.client.commands.receipt_words import draw_graph, draw_report, graph_body, report_body
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.proof.dsse import BadForm
from assay.proof.provenance_graph import Graph, graph_of
from assay.proof.report import verify

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
    graph: Annotated[bool, typer.Option("--graph", help="Draw what the result was made from, by and for.")] = False,
) -> None:
    """Check every signature, chain, root, draw and sum of a receipt, offline; exit code 1 if anything is wrong."""

    async def work(out: Output) -> bool:
        if not file.is_file():
            raise BadInput(f"There is no file {file}.")
        sealed = read_sealed(file)
        report = verify(sealed, operator)
        lineage = read_graph(sealed) if graph else None
        body = report_body(sealed, report) | ({"graph": graph_body(lineage)} if lineage else {})
        out.show(body, lambda: draw_report(str(file), report))
        if lineage and not out.is_json:
            out.draw(draw_graph(lineage))
        return report.passed

    if not output.run(context, work):
        raise typer.Exit(BROKEN)


def read_sealed(file: Path) -> str:
    """What a file says. Raises BadInput, BadPath."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeError as error:
        raise BadInput(f"{file} is no receipt: {error}.") from None


def read_graph(sealed: str) -> Graph | None:
    """The graph of a receipt; None of one that cannot be read, whose report says why."""
    try:
        return graph_of(sealed)
    except (BadForm, ValidationError):
        return None
