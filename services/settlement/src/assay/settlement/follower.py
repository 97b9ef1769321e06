"""Follows the chain: each log at depth is posted once, in the chain's order, with what it means for the market.

One transaction moves the cursor, posts the ledger, finishes intents and says the events. So whoever sent a transaction,
and wherever a crash fell, what the chain did is taken in once. A fork deeper than the confirmations is undone in the
ledger and followed anew; what it took off the chain is sent again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.chain.errors import UnknownBlock
from assay.chain.events import LoggedEvent, Receipt
from assay.chain.values import Block
from assay.runtime.context import Unit
from assay.schema.epoch import EpochAnchored
from assay.schema.errors import Mismatch
from assay.settlement import books, credits, epochs, queries, sending
from assay.settlement.accounts import say_changes
from assay.settlement.desk import POSTPONE_MS, Desk
from assay.settlement.docket import ANSWERS, Docket, Log, about
from assay.settlement.domain import portion
from assay.settlement.ledger import Book, Transfer
from assay.settlement.outcomes import conclude
from assay.settlement.paying import epochs as paying
from assay.settlement.paying.intents import Forward
from assay.settlement.paying.notes import Notes, note
from assay.settlement.postings import needed, post
from assay.settlement.rewarding import notes as rewarding
from assay.settlement.slashing import notes as slashing
from assay.settlement.staking import cover
from assay.settlement.staking.cover import Moved

# Logs of at most so many blocks are taken in at once.
SPAN_BLOCKS = 500
# A node may lag behind another by this much before a chain that seems shorter is held to be so.
LAG_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """The logs after the cursor up to the block `last`, and the receipts of the transactions that are ours."""

    last: Block
    logs: tuple[LoggedEvent, ...]
    own: Mapping[bytes, sending.Own]
    receipts: Mapping[bytes, Receipt]


class Follower:
    """The only writer of the ledger."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain, self._store = desk, desk.chain, desk.context.store
        self._lock = asyncio.Lock()
        self._behind_since: float | None = None
        self._confirmed_at = -1

    async def advance(self) -> bool:
        """Whether anything new was taken in. Raises ChainUnreachable, Retry, Unreachable; Mismatch for a new chain."""
        async with self._lock:
            seen = await self._cursor()
            head = await self._chain.block()
            if await self._has_forked(seen, head):
                await self._rewind(seen, head)
                return True
            is_surer = await self._confirm(seen, head)
            last = min(head.number - self._desk.knobs.confirmations + 1, seen.block + SPAN_BLOCKS)
            if last <= seen.block:
                return is_surer
            span = await self._read(seen.block + 1, head if last == head.number else await self._chain.block(last))
            return span is not None and await self._take(seen, span)

    async def _confirm(self, seen: books.Cursor, head: Block) -> bool:
        """Whether credits became safe or final by this head."""
        if head.number == self._confirmed_at:
            return False
        are_surer = False
        async with self._store.reading() as tx:
            are_open = await credits.are_open(tx)
        if are_open:
            safe, final = await credits.marks(self._chain, head)
            # Asked after the marks: what was followed is on the very chain that they are of.
            if await self._hash_at(seen.block) != seen.hash:
                return False
            async with self._store.reading() as tx:
                # Who begins may have other limits than who counted last.
                are_surer = self._confirmed_at < 0 or await credits.are_surer(tx, safe, final)
            if are_surer:
                await self._count(seen, safe, final, f"block:{head.number}")
        self._confirmed_at = head.number
        return are_surer

    async def _count(self, seen: books.Cursor, safe: int, final: int, cause: str) -> None:
        async with self._desk.context.unit() as unit:
            # Or who has lost the desk and not heard of it yet would say in a later turn what is so no more.
            if not await books.stands(unit.tx, seen):
                return
            raised = await credits.confirm(unit.tx, self._desk.knobs.limits, safe, final)
            await say_stakes(unit, dict.fromkeys(cover.grown(raised), Moved(seen.block, cause)))
        self._desk.bell.ring()

    async def _cursor(self) -> books.Cursor:
        async with self._store.reading() as tx:
            seen = await books.cursor(tx)
        if seen is None:
            # Nothing happens to the contracts in the block that first holds them.
            first = await self._chain.block(self._chain.deployment.deployed_block)
            terms = await self._chain.cover_terms()
            async with self._store.transaction() as tx:
                await books.begin(tx, first)
                await cover.begin(tx, terms, first.number)
            return books.Cursor(first.number, hex_of(first.hash), 0)
        return seen

    async def _has_forked(self, seen: books.Cursor, head: Block) -> bool:
        if head.number >= seen.block:
            self._behind_since = None
            told = {head.number: hex_of(head.hash), head.number - 1: hex_of(head.parent_hash)}
            return (told.get(seen.block) or await self._hash_at(seen.block)) != seen.hash
        now_s = asyncio.get_running_loop().time()
        self._behind_since = self._behind_since or now_s
        return now_s - self._behind_since > LAG_S or await self._is_another(head)

    async def _is_another(self, head: Block) -> bool:
        async with self._store.transaction() as tx:
            known = dict(await books.remembered(tx))
        return known.get(head.number, hex_of(head.hash)) != hex_of(head.hash)

    async def _hash_at(self, number: int) -> str | None:
        try:
            return hex_of((await self._chain.block(number)).hash)
        except UnknownBlock:
            return None

    async def _rewind(self, seen: books.Cursor, head: Block) -> None:
        """Take back what is on the chain no more."""
        async with self._store.transaction() as tx:
            known = await books.remembered(tx)
        for number, known_hash in known:
            if number <= head.number and await self._hash_at(number) == known_hash:
                break
        else:
            raise Mismatch(f"No block that was followed is on this chain any more; its head is {head.number}.")
        async with self._desk.context.unit() as unit:
            undone = await books.undo(unit.tx, seen, number)
            if undone is not None:
                await sending.reopen(unit.tx, number)
                await paying.undo(unit.tx, number)
                await credits.undo(unit.tx, number)
                await say_changes(unit, undone, f"fork:{number}", number)
                moved = await cover.undo(unit.tx, number, undone)
                await say_stakes(unit, dict.fromkeys(moved, Moved(number, f"fork:{number}")))
                log.error("the chain forked below its confirmations: blocks %d to %d undone", number + 1, seen.block)
        self._behind_since = None

    async def _read(self, first: int, last: Block) -> Span | None:
        """The logs of these blocks; None if the chain changed while they were read."""
        logs = tuple(await self._chain.events(first, last.number))
        hashes = list(dict.fromkeys(logged.tx_hash for logged in logs))
        async with self._store.reading() as tx:
            own = await sending.own(tx, hashes)
        found = await asyncio.gather(*(self._chain.receipt(tx_hash) for tx_hash in own))
        receipts = {receipt.tx_hash: receipt for receipt in found if receipt is not None}
        if len(receipts) < len(own) or (await self._chain.block(last.number)).hash != last.hash:
            return None
        return Span(last, logs, own, receipts)

    async def _take(self, seen: books.Cursor, span: Span) -> bool:
        async with self._desk.context.unit() as unit:
            if not await books.advance(unit.tx, seen, span.last):
                return False
            docket = await post_all(unit, place(span), self._desk) if span.logs else Docket({})
            for tx_hash, own in span.own.items():
                block = span.receipts[tx_hash].block_number
                await sending.end(unit.tx, own.sender, own.nonce, "final", block)
            await queries.postpone(unit.tx, docket.later, self._desk.context.now() + POSTPONE_MS)
        self._desk.gauges.relayed.inc(relayed_gas(span))
        for trouble in docket.troubles:
            log.error("settlement needs a person: %s", trouble)
        if span.logs:
            self._desk.bell.ring()
        return True


