"""A market for settlement alone: a chain in memory with money on it, real Postgres, and whoever else speaks played."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from services.settlement.tests.crashing import Crashing, CrashingBus, CrashingStore, Fuse
from services.settlement.tests.stories import Story, key_of

from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.chain import wallet
from assay.chain.governed.terms import GovernedTerms, Officers, SlashTerms, SlashWindows, StakeTerms
from assay.chain.memory import MemoryChain
from assay.chain.payment.values import Terms, Windows
from assay.chain.values import Deployment
from assay.chain.words import normal
from assay.proof.eip712 import Domain
from assay.proof.replay import Replay
from assay.proof.settlement_events import verify_epochs
from assay.runtime.batch import Failed, Heard, handle_batch
from assay.runtime.context import Context
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.service import Service
from assay.runtime.settings import ServiceSettings
from assay.runtime.telemetry import Telemetry
from assay.schema import STREAMS, Envelope, Event, decode
from assay.schema.errors import Retry
from assay.schema.values import Role
from assay.settlement.bell import Bell
from assay.settlement.closer import Closer
from assay.settlement.desk import Desk, Gauges
from assay.settlement.finality import ALL_AT_ONCE, Limits
from assay.settlement.follower import Follower
from assay.settlement.handlers import HANDLERS
from assay.settlement.ledger import Asset, deposit, earned, hold, stake, unbonding
from assay.settlement.paying import tree
from assay.settlement.paying.herald import Herald
from assay.settlement.paying.teller import Teller
from assay.settlement.pools import Pools
from assay.settlement.ports import Ports, flush, prepare
from assay.settlement.questions import balances, leaf
from assay.settlement.reconciler import Reconciler
from assay.settlement.relaying.question import relay
from assay.settlement.rewarding.steward import Steward
from assay.settlement.sender import Sender
from assay.settlement.service import MIGRATIONS, PUBLISHES
from assay.settlement.slashing.bailiff import Bailiff
from assay.store.store import Store

OPERATOR, ADMIN = key_of("operator"), key_of("admin")
PEOPLE = ("requester", "alpha", "beta", "gamma")
DEPOSIT, STAKE = 10**9, 10**21
DEADLINE_S = 180.0
FUND_WAIT_MS = 10_000
TERMS = Terms(windows=Windows(window_s=60, answer_s=60, interval_s=1, notice_s=60))
OFFICERS = Officers(*map(normal, (OPERATOR.address, ADMIN.address, OPERATOR.address, ADMIN.address)))
# By night the chain's time goes on for hours, while the operator's clock, by which an offence was found, stands.
WINDOWS = SlashWindows(report_s=6 * 3600, appeal_s=1, ruling_s=60, execution_s=3600)
GOVERNED = GovernedTerms(
    OFFICERS, stake=StakeTerms(delay_s=30_000, lock_s=30_000), slashing=SlashTerms(windows=WINDOWS)
)
UNPOSTED = """
select exists (select from steps where position >= coalesce((
    select first_step + steps from payments where state in ('posted', 'final') order by first_step desc limit 1
), 1))
"""


# What waits for the bill of its job waits for what has still to be heard.
ACCUSED = """
select exists (select from accusations a where phase = 'proposed' or phase = 'wanted' and not exists (
    select from intents where about = accusation
) and not exists (
    select from accusation_subjects s where s.accusation = a.accusation and kind = 'lease'
    and not exists (select from bills where about = s.body->>'job_id')
) and not exists (
    select from epoch_leases l where l.epoch_id = a.offence and not exists (select from bills where about = l.job_id)
))
"""
UNTOLD = f"""{UNPOSTED} or exists (select from bills where not is_told) or ({ACCUSED})
or exists (select from transactions where state = 'sent')"""


@dataclass(frozen=True)
class Knobs:
    """The settings of a test."""

    confirmations: int = 1
    bump_after_s: float = 3600.0
    fee_max_gwei: int = 500
    payment_steps_max: int = 10
    payment_value_max: int = 10**9
    payment_age_s: float = 0.001
    payment_posts_max: int = 2
    native_price: int = 0
    voucher_wait_s: float = 0.3
    limits: Mapping[Asset, Limits] = field(default_factory=lambda: ALL_AT_ONCE)


@dataclass
class Shown:
    """Where a figure is shown."""

    value: float = -1.0

    def set(self, value: float) -> None:
        self.value = value

    def inc(self, amount: float) -> None:
        self.value += amount


def gauges() -> Gauges:
    shown: dict[str, Any] = {each.name: Shown() for each in fields(Gauges)}
    return Gauges(**shown | {"relayed": Shown(0)})


class Hands:
    """The parts of one desk, as a process has them; a crash is to throw them away."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.gauges: Any = desk.gauges
        self.follower = Follower(desk)
        self.sender, self.closer = Sender(desk, self.follower), Closer(desk)
        self.reconciler = Reconciler(desk)
        self.teller, self.herald, self.bailiff = Teller(desk), Herald(desk), Bailiff(desk)
        self.steward = Steward(desk)

    async def round(self) -> bool:
        """One step of each; whether any of them found something to do."""
        parts = (self.closer, self.teller, self.bailiff, self.steward, self.sender)
        return any([await step() for step in (*(part.step for part in parts), self.follower.advance, self.herald.step)])

    async def rounds(self, count: int) -> None:
        """So many steps of each."""
        for _ in range(count):
            await self.round()

    async def until_still(self) -> None:
        """Rounds until nothing is left to do."""
        end_s = time.monotonic() + DEADLINE_S
        while await self.round() or await self.is_waiting():
            assert time.monotonic() < end_s, "the desk never comes to rest"

    async def is_waiting(self) -> bool:
        """Whether steps are to be posted, or accusations executed, once their time has come; it comes."""
        async with self.desk.context.store.reading() as tx:
            if not await tx.fetchval(UNPOSTED) and not await tx.fetchval(ACCUSED):
                return False
        await pass_time(self.desk.chain, 2)
        return True


