"""The checker: as soon as a job has stopped its leases pass the free checks, or are rejected on the spot."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, TypeAlias

from assay.schema.errors import AssayError
from assay.schema.verdict import Finding
from assay.verification.desk import Desk
from assay.verification.domain import Case, Judged, conclude, needed_of, part_of, presses_ms
from assay.verification.methods import CHECKS, Replayer
from assay.verification.queries import cases, epochs
from assay.verification.steps.concluding import say_verdicts

# What ends within so long is kept together.
GATHER_S: Final = 0.02
AGAIN_MS: Final = 2_000
# So long a crash keeps a lease back; one that is still under way then is checked twice, which changes nothing.
CLAIM_MS: Final = 20_000
CLAIMS: Final = 64

Checked: TypeAlias = tuple[Case, list[Finding]]

log = logging.getLogger(__name__)


class Checker:
    """One checker of a verification service. Replicas share the leases by claiming them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._checked: asyncio.Queue[Checked | None] = asyncio.Queue()

    async def turn(self) -> float | None:
        """Check what can be claimed now."""
        async with self._desk.context.unit() as unit:
            claimed = await cases.claim_unchecked(unit.tx, self._desk.now(), CLAIM_MS, CLAIMS)
        if not claimed:
            return None
        keeping = asyncio.create_task(self._keep_all(len(claimed)))
        await asyncio.gather(*(self._try(case) for case in claimed))
        await keeping
        return 0

    async def _try(self, case: Case) -> None:
        checked = None
        try:
            checked = case, await look(case, self._desk.replayer)
        except AssayError as error:
            log.warning("check is put back: %s", error, extra={"lease": case.granted.lease_id})
            async with self._desk.context.unit() as unit:
                await cases.release_part(unit.tx, case.granted.lease_id, self._desk.now() + AGAIN_MS)
        finally:
            self._checked.put_nowait(checked)

    async def _keep_all(self, count: int) -> None:
        """Keep what `count` checks have found; those that end within a moment together, in one transaction."""
        while count:
            ended = [await self._checked.get()]
            await asyncio.sleep(GATHER_S)
            while not self._checked.empty():
                ended.append(self._checked.get_nowait())
            count -= len(ended)
            if found := [each for each in ended if each]:
                await self._keep(found)

    async def _keep(self, found: list[Checked]) -> None:
        failed = [each for each in found if not passes(each)]
        now_ms = self._desk.now()
        async with self._desk.context.unit() as unit:
            passed = {p: await epochs.passed_since_fault(unit.tx, p) for p in {c.granted.provider for c, _ in found}}
            ready = [self._ready(each, passed, now_ms) for each in found if passes(each)]
            await cases.pass_free_checks(unit.tx, ready, now_ms)
            await say_verdicts(unit, [conclude(case, Judged(), findings) for case, findings in failed])
        self._desk.bells.pool.set()
        for case, findings in failed:
            log.info("rejected at once: %s", findings[-1].code, extra={"lease": case.granted.lease_id})

    def _ready(self, checked: Checked, passed: Mapping[str, int], now_ms: int) -> cases.Ready:
        (case, findings), settings = checked, self._desk.settings
        granted = case.granted
        # Where the number of draws is set, more work in the epoch is none of the policy's ways out.
        needed = 1 if settings.draws else needed_of(granted.spec, passed[granted.provider])
        return cases.Ready(part_of(case), findings, needed, presses_ms(granted, now_ms, settings.proof_ms))


async def look(case: Case, replayer: Replayer) -> list[Finding]:
    """The findings of all free checks, in order, up to the first that finds a fault."""
    findings: list[Finding] = []
    for method in CHECKS:
        if method.check and method.admits(case.granted.spec):
            findings += await method.check(case, replayer)
        if any(not finding.passed for finding in findings):
            break
    return findings


def passes(checked: Checked) -> bool:
    """Whether nothing was found against a lease."""
    return all(finding.passed for finding in checked[1])
