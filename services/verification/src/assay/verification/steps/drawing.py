"""The drawer: has the beacon's shares revealed, draws an epoch's segments by it, opens the checkpoints around them."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from assay.proof.beacon import Beacon
from assay.proof.job_seal import UNOPENED
from assay.proof.policy import Classes, attest
from assay.proof.pool import PLACES
from assay.schema.epoch import EpochDrawn, EpochFault, EpochOpened, EpochPooled, EpochWithheld, StakeBehind
from assay.schema.errors import AssayError, Refused, Retry
from assay.schema.job import JobSpec
from assay.schema.values import Digest
from assay.store import Transaction
from assay.verification.checkpoints import BAD, fault_after, fault_before
from assay.verification.desk import Desk
from assay.verification.domain import (
    Asking,
    Case,
    Draw,
    Fund,
    Planting,
    Whole,
    askings,
    count_of,
    doubled,
    draw_segments,
    fees_of,
    places_of,
)
from assay.verification.domain.verdicts import fact_of
from assay.verification.methods import method_of
from assay.verification.methods.method import UNHELD
from assay.verification.queries import attested, beacons, cases, epochs, questions, traces, verifiers
from assay.verification.queries.epochs import Kept
from assay.verification.replayer import CHECK, SCRATCH
from assay.verification.stakes import Stakes
from assay.verification.steps.concluding import close_epoch
from assay.verification.steps.revealing import Shared, combine_shares, open_shares
from assay.workloads.errors import BadCheckpoint

CLAIM_MS: Final = 20_000
AGAIN_MS: Final = 250
CLAIMS: Final = 16
GATHERED: Final = 500
"""Leases of an epoch that are read at once."""

Step: TypeAlias = Callable[[Kept], Awaitable[bool]]

log = logging.getLogger(__name__)


class Drawer:
    """One drawer of a verification service. Replicas share the epochs by claiming them."""

    def __init__(self, desk: Desk, beacon: Beacon, stakes: Stakes) -> None:
        self._desk, self._beacon, self._stakes = desk, beacon, stakes

    async def turn(self) -> float | None:
        """Draw and open what can be drawn and opened now."""
        anchored = await self._claim("anchored")
        await asyncio.gather(*(self._try(epoch, self._ask) for epoch in anchored))
        async with self._desk.context.unit() as unit:
            revealed = await beacons.claim_revealed(unit.tx, self._desk.now(), CLAIM_MS, CLAIMS)
        await asyncio.gather(*(self._try(epoch, self._draw) for epoch in revealed))
        drawn = await self._claim("drawn")
        await asyncio.gather(*(self._try(epoch, self._open) for epoch in drawn))
        return AGAIN_MS / 1000 if anchored or drawn else None

    async def _claim(self, state: str) -> list[Kept]:
        async with self._desk.context.unit() as unit:
            return await epochs.claim(unit.tx, state, self._desk.now(), CLAIM_MS, CLAIMS)

    async def _try(self, epoch: Kept, step: Step) -> None:
        try:
            is_done = await step(epoch)
        except Retry:
            is_done = False
        except AssayError as error:
            log.warning("epoch is put back: %s", error, extra={"epoch": epoch.closed.epoch_id})
            is_done = False
        if not is_done:
            async with self._desk.context.unit() as unit:
                await epochs.release(unit.tx, [epoch.closed.epoch_id], self._desk.now() + AGAIN_MS)

    async def _ask(self, epoch: Kept) -> bool:
        """Whether the block is there, and whoever is bound is asked to reveal. Raises Retry."""
        assert epoch.block is not None
        pulse = await self._beacon.pulse(self._beacon.round_after(epoch.block))
        epoch_id = epoch.closed.epoch_id
        async with self._desk.context.unit() as unit:
            await beacons.lock(unit.tx, epoch_id)
            if (await epochs.lock(unit.tx, epoch_id)).state == "anchored":
                due_ms = self._desk.now() + int(self._desk.settings.reveal_s * 1000)
                await open_shares(unit, epoch, pulse, due_ms)
        return True

    async def _draw(self, epoch: Kept) -> bool:
        """Whether the epoch is drawn now."""
        assert epoch.beacon_block is not None
        epoch_id, settings = epoch.closed.epoch_id, self._desk.settings
        stake = None if settings.draws else await self._stakes.behind(epoch.closed.provider, epoch.beacon_block)
        async with self._desk.context.unit() as unit:
            await beacons.lock(unit.tx, epoch_id)
            if (await epochs.lock(unit.tx, epoch_id)).state != "awaiting":
                return True
            shared = await combine_shares(unit, epoch, self._desk.now())
            whole, report = await gather_whole(unit.tx, epoch_id), None
            if not settings.draws:
                report = await attested.report_of(unit.tx, epoch.closed.provider, whole.machines, self._desk.now())
            k = settings.draws or count_of(
                epoch.closed.segments,
                await epochs.passed_since_fault(unit.tx, epoch.closed.provider),
                whole.specs,
                attest(Classes(), report),
            )
            draw = await asyncio.to_thread(draw_of, epoch, whole, epoch.beacon_block, shared.beacon, k)
            await epochs.keep_draw(unit.tx, epoch_id, draw, whole, self._desk.now())
            places = await self._prove_places(unit.tx, epoch, draw)
            drawn = drawn_of(epoch, draw, shared, attestation=report, stake=stake, places=places)
            unit.emission.add(drawn, epoch_id)
        return True

    async def _prove_places(self, tx: Transaction, epoch: Kept, draw: Draw) -> Digest | None:
        """The blob that proves where in their leases the drawn segments lie, where receipts cannot show all leases."""
        if not isinstance(epoch.closed, EpochPooled):
            return None
        found = await cases.cases(tx, sorted({each.lease_id for each in draw.segments}))
        if places := places_of([case for case, _ in found], draw.segments):
            return await self._desk.blobs.put(PLACES.dump_json(places))
        return None

    async def _open(self, epoch: Kept) -> bool:
        """Whether it is known now that the checkpoints are there, or that one is withheld."""
        async with self._desk.context.unit() as unit:
            found = [case for case, _ in await cases.cases(unit.tx, sorted({d.lease_id for d in epoch.drawn}))]
        by_lease = {case.granted.lease_id: case for case in found}
        if (missing := await self._untraced(epoch, by_lease)) is not None:
            if not self._is_late(epoch, self._desk.settings.trace_s):
                return False
            await self._withhold(epoch, *missing, "segment.withheld")
            return True
        for each in epoch.drawn:
            code = await self._look(by_lease[each.lease_id], each.segment)
            if code:
                if code == "segment.withheld" and not self._is_late(epoch, self._desk.settings.open_s):
                    return False
                await self._withhold(epoch, each.lease_id, each.segment, code)
                return True
        if is_traced(epoch, by_lease) and epoch.trace_hash is None:
            if epoch.trace_block is None and (shut := await self._unopened(epoch, by_lease)):
                await self._withhold(epoch, *shut, "segment.withheld")
                return True
            await self._draw_looks(epoch)
            return False
        await self._opened(epoch, by_lease)
        return True

    def _is_late(self, epoch: Kept, within_s: float) -> bool:
        return self._desk.now() - (epoch.drawn_ms or 0) >= within_s * 1000

    async def _untraced(self, epoch: Kept, found: Mapping[str, Case]) -> tuple[str, int] | None:
        """A drawn segment whose trace is to be opened and is not here; None if there is none."""
        if not is_traced(epoch, found):
            return None
        async with self._desk.context.unit() as unit:
            opened = await traces.of_epoch(unit.tx, epoch.closed.epoch_id)
        for each in epoch.drawn:
            if method_of(found[each.lease_id].granted.spec).is_opened:
                kept = opened.get((each.lease_id, each.segment))
                if kept is None or not await self._desk.blobs.has(kept.trace):
                    return each.lease_id, each.segment
        return None

    async def _unopened(self, epoch: Kept, found: Mapping[str, Case]) -> tuple[str, int] | None:
        """A drawn segment whose trace its job's key does not open, if there is one: no verifier is to meet it."""
        async with self._desk.context.unit() as unit:
            opened = await traces.of_epoch(unit.tx, epoch.closed.epoch_id)
        for each in epoch.drawn:
            spec = found[each.lease_id].granted.spec
            if method_of(spec).is_opened and spec.seal:
                try:
                    await self._try_to_open(spec, opened[each.lease_id, each.segment].trace)
                except Refused as refusal:
                    if refusal.code != UNOPENED:
                        raise
                    return each.lease_id, each.segment
        return None

    async def _try_to_open(self, spec: JobSpec, trace: str) -> None:
        scratch = self._desk.settings.data_dir / SCRATCH
        scratch.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch, prefix=CHECK) as folder:
            await self._desk.jobs.save(spec, trace, Path(folder, "trace"))

    async def _draw_looks(self, epoch: Kept) -> None:
        """Fix a later block now that all traces are here, then keep its hash. Raises Retry while it is not there."""
        epoch_id = epoch.closed.epoch_id
        if epoch.trace_block is None:
            block = await self._beacon.next_round()
            async with self._desk.context.unit() as unit:
                await traces.await_block(unit.tx, epoch_id, block)
            return
        pulse = await self._beacon.pulse(epoch.trace_block)
        async with self._desk.context.unit() as unit:
            await traces.note_block(unit.tx, epoch_id, pulse)

    async def _look(self, case: Case, segment: int) -> str | None:
        """What is wrong with the checkpoints before and after a segment, if anything is."""
        replayer = self._desk.replayer
        try:
            return await fault_before(case, segment, replayer) or await fault_after(case, segment, replayer)
        except Refused as refusal:
            if refusal.code not in UNHELD:
                raise
            return "segment.withheld"
        except BadCheckpoint:
            return BAD

    async def _opened(self, epoch: Kept, found: Mapping[str, Case]) -> None:
        epoch_id, settings = epoch.closed.epoch_id, self._desk.settings
        async with self._desk.context.unit() as unit:
            if (await epochs.lock(unit.tx, epoch_id)).state != "drawn":
                return
            fund = Fund(fees_of(epoch.pay), settings.planted_ppm, settings.gift_ppm)
            before = await questions.ordered_before(unit.tx, await epochs.jobs_of(unit.tx, epoch_id))
            asked = askings(epoch.drawn, epoch.extra, found, before, fund)
            asked = await self._plant(unit.tx, epoch, asked, found)
            await questions.ask(unit.tx, epoch_id, asked, self._desk.now(), int(settings.show_s * 1000))
            await epochs.move(unit.tx, epoch_id, "opened")
            looks = {"block": epoch.trace_block, "block_hash": epoch.trace_hash} if epoch.trace_hash else {}
            unit.emission.add(EpochOpened(**fact_of(epoch.closed), **looks), epoch_id)
        self._desk.bells.tend.set()

    async def _plant(
        self, tx: Transaction, epoch: Kept, asked: Sequence[Asking], found: Mapping[str, Case]
    ) -> list[Asking]:
        """These questions, and the twins of those that have one."""
        assert epoch.seed is not None
        settings, now_ms = self._desk.settings, self._desk.now()
        secret, here = await verifiers.secret(tx), await verifiers.candidates(tx, now_ms)
        planting = Planting(secret, epoch.closed.epoch_id, epoch.seed, settings.planted_ppm)
        return [each for one in asked for each in doubled(one, planting, found[one.lease_id], here, now_ms)]

    async def _withhold(self, epoch: Kept, lease_id: str, segment: int, code: str) -> None:
        epoch_id = epoch.closed.epoch_id
        fault = EpochFault(**fact_of(epoch.closed), lease_id=lease_id, segment=segment, code=code)
        async with self._desk.context.unit() as unit:
            if (await epochs.lock(unit.tx, epoch_id)).state != "drawn":
                return
            unit.emission.add(EpochWithheld(**fault.model_dump()), epoch_id)
            await close_epoch(unit, epoch, [], fault)
        log.info("epoch rejected: %s", code, extra={"epoch": epoch_id, "lease": lease_id})


