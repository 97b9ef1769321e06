"""A model's weights in one file or in several, which their index names: read as one, each tensor from one place.

The index is a stranger's word. It names files right in the model's folder and nowhere else; each has just the tensors
that the index says, and no tensor lies in two, of which one library would take the first and another the last.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

from safetensors import safe_open

from assay.workloads.errors import ModelUnsupported
from assay.workloads.models import INDEX, WEIGHTS

SHARD: Final = re.compile(r"[\w-][\w.-]{0,200}\.safetensors", re.ASCII)
SHARDS_MAX: Final = 1024
INDEX_BYTES_MAX: Final = 64 << 20


class Weights(Protocol):
    """Tensors by name, none of which is read before it is asked for."""

    def keys(self) -> Any:
        """Return the names of all tensors."""
        ...

    def get_slice(self, name: str) -> Any:
        """Return a tensor's type and shape, and parts of it."""
        ...

    def get_tensor(self, name: str) -> Any:
        """Return a tensor."""
        ...


class Shards:
    """The tensors of several files."""

    def __init__(self, places: Mapping[str, Weights]) -> None:
        self._places = places

    def keys(self) -> Iterator[str]:
        """Return the names of all tensors."""
        return iter(sorted(self._places))

    def get_slice(self, name: str) -> Any:
        """Return a tensor's type and shape, and parts of it."""
        return self._places[name].get_slice(name)

    def get_tensor(self, name: str) -> Any:
        """Return a tensor."""
        return self._places[name].get_tensor(name)


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold a model's weights. Raises ModelUnsupported, and what reading the index raises."""
    return [folder / WEIGHTS] if (folder / WEIGHTS).is_file() else [folder / name for name in read_index(folder)]


def enter_weights(folder: Path, framework: str, stack: ExitStack) -> Weights:
    """Return a model's weights, open as long as `stack` is.

    Raises ModelUnsupported where index and files disagree, and what safetensors raises over a file.
    """
    if (folder / WEIGHTS).is_file():
        whole: Weights = stack.enter_context(safe_open(folder / WEIGHTS, framework))
        return whole
    places: dict[str, Weights] = {}
    for name, said in read_index(folder).items():
        shard: Weights = stack.enter_context(safe_open(folder / name, framework))
        held = set(shard.keys())
        if twice := sorted(held & places.keys()):
            raise ModelUnsupported(f"The weights have {twice[0]} in two files, one of them {name}.")
        if odd := sorted(said ^ held):
            lacks = "lacks" if odd[0] in said else "has besides"
            raise ModelUnsupported(f"The file {name} {lacks} {odd[0]} of the model's index.")
        places |= dict.fromkeys(held, shard)
    return Shards(places)


def read_index(folder: Path) -> dict[str, set[str]]:
    """Return by file, in order of names, which tensors the index says are in it. Raises ModelUnsupported."""
    file = folder / INDEX
    if file.stat().st_size > INDEX_BYTES_MAX:
        raise ModelUnsupported(f"The model's index is over {INDEX_BYTES_MAX >> 20} MiB.")
    found = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=once)
    files: dict[str, set[str]] = {}
    for tensor, name in found["weight_map"].items():
        files.setdefault(name, set()).add(tensor)
    if not 1 <= len(files) <= SHARDS_MAX:
        raise ModelUnsupported(f"The model's index names {len(files)} files; 1 to {SHARDS_MAX} are read.")
    for name in files:
        if not SHARD.fullmatch(name):
            raise ModelUnsupported(f"The model's index names {name[:80]!r}, which is no safetensors file beside it.")
        if not (folder / name).is_file():
            raise ModelUnsupported(f"The model has no {name}, which its index names.")
    return dict(sorted(files.items()))


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Raises ModelUnsupported if it says something twice: of which readers differ."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ModelUnsupported("The model's index names a tensor twice.")
    return found
