"""Models: put a folder of Hugging Face into the network, so that jobs bring it along."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from assay.client import output
from assay.client.models import OwnModel, noted
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay

GROUP: Final = typer.Typer(
    help="Models: your own, which jobs bring along, and a machine's store.", no_args_is_help=True
)
"""Who has a model store adds to it."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    GROUP.command("add")(add)
    GROUP.command("list")(show)
    app.add_typer(GROUP, name="model")


def add(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="As `save_pretrained` writes it: config, tokenizer, safetensors.")],
) -> None:
    """Put a model in; prints its digest, which `-p model=DIGEST` of `assay submit` takes. A broken transfer goes on."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            with Bars(out) as bars:
                model = await assay.add_model(folder, bars.tell)
            out.show(model, lambda: in_words(model))

    output.run(context, work)


def show(context: typer.Context) -> None:
    """List the models that were added from this machine."""

    async def work(out: Output) -> None:
        found = noted()
        rows = [(each.model, in_millions(each), in_megabytes(each), each.folder) for each in found]
        out.show(found, lambda: output.table("models", ("model", "parameters", "size", "folder"), rows))

    output.run(context, work)


class Bars(Progress):
    """A bar for each file under way; none for scripts."""

    def __init__(self, out: Output) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        super().__init__(*columns, console=out.console, disable=out.is_json, transient=True)
        self._files: dict[str, TaskID] = {}

    def tell(self, name: str, far: int, size: int) -> None:
        """Show how many bytes of a file are there."""
        if name not in self._files:
            self._files[name] = self.add_task(name, total=size)
        self.update(self._files[name], completed=far)


def in_words(model: OwnModel) -> str:
    """What was added, and how it is used."""
    what = f"{len(model.model_files)} files, {in_megabytes(model)}, {in_millions(model)} parameters"
    use = f"assay submit --kind finetune -p model={model.model} --input data=chats.jsonl ..."
    return f"{model.model}\n{what}. Jobs from here that name it bring it along:\n{use}"


def in_millions(model: OwnModel) -> str:
    """How many numbers a model has."""
    return f"{model.model_parameters / 1e6:.1f} million"


def in_megabytes(model: OwnModel) -> str:
    """How much a model weighs."""
    return f"{model.bytes / 1e6:.1f} MB"
