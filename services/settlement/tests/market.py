"""A market for settlement alone: a chain in memory with money on it, real Postgres, and whoever else speaks played."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from services.settlement.tests.stories import Story, key_of

from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.chain import wallet
from assay.chain.memory import MemoryChain
from assay.chain.values import Deployment
from assay.proof.eip712 import Domain
from assay.runtime.batch import Failed, Heard, handle_batch
from assay.runtime.context import Context
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.service import Service
from assay.runtime.settings import ServiceSettings
from assay.runtime.telemetry import Telemetry
from assay.schema import STREAMS, Envelope
from assay.schema.errors import Retry
from assay.schema.values import Role
from assay.settlement.bell import Bell
from assay.settlement.closer import Closer
from assay.settlement.desk import Desk
from assay.settlement.follower import Follower
from assay.settlement.handlers import HANDLERS
from assay.settlement.ports import Ports, flush
from assay.settlement.questions import balances
from assay.settlement.reconciler import Reconciler
from assay.settlement.sender import Sender
from assay.settlement.service import MIGRATIONS, PUBLISHES
from assay.store.store import Store

OPERATOR, ADMIN = key_of("operator"), key_of("admin")
PEOPLE = ("requester", "alpha", "beta", "gamma")
DEPOSIT, STAKE = 10**9, 10**21
DEADLINE_S = 30.0


@dataclass(frozen=True)
class Knobs:
    """The settings of a test."""

    confirmations: int = 1
    bump_after_s: float = 3600.0
    fee_max_gwei: int = 500


@dataclass
class Shown:
    """Where the reconciler shows the drift."""

    value: float = -1.0

    def set(self, value: float) -> None:
        self.value = value


class Hands:
    """The parts of one desk, as a process has them; a crash is to throw them away."""

    def __init__(self, desk: Desk) -> None:
        self.gauge = Shown()
        self.follower = Follower(desk)
        self.sender, self.closer = Sender(desk, self.follower), Closer(desk)
        self.reconciler = Reconciler(desk, self.gauge)

    async def round(self) -> bool:
        """One step of each; whether any of them found something to do."""
        return any([await self.closer.step(), await self.sender.step(), await self.follower.advance()])

    async def rounds(self, count: int) -> None:
        """So many steps of each."""
        for _ in range(count):
            await self.round()

    async def until_still(self) -> None:
        """Rounds until nothing is left to do."""
        end_s = time.monotonic() + DEADLINE_S
        while await self.round():
            assert time.monotonic() < end_s, "the desk never comes to rest"


@dataclass
class Market:
    """One settlement and its surroundings."""

    chain: Any
    context: Context
    knobs: Knobs = field(default_factory=Knobs)

    @property
    def domain(self) -> Domain:
        return Domain(self.chain.deployment.chain_id, self.chain.deployment.escrow)

    def story(self, name: str, *args: Any, **fields: Any) -> Story:
        """A story on this chain, from now on."""
        return Story(name, *args, domain=self.domain, now_ms=self.context.now(), **fields)

    def hands(self, chain: Any = None, store: Any = None, **knobs: Any) -> Hands:
        """A desk with fresh memory; over other ports if given."""
        context = replace(self.context, store=store or self.context.store)
        return Hands(Desk(context, chain or self.chain, OPERATOR, replace(self.knobs, **knobs), Bell()))

    def faulty_hands(self, fuse: "Fuse", **knobs: Any) -> Hands:
        """A desk whose process ends when the fuse has burned down."""
        return self.hands(CrashingChain(self.chain, fuse), CrashingStore(self.context.store, fuse), **knobs)

    async def hear(self, *said: Envelope[Any]) -> list[Envelope[Any]]:
        """Handles these as the shell does, each by itself; what has to come again is returned."""
        again = []
        for envelope in said:
            message = Message(envelope.subject, envelope.headers(), envelope.data)
            try:
                await handle_batch(self.context, [Heard(message, envelope)])
            except Failed as failed:
                if not isinstance(failed.error, Retry):
                    raise failed.error from failed
                again.append(envelope)
        return again

    async def hear_all(self, said: Iterable[Envelope[Any]]) -> None:
        """Handles these, again and again those that came too early."""
        left = list(said)
        while left:
            again = await self.hear(*left)
            assert len(again) < len(left), f"nothing moves: {[envelope.event.type for envelope in again]}"
            left = again

    async def play(self, story: Story) -> None:
        """The whole story in its order."""
        await self.hear(story.submitted())
        await self.hands().until_still()
        await self.hear_all(story.work())
        await self.hands().until_still()

    async def said(self, *types: str) -> list[dict[str, Any]]:
        """What settlement has said, from its outbox."""
        import json

        rows = await self.rows("select subject, data from outbox order by position")
        parts = [(subject.split("."), json.loads(data)) for subject, data in rows]
        return [data | {"type": ".".join(s[1:3])} for s, data in parts if not types or ".".join(s[1:3]) in types]

    async def rows(self, sql: str, *args: object) -> list[Any]:
        async with self.context.store.transaction() as tx:
            return await tx.fetch(sql, *args)

    async def balance(self, name: str) -> int:
        return int(await self.chain.balance(key_of(name).address))

    async def check(self) -> None:
        """The books are in order: conserved, never negative, gapless, equal to the chain; nothing was said twice."""
        sums = await self.rows("select asset, sum(balance) from accounts group by asset")
        assert all(total == 0 for _, total in sums)
        by_entries = "select account, asset, sum(amount) from entries group by account, asset having sum(amount) <> 0"
        kept = "select account, asset, balance from accounts where balance <> 0"
        assert {tuple(r) for r in await self.rows(by_entries)} == {tuple(r) for r in await self.rows(kept)}
        numbers = [row[0] for row in await self.rows("select number from transfers order by number")]
        assert numbers == list(range(1, len(numbers) + 1))
        hands = self.hands()
        assert await hands.reconciler.step()
        assert hands.gauge.value == 0
        closings = Counter((e["type"].split(".")[0], e.get("lease_id") or e["job_id"]) for e in await self.money_said())
        assert set(closings.values()) <= {1}

    async def money_said(self) -> list[dict[str, Any]]:
        return await self.said("job.settled", "job.refunded", "lease.paid", "lease.slashed")


def settlement(deployment: Deployment | None = None) -> Service:
    """The service without its desk, whose steps the tests take; on the chain in memory unless another is given."""
    bell = Bell()
    deployment = deployment or MemoryChain(*[OPERATOR.address] * 3).deployment
    domain = Domain(deployment.chain_id, deployment.escrow)
    return Service(
        role=Role.SETTLEMENT,
        handlers=HANDLERS,
        migrations=MIGRATIONS,
        ports=lambda tx, context: Ports(tx, domain, bell),
        publishes=PUBLISHES,
        questions={"balances": balances},
        flush=flush,
    )


async def context_of(dsn: str, service: Service) -> Context:
    store = await Store.connect(dsn, service.name)
    await store.migrate(service.migrations)
    bus, telemetry = MemoryBus(), Telemetry(service.name, 0.0)
    await bus.ensure_streams(STREAMS)
    settings = ServiceSettings(postgres_dsn=dsn)
    return Context(service, settings, store, bus, Metrics(), telemetry, Speech(service, telemetry), asyncio.Event())


async def memory_chain() -> MemoryChain:
    """A chain on which everybody has money and stake."""
    chain = MemoryChain(ADMIN.address, OPERATOR.address, OPERATOR.address)
    await endow(chain)
    return chain


async def endow(chain: Any, people: Sequence[str] = PEOPLE) -> None:
    for name in people:
        await wallet.mint_stable(chain, ADMIN, key_of(name).address, 2 * DEPOSIT)
        await wallet.deposit(chain, key_of(name), DEPOSIT)
        await wallet.mint_native(chain, ADMIN, key_of(name).address, 2 * STAKE)
        await wallet.stake(chain, key_of(name), STAKE)


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """What `holds` comes to be, once that is true."""
    end_s = time.monotonic() + DEADLINE_S
    while not (found := await holds()):
        assert time.monotonic() < end_s, "it never came true"
        await asyncio.sleep(0.01)
    return found


class Crash(Exception):
    """The process ends here."""


@dataclass
class Fuse:
    """Lets so many moments pass, then ends the process; counts them if it never does."""

    left: int
    passed: int = 0

    def burn(self) -> None:
        self.passed += 1
        self.left -= 1
        if self.left == 0:
            raise Crash


class CrashingStore:
    """A store whose process may end right before and right after each commit."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._store.transaction() as tx:
            yield tx
            self._fuse.burn()
        self._fuse.burn()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        async with self._store.reading() as tx:
            yield tx
        self._fuse.burn()


class CrashingChain:
    """A chain whose caller may end right before and right after each call."""

    def __init__(self, chain: Any, fuse: Fuse) -> None:
        self._chain, self._fuse = chain, fuse
        self.deployment = chain.deployment

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            self._fuse.burn()
            answer = await getattr(self._chain, name)(*args)
            self._fuse.burn()
            return answer

        return call