@dataclass
class Market:
    """One settlement and its surroundings."""

    chain: Any
    context: Context
    knobs: Knobs = field(default_factory=Knobs)

    @property
    def domain(self) -> Domain:
        return self.chain.deployment.domain

    def story(self, name: str, *args: Any, **fields: Any) -> Story:
        """A story on this chain, from now on."""
        return Story(name, *args, **fields | {"domain": self.domain, "now_ms": self.context.now()})

    def hands(self, chain: Any = None, **knobs: Any) -> Hands:
        """A desk with fresh memory; over another chain if given."""
        return Hands(Desk(self.context, chain or self.chain, OPERATOR, replace(self.knobs, **knobs), Bell(), gauges()))

    def crashing(self, fuse: Fuse) -> Self:
        """This market as a process sees it that ends when the fuse has burned down."""
        store: Any = CrashingStore(self.context.store, fuse)
        bus: Any = CrashingBus(self.context.bus, fuse)
        return replace(
            self, chain=Crashing(self.chain, fuse, "broadcast"), context=replace(self.context, store=store, bus=bus)
        )

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
        rows = await self.rows("select subject, data from outbox order by position")
        parts = [(subject.split("."), json.loads(data)) for subject, data in rows]
        return [data | {"type": ".".join(s[1:3])} for s, data in parts if not types or ".".join(s[1:3]) in types]

    async def rows(self, sql: str, *args: object) -> list[Any]:
        async with self.context.store.transaction() as tx:
            return await tx.fetch(sql, *args)

    async def earned(self, name: str) -> int:
        """What was charged for somebody, whether it was paid out already or not."""
        paid = await self.chain.token_balance(self.chain.deployment.stable, key_of(name).address) - DEPOSIT
        return paid + await self.account(earned(key_of(name).address))

    async def deposit(self, name: str) -> int:
        """What somebody can order for."""
        return await self.account(deposit(key_of(name).address))

    async def account(self, name: str) -> int:
        """What an account of the ledger holds."""
        return sum(int(row[0]) for row in await self.rows("select balance from accounts where account = $1", name))

    async def finish(self, confirmations: int = 4) -> None:
        """All that was heard comes to its end, at a depth; a process for every block."""
        for turn in range(60):
            await self.hands(confirmations=confirmations).rounds(2)
            await pass_time(self.chain, 2)
            if turn > confirmations + 1 and not (await self.rows(UNTOLD))[0][0]:
                return
        raise AssertionError("it never comes to its end")

    async def pass_windows(self) -> None:
        """What was posted is final, and paid."""
        await pass_time(self.chain, TERMS.windows.window_s + 2)
        await self.hands().until_still()

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
        assert hands.gauges.drift.value == 0
        await self.check_epochs()
        await self.check_accounts()
        closings = Counter((e["type"].split(".")[0], e.get("lease_id") or e["job_id"]) for e in await self.money_said())
        assert set(closings.values()) <= {1}

    async def check_epochs(self) -> None:
        """Anybody makes the same roots of what was said in public."""
        said = await self.events()
        for found in verify_epochs(self.domain, said):
            assert found.is_right and found.after is not None, found
            async with self.context.store.reading() as tx:
                kept = await tree.book_before(tx, self.domain, found.posted.first_step + found.posted.steps)
            assert (kept.state, kept.sums) == (found.after.state, found.after.sums)
        standing = await self.rows("select number from payments where state in ('posted', 'final') order by number")
        assert [found.number for found in verify_epochs(self.domain, said)] == [row[0] for row in standing]

    async def check_accounts(self) -> None:
        """Anybody makes the same accounts of what was said in public, bit for bit, however it comes."""
        said = await self.events()
        made: dict[str, int] = {}
        for address, each in Replay.of([*said[::-1], *said]).accounts().items():
            made |= {deposit(address): each.deposit, earned(address): each.earned, stake(address): each.stake}
            made |= {unbonding(address): each.unbonding} | {hold(job): amount for job, amount in each.held.items()}
        kinds = "^(deposit|earned|stake|unbonding|hold):"
        rows = await self.rows("select account, balance from accounts where balance <> 0 and account ~ $1", kinds)
        assert {name: amount for name, amount in made.items() if amount} == {name: int(sum_) for name, sum_ in rows}

    async def events(self) -> list[Event]:
        """What settlement has said, as others read it."""
        rows = await self.rows("select headers, data from outbox order by position")
        return [decode(json.loads(headers), bytes(data)).event for headers, data in rows]

    async def money_said(self) -> list[dict[str, Any]]:
        return await self.said("job.settled", "job.refunded", "lease.paid", "lease.slashed", "lease.spared")


