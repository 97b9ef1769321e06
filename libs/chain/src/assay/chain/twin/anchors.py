"""The twin of the contract EpochAnchors."""

from collections.abc import Sequence
from typing import Any

from assay.chain.encode import ANCHOR
from assay.chain.events import Anchored, AnchorRefused
from assay.chain.twin.call import Call, Function
from assay.chain.values import Anchor, AnchorRefusal
from assay.chain.words import WORD_BYTES, normal

NO_ROOT = bytes(WORD_BYTES)


def anchor(call: Call, anchors: Sequence[tuple[Any, ...]]) -> None:
    """Keeps each root, or says why not."""
    call.demand_role("ANCHORER_ROLE")
    for fields in anchors:
        item = Anchor(normal(fields[0]), *fields[1:])
        reason = _refusal(call, item)
        if reason is not None:
            call.emit(AnchorRefused(item.provider, item.number, item.root, reason))
            continue
        call.storage["root", item.provider, item.number] = item.root
        call.emit(Anchored(item.provider, item.number, item.root, item.units))


def _refusal(call: Call, item: Anchor) -> AnchorRefusal | None:
    def root(number: int) -> bytes:
        return bytes(call.storage.get(("root", item.provider, number), NO_ROOT))

    if item.root == NO_ROOT:
        return AnchorRefusal.NO_ROOT
    if root(item.number) != NO_ROOT:
        return AnchorRefusal.KNOWN
    if item.number == 0 or (item.number > 1 and root(item.number - 1) == NO_ROOT):
        return AnchorRefusal.GAP
    return AnchorRefusal.WRONG_PREVIOUS if item.previous != root(item.number - 1) else None


ANCHORS: dict[str, Function] = {ANCHOR: anchor}
