"""What waits for its time: accusations are made, executed once nobody can appeal, and dismissed once they have lapsed.

The chain's own clock says when, as the contract goes by it. Nothing is remembered between steps but in the database;
all is wanted once, so a process may end anywhere; but one that is away for longer than the execution's window
loses the slash.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from assay.chain.governed.purses import Loss, purse_of
from assay.chain.governed.terms import SlashWindows
from assay.proof.policy.pledged import PRICE_OF_STABLE, native_of
from assay.runtime.context import Unit
from assay.schema.slash import SlashVictim
from assay.schema.values import address_of
from assay.settlement import queries
from assay.settlement.desk import Desk
from assay.settlement.slashing import accusations
from assay.settlement.slashing.intents import Accuse, Execute, Lapse, SlashingBody
from assay.settlement.slashing.victims import Victim

DUE: Final = """
select accusation, phase, until_s from accusations
where phase in ('appealed', 'confirmed', 'proposed') and (phase = 'confirmed' or until_s < $1)
and not exists (
    select from intents i where i.about = accusation and i.state in ('pending', 'sent')
    and (i.kind = 'lapse' or i.kind = 'execute' and until_s + $2 >= $1)
)
"""
# Put off at least once: the contract would not take it.
REFUSED: Final = """
select position, body from intents where kind = 'accuse' and state = 'pending' and not_before_ms > 0
"""
GIVE_UP: Final = "update intents set state = 'refused' where position = $1 and state = 'pending' returning about"
DROP: Final = "update intents set state = 'refused' where about = $1 and kind = 'execute' and state = 'pending'"

# So much of the window in which an offence can be reported a bill is waited for.
BILL_WAIT_PART: Final = 4

log = logging.getLogger(__name__)


class Bailiff:
    """Wants what Slashing is to be told when its time has come."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain = desk, desk.chain
        self._windows: SlashWindows | None = None

    async def step(self) -> bool:
        """Whether anything is wanted that was not before, or given up. Raises ChainUnreachable, Retry, Unreachable."""
        async with self._desk.context.store.reading() as tx:
            if not await accusations.is_any_open(tx):
                self._desk.gauges.overdue.set(0)
                return False
        windows = self._windows = self._windows or await self._chain.slash_windows()
        now_s = (await self._chain.block()).timestamp
        hopeless = await self._hopeless(now_s - windows.report_s)
        ready = await self._ready(now_s, windows)
        async with self._desk.context.unit() as unit:
            wanted = await self._due(unit, now_s, windows)
            for accuse, cause in ready:
                await queries.want(unit.tx, accuse, cause)
            for body in wanted:
                if isinstance(body, Lapse):
                    await unit.tx.execute(DROP, body.accusation)
                await queries.want(unit.tx, body, "slashing")
            for position, code in hopeless:
                await give_up(unit, position, code)
        if wanted or ready:
            self._desk.bell.ring()
        return bool(wanted or ready or hopeless)

    async def _ready(self, now_s: int, windows: SlashWindows) -> list[tuple[Accuse, str]]:
        """The accusations that can be made now; what each rests on is stored, so that an arbiter can read it."""
        async with self._desk.context.store.reading() as tx:
            ripe = await accusations.ripe(tx, now_s, now_s - windows.report_s // BILL_WAIT_PART)
        for each in ripe:
            await self._desk.context.bus.blobs.put(each.statement)
        return [(await self._for_victims(each.accuse, each.victims), each.cause) for each in ripe]

    async def _for_victims(self, accuse: Accuse, victims: Sequence[Victim]) -> Accuse:
        """The accusation with what its victims lost, at the price of now; in nobody's name where there is no price."""
        if not victims:
            return accuse
        price = await self._chain.native_price() or self._desk.knobs.native_price * PRICE_OF_STABLE
        if not price:
            log.warning("nobody is refunded for %s: the native token has no price here", accuse.offence)
            return accuse
        at = self._chain.deployment
        losses = [Loss(each.address, loss) for each in victims if (loss := native_of(each.loss, price))]
        return named(accuse, losses, lambda id_: purse_of(at.group.purses, at.native, id_, losses).lower())

    async def _due(self, unit: Unit, now_s: int, windows: SlashWindows) -> list[SlashingBody]:
        found: list[SlashingBody] = []
        for accusation, phase, until_s in await unit.tx.fetch(DUE, now_s, windows.execution_s):
            is_lost = phase == "appealed" or now_s > until_s + windows.execution_s
            found.append(Lapse(accusation=accusation) if is_lost else Execute(accusation=accusation))
        rows = await unit.tx.fetch("select until_s from accusations where phase in ('proposed', 'confirmed')")
        late_s = max((now_s - row[0] for row in rows), default=0)
        is_late = late_s > windows.execution_s // 2
        self._desk.gauges.overdue.set(float(is_late))
        if is_late:
            log.error("a slash can be executed since %d s, and is lost after %d s", late_s, windows.execution_s)
        return found

    async def _hopeless(self, oldest_s: int) -> list[tuple[int, str]]:
        """The accusations that the contract will never take, and why: too old, or nothing is at stake."""
        async with self._desk.context.store.reading() as tx:
            rows = await tx.fetch(REFUSED)
        found = []
        for position, body in rows:
            accuse = Accuse.model_validate(queries.read(body))
            if accuse.happened_s < oldest_s:
                log.error("nobody was accused of %s in time: it is too old now", accuse.offence)
                found.append((position, "slash.late"))
            elif await self._chain.slashable_of(address_of(accuse.accused)) == 0:
                found.append((position, "slash.nothing"))
        return found


def named(accuse: Accuse, losses: Sequence[Loss], purse: Callable[[bytes], str]) -> Accuse:
    """The accusation in the name of who lost so much: of their purse, if they are several."""
    loss = sum(each.amount for each in losses)
    if len(losses) < 2:
        return accuse.model_copy(update={"victim": losses[0].victim, "loss": loss} if losses else {})
    victims = tuple(SlashVictim(victim=each.victim, loss=each.amount) for each in losses)
    place = purse(bytes.fromhex(accuse.accusation))
    return accuse.model_copy(update={"victim": place, "loss": loss, "victims": victims})


async def give_up(unit: Unit, position: int, code: str) -> None:
    """Nobody is accused: what was to be slashed for is spared."""
    about = await unit.tx.fetchval(GIVE_UP, position)
    if about is None:
        return
    await unit.tx.execute("update accusations set phase = 'dropped' where accusation = $1 and phase = 'wanted'", about)
    for event, cause in accusations.spared(await accusations.subjects(unit.tx, about), code):
        unit.emission.add(event, cause)
