"""Where the parts of a blob lie: its own, or those of blobs that the same owner stored before. Pure.

A checkpoint is often the one before with a few parts changed. Its uploader names a base and the runs of parts that are
the base's (`at` in the blob, `first` in the base, `count`); only the others travel. What is stored names, for each
stretch, the blob that brought the parts in the first place, never one that borrowed them itself: a layout is flat, so
there is no chain to follow and no cycle to make. Whether the claim is true shows when the whole is digested.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from assay.bus.parts import DIGEST, PART_BYTES, offsets
from assay.schema.errors import Refused

STRETCHES_MAX: Final = 256
RUNS_MAX: Final = STRETCHES_MAX // 2 - 1
RUN: Final = r"[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}"
RUNS_TEXT: Final = re.compile(f"{RUN}(,{RUN}){{0,{RUNS_MAX - 1}}}")

Run = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """From part `at` on, a blob's parts are those from `first` on of the blob `source`, stored at `stored_s`."""

    at: int
    source: str
    first: int
    stored_s: int


Layout = tuple[Stretch, ...]


def own_layout(digest: str, now_s: int) -> Layout:
    """The layout of a blob that was uploaded whole."""
    return (Stretch(0, digest, 0, now_s),)


def place(layout: Layout, index: int) -> tuple[str, int]:
    """The blob that brought a part, and which of its parts it was there."""
    stretch = layout[bisect_right(layout, index, key=lambda each: each.at) - 1]
    return stretch.source, stretch.first + index - stretch.at


def lent_by(source: str, layout: Layout, size: int) -> set[int]:
    """Which parts of a blob another of so many bytes consists of."""
    places = (place(layout, index) for index in range(len(offsets(size))))
    return {index for named, index in places if named == source}


def borrowed(own: Stretch, total: int, base: Layout, base_total: int, runs: Sequence[Run], oldest_s: int) -> Layout:
    """The layout of a blob of `total` bytes with runs of its base's parts, else `own`.

    Parts stored before `oldest_s` are not borrowed: they are deleted first. Raises Refused: blob.mismatch for runs that
    cannot lie there, or in too many pieces; blob.missing for parts that are too old.
    """
    found: list[Stretch] = []
    end = 0
    for at, first, count in runs:
        if at < end or count < 1 or not _fits(at, count, total) or not _fits(first, count, base_total):
            raise Refused("blob.mismatch", f"{count} parts at {first} of a blob's base cannot lie at {at}.")
        if at > end:
            found.append(Stretch(end, own.source, end, own.stored_s))
        found += _within(base, at, first, count)
        end = at + count
    if end < len(offsets(total)):
        found.append(Stretch(end, own.source, end, own.stored_s))
    layout = _joined(found)
    if any(stretch.stored_s < oldest_s for stretch in layout):
        raise Refused("blob.missing", "Parts of the base are too old to be borrowed.")
    if len(layout) > STRETCHES_MAX:
        raise Refused("blob.mismatch", f"The blob is in {len(layout)} pieces of at most {STRETCHES_MAX}.")
    return layout


def _fits(at: int, count: int, total: int) -> bool:
    """Whether so many whole parts lie there; the last part of a blob is never borrowed, for it may be shorter."""
    return at >= 0 and (at + count) * PART_BYTES <= total


def _within(base: Layout, at: int, first: int, count: int) -> Iterable[Stretch]:
    for stretch, after in pairwise([*base, Stretch(first + count, "", 0, 0)]):
        begin, end = max(stretch.at, first), min(max(after.at, first), first + count)
        if begin < end:
            yield Stretch(at + begin - first, stretch.source, stretch.first + begin - stretch.at, stretch.stored_s)


def _joined(stretches: Iterable[Stretch]) -> Layout:
    joined: list[Stretch] = []
    for stretch in stretches:
        last = joined[-1] if joined else None
        if not last or last.source != stretch.source or last.first + stretch.at - last.at != stretch.first:
            joined.append(stretch)
    return tuple(joined)


def runs_of(parts: list[bytes], base: list[bytes]) -> list[Run]:
    """The runs of parts of a blob that its base has, by their digests; never the last part, which closes an upload."""
    lent = base[:-1]
    where = {digest: index for index, digest in reversed(list(enumerate(lent)))}
    runs: list[Run] = []
    for at, digest in enumerate(parts[:-1]):
        begun, first, count = runs[-1] if runs else (at, 0, 0)
        if count and begun + count == at and lent[first + count : first + count + 1] == [digest]:
            runs[-1] = (begun, first, count + 1)
        elif digest in where:
            runs.append((at, where[digest], 1))
    return sorted(sorted(runs, key=lambda run: -run[2])[:RUNS_MAX])


def write_runs(runs: Sequence[Run]) -> str:
    """Runs as the header's text."""
    return ",".join(f"{at}.{first}.{count}" for at, first, count in runs)


def read_runs(text: str) -> list[Run]:
    """The runs that a header's text names. Raises Refused, event.malformed."""
    if not RUNS_TEXT.fullmatch(text):
        raise Refused("event.malformed", f"header: runs are at most {RUNS_MAX} times at.first.count.")
    return [(int(at), int(first), int(count)) for at, first, count in (run.split(".") for run in text.split(","))]


def write_layout(layout: Layout) -> str:
    """A layout as the record of a blob keeps it."""
    return json.dumps([[each.at, each.source, each.first, each.stored_s] for each in layout])


def read_layout(text: str, total: int) -> Layout:
    """The layout that the record of a blob of `total` bytes keeps. Raises Refused, blob.mismatch, if it is none."""
    try:
        rows = json.loads(text)
        layout = tuple(Stretch(*_row(row)) for row in rows)
    except (ValueError, TypeError, RecursionError):
        layout = ()
    starts = [stretch.at for stretch in layout]
    sound = 0 < len(layout) <= STRETCHES_MAX and starts[0] == 0 and starts[-1] < len(offsets(total))
    if not sound or any(after <= at for at, after in pairwise(starts)):
        raise Refused("blob.mismatch", "The record of a blob says of its parts what cannot be.")
    return layout


def _row(row: Any) -> tuple[int, str, int, int]:
    at, source, first, stored_s = row
    numbers = all(type(number) is int and 0 <= number < 2**40 for number in (at, first, stored_s))
    if not numbers or not isinstance(source, str) or not DIGEST.fullmatch(source):
        raise ValueError
    return at, source, first, stored_s
