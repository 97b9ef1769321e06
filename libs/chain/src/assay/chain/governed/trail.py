"""What both sides of an accusation said it rests on, and why it was ruled so: read from the logs of Slashing."""

from __future__ import annotations

from typing import NamedTuple

from assay.chain.governed.acts import Node, places
from assay.chain.governed.logs import LOG_SPAN_BLOCKS, read, readers
from assay.chain.governed.stake_events import Appealed, AppealRuled, Proposed

KINDS = (Proposed, Appealed, AppealRuled)


class Trail(NamedTuple):
    """What was said of one accusation; None where nothing was."""

    proposed: Proposed | None = None
    appealed: Appealed | None = None
    ruled: AppealRuled | None = None


async def trail_of(node: Node, id_: bytes) -> Trail:
    """Returns what was said of an accusation. It is looked for from now backwards: what can be appealed is young."""
    at, head = places(node), await node.block()
    topics = ["0x" + topic.hex() for (_, topic), reader in readers().items() if reader.event in KINDS]
    query = {"address": at.slashing, "topics": [topics, "0x" + id_.hex()]}
    found: dict[type, object] = {}
    last = head.number
    while last >= at.deployed_block and Proposed not in found:
        first = max(at.deployed_block, last - LOG_SPAN_BLOCKS + 1)
        logs = await node.rpc.ask("eth_getLogs", {**query, "fromBlock": hex(first), "toBlock": hex(last)})
        found |= {type(said.event): said.event for said in read(node, logs)}
        last = first - 1
    return Trail(*(found.get(kind) for kind in KINDS))  # type: ignore[arg-type]