def settlement(deployment: Deployment | None = None, limits: Mapping[Asset, Limits] = ALL_AT_ONCE) -> Service:
    """The service without its desk, whose steps the tests take; on the chain in memory unless another is given."""
    bell = Bell()
    deployment = deployment or MemoryChain(*[OPERATOR.address] * 3).deployment
    return Service(
        role=Role.SETTLEMENT,
        handlers=HANDLERS,
        migrations=MIGRATIONS,
        ports=lambda tx, context: Ports(
            tx, deployment.domain, bell, FUND_WAIT_MS, Pools(context.bus.blobs), limits=limits
        ),
        publishes=PUBLISHES,
        questions={"balances": balances, "leaf": leaf, "relay": relay},
        prepare=prepare,
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
    chain = MemoryChain(ADMIN.address, OPERATOR.address, OPERATOR.address, terms=TERMS, governed=GOVERNED)
    await endow(chain)
    return chain


async def endow(chain: Any, people: Sequence[str] = PEOPLE) -> None:
    """Everybody has a deposit, as much in its pocket, and stake; the operator has its bond and a deposit."""
    for name in people:
        await wallet.mint_stable(chain, ADMIN, key_of(name).address, 2 * DEPOSIT)
        await wallet.deposit(chain, key_of(name), DEPOSIT)
        await wallet.mint_native(chain, ADMIN, key_of(name).address, 2 * STAKE)
        await wallet.stake(chain, key_of(name), STAKE)
    await wallet.mint_native(chain, ADMIN, OPERATOR.address, 4 * TERMS.bond)
    await wallet.add_bond(chain, OPERATOR, 2 * TERMS.bond)
    # Deeper than any fork that a test makes.
    for _ in range(5):
        await pass_time(chain, 1)


async def endow_operator(chain: Any, amount: int) -> None:
    """The operator has a deposit for audits that no order pays."""
    await wallet.mint_stable(chain, ADMIN, ADMIN.address, amount)
    await wallet.deposit_for(chain, ADMIN, OPERATOR.address, amount)


async def pass_time(chain: Any, seconds: int) -> None:
    """The chain's time goes on, in memory or on a node."""
    while isinstance(chain, Crashing):
        chain = chain._port
    if isinstance(chain, MemoryChain):
        chain.advance(seconds)
        chain.mine()
    else:
        await chain.rpc.ask("evm_increaseTime", seconds)
        await chain.rpc.ask("evm_mine")


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """What `holds` comes to be, once that is true."""
    end_s = time.monotonic() + DEADLINE_S
    while not (found := await holds()):
        assert time.monotonic() < end_s, "it never came true"
        await asyncio.sleep(0.01)
    return found
