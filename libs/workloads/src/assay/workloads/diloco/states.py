"""What a member's and an outer job's checkpoints look like, their digests, and how far two of them are apart.

Four forms: before a whole round nothing has been done; around the segments of one that is cut weights and moments, as
fine-tuning keeps them; after the last segment the packed result, with what error feedback carries on behind it; or the
outcome of an outer step, canonical JSON. All but the second are written in one way only, so their digest is that of
their bytes.
"""

import json
import math
import struct
from typing import Any, Final

import numpy as np

from assay.proof.digest import blob_digest
from assay.workloads.checkpoint import (
    Shapes,
    adapter_shapes,
    check_step,
    digest_of,
    distance_between,
    read_checkpoint,
    read_tensors,
)
from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.packing import HEAD, MAGIC, unpack
from assay.workloads.errors import BadCheckpoint

BEGIN: Final = b"assay.diloco.begin.1"
KEPT: Final = b"aspk1"
LENGTH: Final = struct.Struct("<5sQ")


def keep(packed: bytes, carried: Floats | None) -> bytes:
    """Return the last state of a member: the packed result, and what it carries on if it does."""
    if carried is None:
        return packed
    return LENGTH.pack(KEPT, len(packed)) + packed + (carried + np.float32(0)).astype("<f4").tobytes()


def parted(state: bytes) -> tuple[bytes, Floats | None]:
    """Return the packed result in a last state, and what is carried on. Raises BadCheckpoint."""
    if not state.startswith(KEPT):
        return state, None
    if len(state) < LENGTH.size:
        raise BadCheckpoint("It ends before its head does.")
    _, size = LENGTH.unpack_from(state)
    packed, rest = state[LENGTH.size : LENGTH.size + size], state[LENGTH.size + size :]
    if len(rest) != 4 * count_of(packed):
        raise BadCheckpoint(f"{len(rest)} bytes are carried on, which are not as many values as were sent.")
    carried: Floats = np.frombuffer(rest, "<f4")
    if not np.isfinite(carried).all() or np.signbit(carried[carried == 0]).any():
        raise BadCheckpoint("A value that is carried on is not finite, or a negative zero.")
    return packed, carried


def count_of(packed: bytes) -> int:
    """Return how many values a packed result says it has. Raises BadCheckpoint."""
    if len(packed) < HEAD.size:
        raise BadCheckpoint("It is no pseudo-gradient.")
    count: int = HEAD.unpack_from(packed)[-1]
    # A value takes a thirtieth of a byte or more in the tightest code.
    if count > 64 * len(packed):
        raise BadCheckpoint(f"It cannot hold {count} values in {len(packed)} bytes.")
    return count


def read_last(state: bytes) -> tuple[Floats, Floats | None]:
    """Return the values of a last state, and what is carried on. Raises BadCheckpoint."""
    packed, carried = parted(state)
    return unpack(packed, count_of(packed)), carried


def digest(state: bytes) -> str:
    """Return the canonical digest of a state of any form. Raises BadCheckpoint."""
    if state == BEGIN:
        return blob_digest(state)
    if state.startswith((MAGIC, KEPT)):
        read_last(state)
        return blob_digest(state)
    if state.startswith(b"{"):
        read_outcome(state)
        return blob_digest(state)
    return digest_of(read_tensors(state))


def form_of(start: bytes) -> Shapes | None:
    """Return the shapes of what is trained, where the first state has them. Raises BadCheckpoint."""
    return None if start == BEGIN else adapter_shapes(read_checkpoint(start))


def check_place(state: bytes, form: Shapes | None, step: int, is_last: bool) -> None:
    """Raise BadCheckpoint unless a member's state is its result, or one between segments after so many steps."""
    if is_last:
        read_last(state)
    elif form is not None:
        check_step(read_checkpoint(state, form), step)
    elif state != BEGIN:
        raise BadCheckpoint("A round begins from nothing but what its parameters name.")


def distance(a: bytes, b: bytes, start: bytes) -> float:
    """Return how far `b` is from `a`, by the way that `a` has gone. Raises BadCheckpoint.

    Codes hide or magnify a difference of rounding where a value lies at a border. Over many values that evens out in
    the sum of sizes: the expected change of a code's value is that of the value itself.
    """
    lasts = [state.startswith((MAGIC, KEPT)) for state in (a, b)]
    if lasts == [False, False] and start != BEGIN and not a.startswith(b"{"):
        return distance_between(read_checkpoint(a), read_checkpoint(b), read_checkpoint(start))
    if lasts != [True, True]:
        return 0.0 if digest(a) == digest(b) else math.inf
    (one, kept), (other, claimed) = read_last(a), read_last(b)
    if len(one) != len(other) or (kept is None) != (claimed is None):
        return math.inf
    if kept is None or claimed is None:
        return share(np.abs(one - other), np.abs(one))
    return max(share(np.abs(one - other), np.abs(one)), share(np.abs((one + kept) - (other + claimed)), np.abs(one)))


def share(apart: Floats, way: Floats) -> float:
    """Return a sum of sizes as a part of another."""
    left, whole = float(apart.sum(dtype=np.float64)), float(way.sum(dtype=np.float64))
    return left / whole if whole else (math.inf if left else 0.0)


def write_outcome(outcome: dict[str, Any]) -> bytes:
    """Return an outcome as bytes, in its one way."""
    return json.dumps(outcome, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_outcome(state: bytes) -> dict[str, Any]:
    """Return the outcome in a state. Raises BadCheckpoint."""
    try:
        found = json.loads(state)
        if not isinstance(found, dict) or write_outcome(found) != state:
            raise BadCheckpoint("The outcome is not written in its one way.")
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(f"The outcome cannot be read: {error}.") from None
    return found
