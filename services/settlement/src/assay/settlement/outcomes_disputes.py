"""What the chain's answers about disputes mean: the judgement that was asked for is final."""

from collections.abc import Callable, Mapping
from typing import Any

from assay.chain import events as chain
from assay.chain.values import Ruling
from assay.schema.dispute import DisputeJudged, DisputeRuling
from assay.schema.values import address_of
from assay.settlement.docket import Docket, Log, about
from assay.settlement.intents import Judge

RULINGS: Mapping[int, DisputeRuling] = {
    Ruling.WORKER_FAULT: DisputeRuling.WORKER_FAULT,
    Ruling.CHALLENGER_FAULT: DisputeRuling.CHALLENGER_FAULT,
    Ruling.BOTH_FAULT: DisputeRuling.BOTH_FAULT,
}


def _ruled(event: chain.Ruled, log: Log, docket: Docket) -> None:
    """Anybody may have asked the contract: what it ruled between these two is the judgement."""
    body = docket.find(Judge.kind, about(event) or "")
    if not body or (address_of(body.provider), address_of(body.verifier)) != parties_of(event):
        return
    names = {"dispute_id": body.dispute_id, "provider": body.provider, "verifier": body.verifier}
    ruling = RULINGS[event.ruling]
    docket.finish(body, DisputeJudged(**names, ruling=ruling, block=log.block, tx=log.tx, gas=log.gas))


def parties_of(event: chain.Ruled) -> tuple[str, str]:
    """Worker and challenger, as ids hold them."""
    return event.worker.lower(), event.challenger.lower()


DISPUTE_RULES: Mapping[type[Any], Callable[[Any, Log, Docket], None]] = {chain.Ruled: _ruled}
