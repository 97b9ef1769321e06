"""The challenger: when a block calls, all offers are challenged at once; what is answered is checked by a later block.

The seed holds a number of this moment's own beside the block's hash: who sees blocks sooner, or makes them, is not
ahead. Which rows are looked at follows from a block that comes after the answer, so nobody has chosen them.
"""

import logging
import secrets
from typing import Final

from assay.proof.beacon import Pulse
from assay.proof.challenge import FALSE_MIN, Place, calls, draw, false_rows, seed_of, spent_ms, units_per_s
from assay.runtime import Unit
from assay.schema.challenge import (
    VOID,
    ChallengeCalled,
    ChallengeMeasured,
    ChallengeMissed,
    ChallengeRefuted,
    FalseRow,
)
from assay.schema.errors import AssayError, Retry
from assay.schema.values import derive_id
from assay.verification.blocks import Blocks
from assay.verification.desk import Desk
from assay.verification.queries import challenges
from assay.verification.queries.challenges import Open
from assay.verification.recomputing import Recomputer

LOCK: Final = "select pg_try_advisory_xact_lock(hashtextextended('verification.challenge', 0))"
DUE_MS: Final = 10_000
"""How long after the window an answer is taken: time on its way counts against it, so this is for faults alone."""
LATE_MS: Final = 5_000
"""How long what the door has let in may take to be heard here, by a challenger that has been at work for as long."""
STUCK_MS: Final = 600_000
"""How long after it was due a challenge without an end holds up the next call. Above what blocks take to be final and
machines to check, so that checks cannot pile up; what takes longer is stuck, and the others are measured without it."""
GIVEN_UP_MS: Final = 86_400_000
"""How long after it was due an answer that nothing could check is kept: a day to mend the chain or the machine in."""
CLAIM_MS: Final = 60_000
"""How long a crash keeps an answer back. Above what the rows of the greatest one take: what is under way longer is
checked twice, which changes nothing."""
AGAIN_MS: Final = 2_000
BATCH: Final = 64
"""Answers of one block that are checked before the others have their turn."""
LOOK_S: Final = 0.5

log = logging.getLogger(__name__)


