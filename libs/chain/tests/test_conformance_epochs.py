"""What anchors of a `Chain` do: one suite for the twin in memory and for the real contracts."""

import pytest

from assay.chain.errors import Reverted
from assay.chain.events import Anchored, AnchorRefused
from assay.chain.port import Anchor, AnchorRefusal
from assay.chain.words import normal

ZERO, FIRST, SECOND = bytes(32), b"\1" * 32, b"\2" * 32


async def test_roots_are_anchored_in_order_and_never_changed(rig):
    provider = normal(rig.keys.provider.address)
    bad = {
        Anchor(provider, 2, ZERO, FIRST, 5): AnchorRefusal.GAP,
        Anchor(provider, 0, ZERO, FIRST, 5): AnchorRefusal.GAP,
        Anchor(provider, 1, ZERO, ZERO, 5): AnchorRefusal.NO_ROOT,
        Anchor(provider, 1, FIRST, SECOND, 5): AnchorRefusal.WRONG_PREVIOUS,
    }
    refused = await rig.anchor(*bad)
    assert refused.events == tuple(AnchorRefused(provider, a.number, a.root, why) for a, why in bad.items())
    anchors = (Anchor(provider, 1, ZERO, FIRST, 5), Anchor(provider, 1, ZERO, SECOND, 5))
    receipt = await rig.anchor(*anchors, Anchor(provider, 2, FIRST, SECOND, 2**63))
    known, last = AnchorRefused(provider, 1, SECOND, AnchorRefusal.KNOWN), Anchored(provider, 2, SECOND, 2**63)
    assert receipt.events == (Anchored(provider, 1, FIRST, 5), known, last)
    assert [await rig.chain.root_of(provider, number) for number in range(4)] == [ZERO, FIRST, SECOND, ZERO]
    (logged,) = [e for e in await rig.chain.events(0, receipt.block_number) if e.event == last]
    assert (logged.block_number, logged.tx_hash) == (receipt.block_number, receipt.tx_hash)


async def test_a_stranger_cannot_anchor(rig):
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await rig.anchor(Anchor(rig.keys.provider.address, 1, ZERO, FIRST, 5), key=rig.keys.stranger)
