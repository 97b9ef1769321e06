"""The door's task: opens every way in, and closes them when the process ends."""

import asyncio
from typing import Final, NamedTuple

from assay.bus.accounts import LOST
from assay.bus.blob_door import SEAL_HEADER, TOTAL_HEADER, base_of, take_part
from assay.bus.parts import check_digest
from assay.bus.port import Answer, Message, Subscription
from assay.chain.values import Deployment
from assay.gateway.asks import SUBJECT as ASKS
from assay.gateway.asks import Asks
from assay.gateway.beats import SUBJECT as BEATS
from assay.gateway.beats import Beats, LostLines, pulse
from assay.gateway.claim import admit
from assay.gateway.domain import Rates
from assay.gateway.holder import holder_of
from assay.gateway.ingest import SUBJECT as CLAIMS
from assay.gateway.ingest import Ingest
from assay.gateway.settings import Settings
from assay.gateway.snapshots import Snapshots
from assay.gateway.talks import read_seed
from assay.proof.eip712 import Domain
from assay.runtime import Context
from assay.schema.errors import BadSettings, Refused
from assay.schema.values import Role

BLOBS: Final = "ingest.*.blob.*"
QUEUE: Final = "gateway"
WORKERS: Final = 2
# No size has more, and Python refuses to read a number of thousands.
DIGITS_MAX: Final = 20


class Parts(NamedTuple):
    """Takes the parts of blobs."""

    ctx: Context
    beats: Beats
    rates: Rates
    bytes_max: int

    async def take(self, message: Message) -> Answer:
        """Nothing, once the part is stored. Raises Refused."""
        _, account, _, digest = message.subject.split(".")
        if wait_s := self.rates.take(account, self.ctx.now()):
            raise Refused("rate.exceeded", retry_after_s=wait_s)
        speaker = admit(await self.beats.speaker(account))
        total = message.headers.get(TOTAL_HEADER, "")
        if total.isdecimal() and (len(total) > DIGITS_MAX or int(total) > self.bytes_max):
            raise Refused("blob.oversized", f"{total[:DIGITS_MAX]} of at most {self.bytes_max} bytes.")
        # Others let nothing go: what they borrow stays.
        if speaker.role is Role.PROVIDER and SEAL_HEADER in message.headers and (base := base_of(message.headers)):
            await self._lend(account, base[0], check_digest(digest))
        return await take_part(self.ctx.bus.blobs, account, digest, message)

    async def _lend(self, account: str, base: str, digest: str) -> None:
        """Write down what the blob may borrow of, so that it stays. Raises Refused: blob.missing."""
        sources = await self.ctx.bus.blobs.sources(account, base)
        async with self.ctx.unit() as unit:
            if not await Snapshots(unit.tx).lend(account, sources | {base}, digest, self.ctx.now()):
                raise Refused("blob.missing", f"{base} is being let go.")


class Doorkeeper:
    """Opens the door of one process, and knows whether it is open."""

    def __init__(self) -> None:
        self._is_open = False

    async def problem(self, ctx: Context) -> str:
        """Why no participant is heard at this moment; empty if the door is open."""
        return "" if self._is_open else "the door is shut"

    async def keep(self, ctx: Context) -> None:
        """Serve participants until the process ends. Raises BadSettings for a file that cannot be read."""
        settings = ctx.settings
        # It is better not to start than to fail at each batch of events.
        holder_of(settings)
        assert isinstance(settings, Settings)
        ingest = Ingest(ctx, domain_of(settings), Rates(settings.events_per_s, settings.burst_events))
        ways = await open_ways(ctx, settings, ingest)
        self._is_open = True
        async with asyncio.TaskGroup() as group:
            # While one batch waits for the disk the other one is checked.
            workers = [group.create_task(ingest.run()) for _ in range(WORKERS)]
            pulsing = group.create_task(pulse(ctx))
            await ctx.stopping.wait()
            self._is_open = False
            for way in ways:
                await way.close()
            await ingest.arrived.join()
            for task in (*workers, pulsing):
                task.cancel()


async def open_ways(ctx: Context, settings: Settings, ingest: Ingest) -> list[Subscription]:
    """Every way in, open."""
    rates = Rates(settings.events_per_s, settings.burst_events)
    beats = Beats(ctx, rates)
    parts = Parts(ctx, beats, rates, settings.blob_bytes_max)
    return [
        await ctx.bus.serve(CLAIMS, ingest.take, QUEUE),
        await ctx.bus.serve(BLOBS, parts.take, QUEUE),
        await ctx.bus.serve(ASKS, Asks(ctx, rates, read_seed(settings.talk_seed_file)).answer, QUEUE),
        await ctx.bus.listen(BEATS, beats.take, QUEUE),
        await ctx.bus.listen(LOST, LostLines(beats).take, QUEUE),
    ]


def domain_of(settings: Settings) -> Domain:
    """The domain in which signatures count. Raises BadSettings if the deployment's file cannot be read."""
    try:
        return Deployment.load(settings.deployment_file).domain
    except (OSError, ValueError, TypeError) as error:
        raise BadSettings(f"deployment_file: {error}.") from None
