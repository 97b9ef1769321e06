"""The opening of a segment's trace as one file: the committed tensors of every step, in order, behind one header.

The checker knows from the job what each tensor must be, so the header decides nothing: it is compared, and the file is
mapped into memory and never longer than it must be. A tensor's leaf binds its step, operator, type, shape and bytes.
"""

import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from assay.proof import merkle
from assay.proof.digest import tensor_leaf
from assay.workloads.trace.errors import BadOpening
from assay.workloads.trace.plan import Leaf, Plan

MAGIC = b"assay.trace.1\n\0\0"
ALIGN = 64


def header_of(plan: Plan, steps: int) -> bytes:
    """The bytes before the first tensor, a multiple of the alignment."""
    leaves = [[leaf.dtype, list(leaf.shape)] for leaf in plan.leaves]
    body = json.dumps({"graph": plan.digest.hex(), "steps": steps, "leaves": leaves}, separators=(",", ":")).encode()
    head = MAGIC + len(body).to_bytes(8, "big") + body
    return head.ljust(padded(len(head)), b" ")


def padded(size: int) -> int:
    """The next multiple of the alignment."""
    return -(-size // ALIGN) * ALIGN


def bytes_of(tensor: Tensor, order: tuple[int, ...]) -> memoryview:
    """A tensor's bytes with its dimensions in this order."""
    flat = tensor.detach().permute(order).contiguous().reshape(-1).view(torch.uint8)
    return memoryview(flat.numpy())  # type: ignore[arg-type]


def inverse(order: tuple[int, ...]) -> list[int]:
    """Where each dimension stands in the order."""
    return [order.index(dim) for dim in range(len(order))]


def leaf_digest(step: int, leaf: Leaf, data: memoryview) -> bytes:
    """The 32 bytes that stand for one committed tensor."""
    return tensor_leaf(f"{step}.{leaf.index}", leaf.dtype, leaf.shape, data)


class OpeningWriter:
    """Writes tensors as they come, and keeps their digests."""

    def __init__(self, file: IO[bytes], plan: Plan, steps: int) -> None:
        self._file, self._leaves = file, [plan.digest]
        file.write(header_of(plan, steps))

    def write(self, step: int, leaf: Leaf, tensor: Tensor) -> None:
        """Append a tensor."""
        data = bytes_of(tensor, leaf.order)
        self._leaves.append(leaf_digest(step, leaf, data))
        self._file.write(data)
        self._file.write(bytes(padded(data.nbytes) - data.nbytes))

    @property
    def root(self) -> str:
        """The Merkle root over what was written, 64 hex digits."""
        return merkle.root(self._leaves).hex()


class Opening:
    """An opened trace: its tensors lie in the mapped file until they are looked at."""

    def __init__(self, path: Path, plan: Plan, steps: int) -> None:
        """Raises BadOpening unless the file has exactly the layout of this plan, OSError if it cannot be read."""
        self._plan = plan
        head = header_of(plan, steps)
        ends = list(layout(plan, steps, len(head)))
        with path.open("rb") as file:
            check_header(file.read(len(head)), head, plan)
            check_size(path.stat().st_size, ends)
            self._data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        self._places = {(step, leaf.index): (leaf, start) for step, leaf, start in ends}

    def tensor(self, step: int, index: int) -> Tensor:
        """Return the tensor that operator `index` of a step is said to have made."""
        leaf, start = self._places[step, index]
        dtype = leaf.node.meta["val"].dtype
        if not leaf.size_bytes:
            return torch.empty(leaf.shape, dtype=dtype)
        count = leaf.size_bytes // dtype.itemsize
        flat = torch.frombuffer(self._data, dtype=dtype, count=count, offset=start)
        return flat.reshape([leaf.shape[dim] for dim in leaf.order]).permute(inverse(leaf.order))

    @property
    def root(self) -> str:
        """The Merkle root over what lies in the file, 64 hex digits."""
        leaves = [self._plan.digest]
        for (step, _), (leaf, start) in self._places.items():
            leaves.append(leaf_digest(step, leaf, self._data[start : start + leaf.size_bytes]))
        return merkle.root(leaves).hex()


def layout(plan: Plan, steps: int, start: int) -> Iterator[tuple[int, Leaf, int]]:
    """Each step's committed tensors, with the place in the file where each begins."""
    for step in range(steps):
        for leaf in plan.leaves:
            yield step, leaf, start
            start += padded(leaf.size_bytes)


def check_header(found: bytes, expected: bytes, plan: Plan) -> None:
    """Raise BadOpening unless the header is the one of this plan, saying which tensor is declared otherwise."""
    if found == expected:
        return
    step, operator, name, detail = 0, 0, "header", "it is not the header of a trace of this job."
    declared = read_declared(found)
    for leaf, (dtype, shape) in zip(plan.leaves, declared, strict=False):
        if (dtype, shape) != (leaf.dtype, list(leaf.shape)):
            operator, name = leaf.index, leaf.node.name
            detail = f"it is declared {str(dtype)[:20]}{str(shape)[:60]}, not {leaf.dtype}{list(leaf.shape)}."
            break
    raise BadOpening(step, operator, name, detail)


def read_declared(header: bytes) -> list[tuple[Any, Any]]:
    """The tensors that a foreign header declares; none if it cannot be read."""
    start = len(MAGIC) + 8
    size = int.from_bytes(header[len(MAGIC) : start], "big")
    try:
        return [(dtype, shape) for dtype, shape in json.loads(header[start : start + size])["leaves"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def check_size(found: int, ends: list[tuple[int, Leaf, int]]) -> None:
    """Raise BadOpening unless the file ends where its last tensor does, saying at which tensor it breaks off."""
    for step, leaf, start in ends:
        if found < start + padded(leaf.size_bytes):
            raise BadOpening(step, leaf.index, leaf.node.name, f"the file breaks off at byte {found}.")
    step, leaf, start = ends[-1]
    if found > start + padded(leaf.size_bytes):
        raise BadOpening(step, leaf.index, leaf.node.name, f"the file goes on to byte {found}.")
