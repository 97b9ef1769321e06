"""The header of a safetensors file, read with distrust, and the tensors that it places. Pure."""

import json
import math
import struct
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from assay.client.errors import BadInput

LENGTH_BYTES: Final = 8
HEADER_BYTES_MAX: Final = 2**20
METADATA: Final = "__metadata__"
TYPES: Final[Mapping[str, tuple[int, str]]] = {
    **{"F64": (8, "d"), "F32": (4, "f"), "F16": (2, "e"), "BF16": (2, "")},
    **{"I64": (8, "q"), "I32": (4, "i"), "I16": (2, "h"), "I8": (1, "b"), "U8": (1, "B"), "BOOL": (1, "?")},
}
"""The bytes of an element, and how it is read; BF16 is none of Python's."""

Size = Annotated[int, Field(ge=0, lt=2**42, strict=True)]


class Entry(BaseModel):
    """What a header says of a tensor."""

    dtype: Annotated[str, Field(max_length=8)]
    shape: Annotated[tuple[Size, ...], Field(max_length=8)]
    data_offsets: tuple[Size, Size]


class Metadata(BaseModel):
    """What else it may hold."""


HEADER: Final = TypeAdapter(dict[str, Entry | Metadata])


class Tensor(NamedTuple):
    """A tensor, and at which byte of the file it begins."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def row_count(self) -> int:
        """How many rows it has; a scalar is one."""
        return self.shape[0] if self.shape else 1

    @property
    def value_bytes(self) -> int:
        """The bytes of an element."""
        return TYPES[self.dtype][0]

    @property
    def row_bytes(self) -> int:
        """The bytes of a row."""
        return self.value_bytes * math.prod(self.shape[1:])

    def rows(self, first: int, end: int) -> "Tensor":
        """Some of its rows. Raises BadInput for none, or such as it lacks."""
        if not 0 <= first < end <= self.row_count:
            raise BadInput(f"{self.name} has the rows 0:{self.row_count}, and not {first}:{end}.")
        shape = (end - first, *self.shape[1:]) if self.shape else ()
        return self._replace(shape=shape, start=self.start + first * self.row_bytes)

    def values(self, data: bytes) -> list[float | int | bool]:
        """The elements, row by row. Raises BadInput for a type that is not shown."""
        size, form = TYPES[self.dtype]
        if not form:
            raise BadInput(f"{self.dtype} is not shown: name a file with --save.")
        return list(struct.unpack(f"<{len(data) // size}{form}", data))


def header_bytes(length: bytes, total: int) -> int:
    """How long the header is that a file of `total` bytes begins with. Raises BadInput if it has none."""
    found = int.from_bytes(length[:LENGTH_BYTES], "little")
    if len(length) < LENGTH_BYTES or not 0 < found <= min(HEADER_BYTES_MAX, total - LENGTH_BYTES):
        raise BadInput("It is no safetensors file: work of this kind keeps its state in a form of its own.")
    return found


def tensors_of(header: bytes, total: int) -> dict[str, Tensor]:
    """The tensors of a file of `total` bytes by name. Raises BadInput for any doubt about the header."""
    try:
        entries = HEADER.validate_json(header)
    except ValidationError:
        raise BadInput("The header is none of safetensors.") from None
    start = LENGTH_BYTES + len(header)
    found = {}
    for name, entry in sorted(entries.items()):
        if isinstance(entry, Entry):
            begin, end = entry.data_offsets
            size = TYPES.get(entry.dtype, (-1, ""))[0] * math.prod(entry.shape)
            # The size of what is unknown may be nothing too.
            if entry.dtype not in TYPES or not 0 <= end - begin == size or start + end > total:
                raise BadInput(f"The header says of {name[:80]} what cannot be.")
            found[name] = Tensor(name, entry.dtype, entry.shape, start + begin)
        elif name != METADATA:
            raise BadInput(f"The header says nothing of {name[:80]}.")
    return found


def file_of(tensor: Tensor, data: bytes) -> bytes:
    """A safetensors file with this tensor alone."""
    entry = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": (0, len(data))}
    header = json.dumps({tensor.name: entry}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % LENGTH_BYTES)
    return len(header).to_bytes(LENGTH_BYTES, "little") + header + data