def relayed_gas(span: Span) -> int:
    """What the transactions that requesters had signed took."""
    return sum(span.receipts[tx].gas_used for tx, own in span.own.items() if own.kind == Forward.kind)


async def post_all(unit: Unit, logs: Sequence[Log], desk: Desk) -> Docket:
    """Take in the logs: the ledger's entries, what they change besides, and what is said of them."""
    docket, book = await prepare(unit, logs)
    transfers = []
    for entry in logs:
        if entries := post(entry.event, book):
            transfers.append(Transfer(entry.id, type(entry.event).__name__, entry.block, entries))
        conclude(entry, docket)
        notes = Notes(unit.tx, docket, desk.domain)
        await note(notes, entry)
        await slashing.note(notes, entry)
        await rewarding.note(notes, entry)
        await cover.note(unit.tx, entry)
    posted = await books.post(unit.tx, transfers)
    await credits.note(unit.tx, transfers, desk.key.address)
    last = Moved(logs[-1].block, logs[-1].id)
    grown = dict.fromkeys(cover.grown(await credits.count(unit.tx, desk.knobs.limits)), last)
    await queries.finish(unit.tx, "done", docket.done)
    await queries.finish(unit.tx, "refused", docket.refused)
    for event, cause in docket.events:
        said = unit.emission.add(event, cause)
        if isinstance(event, EpochAnchored):
            await epochs.remember(unit.tx, said)
    await say_stakes(unit, grown | await cover.moved(unit.tx, docket))
    await say_changes(unit, posted, last.cause, last.block)
    return docket


async def say_stakes(unit: Unit, moved: Mapping[str, Moved]) -> None:
    """Say what stands behind these providers by now."""
    for event, cause in await cover.changes(unit.tx, moved):
        unit.emission.add(event, cause)


async def prepare(unit: Unit, logs: Sequence[Log]) -> tuple[Docket, Book]:
    """The intents that the logs may answer, and what the postings have to know."""
    events = [entry.event for entry in logs]
    names = sorted({name for event in events if (name := about(event))})
    book = await books.load(unit.tx, [account for event in events for account in needed(event)])
    return Docket(await queries.unfinished(unit.tx, names)), book


def place(span: Span) -> list[Log]:
    """The logs in their places. The members of one of our batches share its gas."""
    turns: Counter[bytes] = Counter()
    answers: Counter[bytes] = Counter()
    logs = []
    for logged in span.logs:
        tx_hash, own = logged.tx_hash, span.own.get(logged.tx_hash)
        gas = 0
        if own and own.members and isinstance(logged.event, ANSWERS):
            gas = portion(span.receipts[tx_hash].gas_used, own.members, answers[tx_hash])
            answers[tx_hash] += 1
        logs.append(Log(logged.event, hex_of(tx_hash), turns[tx_hash], logged.block_number, own is not None, gas))
        turns[tx_hash] += 1
    return logs


def hex_of(raw: bytes) -> str:
    """0x and the hex digits."""
    return "0x" + raw.hex()
