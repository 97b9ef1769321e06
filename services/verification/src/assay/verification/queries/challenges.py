"""Challenges that are not concluded: who may be called, what was answered, and which block draws from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assay.schema.challenge import ChallengeAnswered, ChallengeCalled
from assay.schema.event import Envelope
from assay.store import Transaction

KEEP: Final = """
insert into challengeable (provider, said_ms, until_ms) values ($1, $2, $3)
on conflict (provider) do update set said_ms = excluded.said_ms, until_ms = excluded.until_ms
where challengeable.said_ms <= excluded.said_ms
"""
CALLABLE: Final = "select provider from challengeable where until_ms > $1 order by provider"
ROUND: Final = """
insert into challenge_rounds (block) select $1
where not exists (select from challenge_rounds where block >= $1)
and not exists (select from challenges where due_ms >= $2)
returning block
"""
PRUNE: Final = """
delete from challenge_rounds r where r.block < $1 and not exists (select from challenges c where c.block = r.block)
"""
CALL: Final = """
insert into challenges (challenge_id, provider, block, called, called_ms, due_ms) values ($1, $2, $3, $4, $5, $6)
"""
ANSWER: Final = """
update challenges set answer = $2, answer_id = $3, answered_ms = $4
where challenge_id = $1 and answer is null returning block
"""
MISSED: Final = """
delete from challenges c using challenge_rounds r where r.block = c.block and c.answer is null and c.due_ms < $1
returning c.called, r.answers
"""
GIVE_UP: Final = "delete from challenges where answer is not null and due_ms < $1 returning called"
UNDRAWN: Final = "select challenge_id from challenges where answer is not null and drawn_block is null"
UNCHECKED: Final = (
    "select distinct drawn_block from challenges where drawn_block is not null and claimed_until_ms <= $1"
)
CLAIM: Final = """
update challenges set claimed_until_ms = $3 where challenge_id = (
    select challenge_id from challenges where drawn_block = $1 and claimed_until_ms <= $2
    order by claimed_until_ms, answered_ms limit 1 for update skip locked)
returning called, called_ms, answer, answer_id, answered_ms
"""
DRAW: Final = "update challenges set drawn_block = $2 where challenge_id = any($1::text[]) and drawn_block is null"


@dataclass(frozen=True, slots=True)
class Open:
    """An answered challenge that is not concluded yet."""

    called: ChallengeCalled
    called_ms: int
    answer: ChallengeAnswered
    answer_id: str
    answered_ms: int


async def keep(tx: Transaction, provider: str, said_ms: int, until_ms: int) -> None:
    """Have a provider challenged until then; the later statement stands."""
    await tx.execute(KEEP, provider, said_ms, until_ms)


async def callable_at(tx: Transaction, now_ms: int) -> list[str]:
    """The providers who are challenged now."""
    return [row["provider"] for row in await tx.fetch(CALLABLE, now_ms)]


async def begin(tx: Transaction, block: int, stuck_ms: int) -> bool:
    """Whether this block calls: after all that have called, and with everything concluded that was due since then.

    So checks that take longer than the blocks between two calls cannot pile up. Rounds that are over are forgotten.
    """
    if await tx.fetchval(ROUND, block, stuck_ms) is None:
        return False
    await tx.execute(PRUNE, block)
    return True


async def call(tx: Transaction, called: ChallengeCalled, now_ms: int) -> None:
    """Keep a challenge."""
    values = (called.challenge_id, called.provider, called.block, called.model_dump_json(), now_ms, called.due_ms)
    await tx.execute(CALL, *values)


async def answer(tx: Transaction, said: Envelope[ChallengeAnswered], answered_ms: int) -> None:
    """Keep the answer, if it is the first and the challenge is not concluded."""
    values = (said.event.challenge_id, said.event.model_dump_json(), said.id, answered_ms)
    block = await tx.fetchval(ANSWER, *values)
    if block is not None:
        await tx.execute("update challenge_rounds set answers = answers + 1 where block = $1", block)


async def missed(tx: Transaction, due_before_ms: int) -> list[tuple[ChallengeCalled, int]]:
    """The challenges that were due and not answered, with how many of their round were; they are concluded."""
    rows = await tx.fetch(MISSED, due_before_ms)
    return [(ChallengeCalled.model_validate_json(row["called"]), row["answers"]) for row in rows]


async def give_up(tx: Transaction, due_before_ms: int) -> list[ChallengeCalled]:
    """The challenges that were due, answered, and never checked; they are concluded."""
    return [ChallengeCalled.model_validate_json(row["called"]) for row in await tx.fetch(GIVE_UP, due_before_ms)]


async def undrawn(tx: Transaction) -> list[str]:
    """The answered challenges from which no block draws yet."""
    return [row["challenge_id"] for row in await tx.fetch(UNDRAWN)]


async def draw(tx: Transaction, challenge_ids: Sequence[str], block: int) -> None:
    """Fix the block that draws from these answers, where none is fixed."""
    await tx.execute(DRAW, list(challenge_ids), block)


async def blocks(tx: Transaction, now_ms: int) -> list[int]:
    """The blocks that draw from answers which nobody has in hand, in order."""
    return sorted(row["drawn_block"] for row in await tx.fetch(UNCHECKED, now_ms))


async def claim(tx: Transaction, block: int, now_ms: int, until_ms: int) -> Open | None:
    """An answer from which this block draws, which nobody else checks until then; None if there is none to be had."""
    row = await tx.fetchrow(CLAIM, block, now_ms, until_ms)
    if row is None:
        return None
    called = ChallengeCalled.model_validate_json(row["called"])
    answered = ChallengeAnswered.model_validate_json(row["answer"])
    return Open(called, row["called_ms"], answered, row["answer_id"], row["answered_ms"])


async def release(tx: Transaction, challenge_id: str, again_ms: int) -> None:
    """Let anybody claim an answer from then on."""
    await tx.execute("update challenges set claimed_until_ms = $2 where challenge_id = $1", challenge_id, again_ms)


async def conclude(tx: Transaction, challenge_id: str) -> bool:
    """Whether the challenge was open; it is concluded."""
    sql = "delete from challenges where challenge_id = $1 returning challenge_id"
    return await tx.fetchval(sql, challenge_id) is not None