class Challenger:
    """One challenger of a verification service."""

    def __init__(self, desk: Desk, blocks: Blocks, recomputer: Recomputer) -> None:
        self._desk, self._blocks, self._recomputer = desk, blocks, recomputer
        self._looked_ms = self._awake_ms = 0

    async def call(self) -> None:
        """Call if the latest block does, and name who has not answered. Raises ChainUnreachable."""
        every = self._desk.settings.challenge_every_blocks
        if every:
            head = await self._blocks.head()
            if calls(head.value, every):
                await self._call(head)
        await self._miss()

    async def check(self) -> float | None:
        """Conclude what was answered, as far as blocks draw from it; replicas share the answers by claiming them.

        It takes turns of its own: a call waits for no check. Raises ChainUnreachable.
        """
        async with self._desk.context.store.reading() as tx:
            undrawn = await challenges.undrawn(tx)
        if undrawn:
            fixed = await self._blocks.next_round()
            async with self._desk.context.unit() as unit:
                await challenges.draw(unit.tx, undrawn, fixed)
        async with self._desk.context.store.reading() as tx:
            blocks = await challenges.blocks(tx, self._desk.now())
        for block in blocks:
            await self._check_drawn(block)
        return LOOK_S if undrawn or blocks else None

    async def _call(self, head: Pulse) -> None:
        now_ms, window_ms = self._desk.now(), self._desk.settings.challenge_window_ms
        async with self._desk.context.unit() as unit:
            if not await unit.tx.fetchval(LOCK) or not await challenges.begin(unit.tx, head.round, now_ms - STUCK_MS):
                return
            nonce, block_hash = secrets.token_hex(32), head.value.hex()
            for provider in await challenges.callable_at(unit.tx, now_ms):
                called = ChallengeCalled(
                    challenge_id=derive_id("h", block_hash, nonce, provider),
                    provider=provider,
                    block=head.round,
                    block_hash=block_hash,
                    nonce=nonce,
                    window_ms=window_ms,
                    due_ms=now_ms + window_ms + DUE_MS,
                )
                await challenges.call(unit.tx, called, now_ms)
                unit.emission.add(called, called.challenge_id)

    async def _miss(self) -> None:
        """Name who has not answered; if nobody has, it was the way that failed. What nothing could check is void."""
        now_ms = self._desk.now()
        if not self._is_awake(now_ms):
            return
        async with self._desk.context.unit() as unit:
            for called, answers in await challenges.missed(unit.tx, now_ms - LATE_MS):
                _miss(unit, called, "challenge.unanswered" if answers else VOID)
            for called in await challenges.give_up(unit.tx, now_ms - GIVEN_UP_MS):
                _miss(unit, called, VOID)

    def _is_awake(self, now_ms: int) -> bool:
        """Whether it has looked all the time, and the bus was there: what was said in a stall may be unheard yet."""
        if now_ms - self._looked_ms > LATE_MS or not self._desk.context.bus.is_connected:
            self._awake_ms = now_ms
        self._looked_ms = now_ms
        return now_ms - self._awake_ms >= LATE_MS

    async def _check_drawn(self, block: int) -> None:
        """Check what this block draws from, once it is final; what fails comes again, and holds up no other."""
        try:
            pulse = await self._blocks.pulse(block)
        except Retry:
            return
        for _ in range(BATCH):
            async with self._desk.context.unit() as unit:
                now_ms = self._desk.now()
                each = await challenges.claim(unit.tx, block, now_ms, now_ms + CLAIM_MS)
            if each is None:
                return
            try:
                await self._check(each, pulse)
            except AssayError as error:
                log.warning("answer is put back: %s", error, extra={"challenge": each.called.challenge_id})
                async with self._desk.context.unit() as unit:
                    await challenges.release(unit.tx, each.called.challenge_id, self._desk.now() + AGAIN_MS)

    async def _check(self, each: Open, pulse: Pulse) -> None:
        found = await self._look(each, pulse)
        async with self._desk.context.unit() as unit:
            if await challenges.conclude(unit.tx, each.called.challenge_id):
                _conclude(unit, each, pulse, found)

    async def _look(self, each: Open, pulse: Pulse) -> tuple[FalseRow, ...]:
        """The drawn rows that are false."""
        called, parts = each.called, each.answer.parts
        found: dict[Place, str] = {}
        places = draw(parts, pulse.value, called.challenge_id)
        for part in sorted({place.part for place in places}):
            rows = [place.row for place in places if place.part == part]
            seed = seed_of(called.block_hash, called.nonce, called.provider, part)
            marks = await self._recomputer.marks(seed, rows, parts[part].rounds)
            found |= {Place(part, row): mark for row, mark in zip(rows, marks, strict=True)}
        return false_rows(parts, found)


def _conclude(unit: Unit, each: Open, pulse: Pulse, false: tuple[FalseRow, ...]) -> None:
    called = each.called
    fact = {"challenge_id": called.challenge_id, "provider": called.provider, "block": called.block}
    drawn = {"drawn_block": pulse.round, "drawn_hash": pulse.value.hex()}
    if len(false) >= FALSE_MIN:
        log.warning("answer refuted: %d rows", len(false), extra={"provider": called.provider})
        refuted = ChallengeRefuted(**fact, **drawn, answer=each.answer_id, rows=false)
        unit.emission.add(refuted, each.answer_id)
    elif false:
        _miss(unit, called, "challenge.doubtful")
    else:
        spent = spent_ms(called.window_ms, each.called_ms, each.answered_ms)
        units = units_per_s(each.answer.parts, spent)
        unit.emission.add(ChallengeMeasured(**fact, **drawn, units_per_s=units, spent_ms=spent), each.answer_id)


def _miss(unit: Unit, called: ChallengeCalled, code: str) -> None:
    names = {"challenge_id": called.challenge_id, "provider": called.provider}
    unit.emission.add(ChallengeMissed(**names, block=called.block, code=code), called.challenge_id)
