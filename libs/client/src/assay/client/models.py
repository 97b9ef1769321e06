"""A model of one's own, brought along: a folder of Hugging Face, each file of which is a blob that jobs name.

What was added is noted on this machine by the model's digest, so that an order needs no more than that digest. A note
says nothing that is not checked: whoever runs the job reads nothing of files that are not the model.
"""

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from assay.bus.blob_door import DoorBlobs
from assay.bus.parts import BLOB_BYTES_MAX
from assay.client.errors import BadInput
from assay.proof.digest import folder_digest
from assay.schema.values import Digest

NOTES: Final = Path.home() / ".cache" / "assay" / "models"
KINDS: Final = ("finetune", "generate", "serve")
"""Kinds whose jobs may bring a model along."""
OF_MODEL: Final = frozenset({".json", ".jinja", ".model", ".safetensors", ".txt"})
"""What a folder's files end in that are a model's; code, pickles, pictures and what is hidden stay here."""
CONFIGURATION, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", ".safetensors"
FILES_MAX: Final = 40
NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
DIGEST: Final = re.compile("[0-9a-f]{64}")
HEADER_BYTES_MAX: Final = 100_000_000

Tell = Callable[[str, int, int], object]
"""Hears of a file by name how many of its bytes are there, and how many it has."""


def untold(name: str, far: int, size: int) -> None:
    """Nobody hears."""


class OwnModel(BaseModel):
    """A model that was added: what a job names of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Digest
    model_parameters: int
    model_files: dict[str, Digest]
    bytes: int
    folder: str

    @property
    def params(self) -> dict[str, Any]:
        """The parameters by which a job brings it along."""
        return self.model_dump(exclude={"bytes", "folder"})


def files_of(folder: Path) -> list[Path]:
    """The files of a model's folder that are the model, by name. Raises BadInput."""
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.")
    files = sorted(file for file in folder.iterdir() if file.is_file() and is_of_model(file))
    names = [file.name for file in files]
    for lacking in {CONFIGURATION, TOKENIZER} - set(names):
        raise BadInput(f"{folder} has no {lacking}.")
    if not any(name.endswith(WEIGHTS) for name in names):
        raise BadInput(f"{folder} has no weights as safetensors.")
    if len(files) > FILES_MAX:
        raise BadInput(f"{folder} has {len(files)} files; a model of at most {FILES_MAX} is taken along.")
    for file in files:
        if file.stat().st_size > BLOB_BYTES_MAX:
            cut = f"save_pretrained(..., max_shard_size='{BLOB_BYTES_MAX >> 30}GiB')"
            raise BadInput(f"{file.name} has more than {BLOB_BYTES_MAX >> 30} GiB: cut the weights by {cut}.")
    return files


def is_of_model(file: Path) -> bool:
    """Whether a file, by its name, is a part of a model."""
    return file.suffix in OF_MODEL and bool(NAME.fullmatch(file.name))


def count_numbers(files: list[Path]) -> int:
    """How many numbers the weights have, by their headers. Raises BadInput."""
    return sum(math.prod(shape) for file in files if file.suffix == WEIGHTS for shape in shapes_in(file))


def shapes_in(file: Path) -> list[list[int]]:
    """The shapes of a safetensors file's tensors. Raises BadInput."""
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            header: Any = json.loads(opened.read(size)) if size <= HEADER_BYTES_MAX else None
        return [tensor["shape"] for name, tensor in header.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadInput(f"{file.name} is no safetensors file.") from error


async def add_model(blobs: DoorBlobs, folder: Path, tell: Tell) -> OwnModel:
    """The model in a folder, each file of which jobs can name from now on; a broken upload goes on where it ended.

    Raises BadInput, Refused, Unreachable.
    """
    files = files_of(folder)
    numbers = count_numbers(files)
    digests: dict[str, str] = {}
    for file in files:
        size, far = file.stat().st_size, 0

        def sent(count: int, name: str = file.name, size: int = size) -> None:
            nonlocal far
            far += count
            tell(name, far, size)

        tell(file.name, 0, size)
        digests[file.name] = await blobs.put(file, sent=sent)
        tell(file.name, size, size)
    entries = [(file.name, file.stat().st_size, bytes.fromhex(digests[file.name])) for file in files]
    model = OwnModel(
        model=folder_digest(entries),
        model_parameters=numbers,
        model_files=digests,
        bytes=sum(size for _, size, _ in entries),
        folder=str(folder.resolve()),
    )
    await asyncio.to_thread(partial(note, model))
    return model


def note(model: OwnModel) -> None:
    """Remember a model that was added."""
    NOTES.mkdir(parents=True, exist_ok=True)
    (NOTES / f"{model.model}.json").write_text(model.model_dump_json(), encoding="utf-8")


def noted() -> list[OwnModel]:
    """The models that were added from this machine, by digest."""
    found = sorted(NOTES.glob("*.json")) if NOTES.is_dir() else []
    return [model for file in found if (model := read_note(file.stem))]


def read_note(digest: str) -> OwnModel | None:
    """What was noted of a model, if anything was."""
    try:
        return OwnModel.model_validate_json((NOTES / f"{digest}.json").read_bytes())
    except (OSError, ValidationError):
        return None


def brought(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A job's parameters, with the files of the model that they name if it was added here."""
    digest = params.get("model")
    if kind not in KINDS or "model_files" in params or not DIGEST.fullmatch(str(digest)):
        return dict(params)
    own = read_note(str(digest))
    return (own.params if own else {}) | dict(params)