def is_traced(epoch: Kept, found: Mapping[str, Case]) -> bool:
    """Whether any drawn segment's job asks for its trace."""
    return any(method_of(found[each.lease_id].granted.spec).is_opened for each in epoch.drawn)


async def gather_whole(tx: Transaction, epoch_id: str) -> Whole:
    """The whole of an epoch, some leases at a time: others have their turns in between."""
    whole, parts = Whole(), await epochs.parts_of(tx, epoch_id)
    for at in range(0, len(parts), GATHERED):
        entries = {part.entry.lease_id: part.entry for part in parts[at : at + GATHERED]}
        for case, _ in await cases.cases(tx, list(entries)):
            whole.add(case, entries[case.granted.lease_id])
    return whole


def draw_of(epoch: Kept, whole: Whole, block: int, beacon: bytes, k: int) -> Draw:
    """The draw of `k` segments from the whole of an epoch by its beacon."""
    closed = epoch.closed
    names = (closed.root, closed.provider, closed.number)
    return draw_segments(block, beacon, *names, whole.ranges, whole.asked, k)


def drawn_of(epoch: Kept, draw: Draw, shared: Shared, **more: Digest | StakeBehind | None) -> EpochDrawn:
    """The event of a draw; `more` are the report that it counted, the stake behind it, and what proves its places."""
    return EpochDrawn(
        **fact_of(epoch.closed),
        root=epoch.closed.root,
        block=draw.block,
        beacon=draw.beacon,
        seed=draw.seed,
        drawn=draw.segments,
        revealed=shared.revealed,
        missing=shared.missing,
        **more,
    )
