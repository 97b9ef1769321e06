"""Checkpoints: look at what a provider committed to, without fetching all of it."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from assay.client import output
from assay.client.checkpoints import Checkpoint
from assay.client.commands.jobs import JobArgument
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.tensors import Tensor, file_of

VALUES_SHOWN_MAX: Final = 64
ROWS: Final = re.compile("([0-9]{1,12}):([0-9]{1,12})")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Checkpoints that providers committed to.", no_args_is_help=True)
    group.command("show")(show)
    app.add_typer(group, name="checkpoint")


def show(
    context: typer.Context,
    job_id: JobArgument,
    segment: Annotated[int | None, typer.Option(help="The segment that it closes; the last one by itself.")] = None,
    tensor: Annotated[str | None, typer.Option(help="Show this one; without, all are listed.")] = None,
    rows: Annotated[str | None, typer.Option(metavar="A:B", help="Of the tensor only the rows A to B - 1.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the tensor to this safetensors file.")] = None,
) -> None:
    """Show a job's checkpoint, or one tensor of it: only that is fetched, and proven against the signed digest."""
    if tensor is None and (rows or save):
        raise BadInput("--rows and --save go with --tensor.")

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            checkpoint = await assay.checkpoint(job_id, segment)
            tensors = await checkpoint.tensors()
            if tensor is None:
                out.show(told_of(checkpoint, tensors), lambda: drawn(checkpoint, tensors))
                return
            chosen = part_of(tensors, tensor, rows)
            # What is not shown may be a gigabyte, and as numbers several.
            data = await checkpoint.data(chosen, None if save else VALUES_SHOWN_MAX)
            if save:
                save.write_bytes(file_of(chosen, data))
            said = told_of(checkpoint, {tensor: chosen}) | {"file": save}
            out.show(said if save else said | {"values": values_of(chosen, data)})

    output.run(context, work)


def part_of(tensors: dict[str, Tensor], name: str, rows: str | None) -> Tensor:
    """A tensor, or the rows of it that A:B names. Raises BadInput."""
    if name not in tensors:
        raise BadInput(f"It has no tensor {name}: without --tensor all are listed.")
    if rows is None:
        return tensors[name]
    if not (found := ROWS.fullmatch(rows)):
        raise BadInput(f"{rows} is not A:B.")
    return tensors[name].rows(int(found[1]), int(found[2]))


def values_of(tensor: Tensor, data: bytes) -> list[Any]:
    """The elements; what JSON has no number for as text."""
    return [value if math.isfinite(value) else str(value) for value in tensor.values(data)]


def told_of(checkpoint: Checkpoint, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Whose checkpoint it is, and tensors of it, for scripts."""
    committed = checkpoint.committed
    names = ("job_id", "segment", "lease_id", "provider", "checkpoint")
    rows = [{"name": each.name, "dtype": each.dtype, "shape": each.shape} for each in tensors.values()]
    return {name: getattr(committed, name) for name in names} | {"tensors": rows}


def drawn(checkpoint: Checkpoint, tensors: dict[str, Tensor]) -> object:
    """The tensors for people."""
    committed = checkpoint.committed
    title = f"segment {committed.segment}, committed to by {committed.provider[:10]} as {committed.checkpoint[:16]}"
    rows = [(each.name, each.dtype, list(each.shape)) for each in tensors.values()]
    return output.table(title, ("tensor", "type", "shape"), rows)
