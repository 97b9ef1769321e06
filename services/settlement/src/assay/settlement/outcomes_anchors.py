"""What the chain's answers about epochs mean: roots that are final.

A root before its turn is tried again later; any other refusal is a trouble.
"""

from collections.abc import Callable, Mapping
from typing import Any

from assay.chain import events as chain
from assay.chain.values import AnchorRefusal
from assay.schema.epoch import EpochAnchored
from assay.settlement.docket import Docket, Log, about
from assay.settlement.intents import Anchor


def _anchored(event: chain.Anchored, log: Log, docket: Docket) -> None:
    body = docket.find(Anchor.kind, about(event) or "")
    if not body:
        return
    if event.root.hex() != body.root:
        docket.troubles.append(f"another root than that of {body.epoch_id} was anchored in {log.tx}")
        return docket.finish(body, is_done=False)
    fact = {"epoch_id": body.epoch_id, "provider": body.provider, "number": body.number}
    docket.finish(body, EpochAnchored(**fact, root=body.root, block=log.block, tx=log.tx, gas=log.gas))


def _anchor_refused(event: chain.AnchorRefused, log: Log, docket: Docket) -> None:
    body = docket.find(Anchor.kind, about(event) or "")
    if not body or not log.is_own:
        return
    if event.reason == AnchorRefusal.GAP:
        return docket.put_off(body)
    docket.troubles.append(f"the root of {body.epoch_id} was refused: {AnchorRefusal(event.reason).name}")
    docket.finish(body, is_done=False)


ANCHOR_RULES: Mapping[type[Any], Callable[[Any, Log, Docket], None]] = {
    chain.Anchored: _anchored,
    chain.AnchorRefused: _anchor_refused,
}
