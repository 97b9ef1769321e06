"""A model that comes with its job: the files that a requester names, beside those that a machine has in its store.

They are inputs like all others: whoever runs or checks the job fetches them by digest and lays them down. Here they
become a folder again, under the names that the job gives them, and nothing is read of it before its digest is the
model's: so a job that names others fails for what it says, at nobody's cost but its requester's.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints

from assay.schema.values import Digest
from assay.workloads.errors import BadParams, ModelUnsupported
from assay.workloads.memory import UNNAMED_PARAMETERS
from assay.workloads.models import ModelStore, folder_digest
from assay.workloads.task import Job, ToChild
from assay.workloads.workload import FrozenParams

FILES_MAX: Final = 40
FileName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,115}\.(json|jinja|model|safetensors|txt)$")
]
"""No code and no pickle is laid where a library could find it."""
WEIGHTS: Final = ".safetensors"
WORDS_BYTES_MAX: Final = 64 << 20
"""What a file beside the weights may have: it is read whole, and those of large models have half of that."""


def in_order(files: Any) -> Any:
    """Return an object of JSON as pairs, by name."""
    return tuple(sorted(files.items())) if isinstance(files, Mapping) else files


class OfModel(FrozenParams):
    """What a job on a model names of it, that may come with the job."""

    model: Digest
    model_parameters: Annotated[int, Field(ge=1, le=10**12)] | None = None
    """How many numbers the model has, by which machines are asked for; without it, at most 200 million."""
    model_files: Annotated[
        tuple[tuple[FileName, Digest], ...], BeforeValidator(in_order), Field(max_length=FILES_MAX)
    ] = ()
    """The model's files, {name: digest}, if it comes with the job; else it is in the machine's store."""

    def reading(self, digests: Iterable[str]) -> list[str]:
        """Return the digests of data, and of the model's files where it comes with the job: each once."""
        return list(dict.fromkeys([*digests, *(digest for _, digest in self.model_files)]))


@cache
def given_root() -> Path:
    """Return where this process lays models that come with jobs: always there, so that it loads one only once."""
    return Path(tempfile.mkdtemp(prefix="given-"))


@contextmanager
def given(task: ToChild) -> Iterator[ToChild]:
    """Hand out a task whose model is in the store that it names: what came with the job lies there meanwhile.

    Raises ModelUnsupported if what came is another model.
    """
    said = model_of(task) if isinstance(task, Job) else None
    if said is None:
        yield task
        return
    root = given_root()
    try:
        lay(said, task.inputs, root / said.model)  # type: ignore[union-attr]
        yield task.model_copy(update={"models": str(root)})
    finally:
        # In a sandbox folders are not removed, files are.
        shutil.rmtree(root / said.model, ignore_errors=True)


def model_of(task: Job) -> OfModel | None:
    """Return what a job says of the model whose files came with it; none for one that is in the machine's store."""
    if not task.params.get("model_files"):
        return None
    named = ("model", "model_files", "model_parameters")
    said = OfModel.model_validate({name: task.params[name] for name in named if name in task.params})
    return said if all(digest in task.inputs for _, digest in said.model_files) else None


def lay(said: OfModel, inputs: Mapping[str, str], folder: Path) -> None:
    """Copy the files of a model into its folder. Raises ModelUnsupported unless they are that model, BadParams."""
    for name, digest in said.model_files:
        if not name.endswith(WEIGHTS) and Path(inputs[digest]).stat().st_size > WORDS_BYTES_MAX:
            raise ModelUnsupported(f"The file {name} has more than {WORDS_BYTES_MAX >> 20} MiB.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, digest in said.model_files:
        shutil.copyfile(inputs[digest], folder / name)
    if (found := folder_digest(folder)) != said.model:
        raise ModelUnsupported(f"The files that the job names are the model {found}, not {said.model}.")
    if said.model not in ModelStore(folder.parent):
        raise ModelUnsupported("Among the files that the job names are no weights.")
    check_numbers(said, folder)


def check_numbers(said: OfModel, folder: Path) -> None:
    """Raise BadParams for a model that is larger than its job says, and so than what machines were asked for."""
    from assay.workloads.model_files import count_parameters

    held, told = count_parameters(folder), said.model_parameters or UNNAMED_PARAMETERS
    if held > told:
        raise BadParams(f"The model has {held} numbers, and machines were asked for as if for {told}.")
