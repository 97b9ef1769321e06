"""The auditor: claims open audits, draws by a block that came after the job stopped, and has each method look."""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from assay.chain import Chain, Deployment
from assay.chain.client import connect
from assay.runtime import Context
from assay.schema.errors import AssayError, Retry, Unreachable
from assay.schema.lease import LeaseRejected, LeaseVerified
from assay.schema.verdict import Finding, VerdictReached
from assay.store.outbox import wait_for_event
from assay.verification import queries
from assay.verification.beacon import Beacon
from assay.verification.domain import Audited, Case, Draw, conclude, conclude_job, draw_segments
from assay.verification.methods import METHODS, Replayer
from assay.verification.replayer import ChildReplayer
from assay.verification.settings import Settings
from assay.workloads.runner import Runner

# The bell tells of what happens in this process; this is for what other replicas have opened or put back.
IDLE_S = 1.0
# What ends within so long is said together.
GATHER_S = 0.02
AGAIN_MS = 2_000
CLAIM_MS = 15 * 60_000
CLAIMS = 64

Found: TypeAlias = tuple[VerdictReached, LeaseVerified | LeaseRejected]

log = logging.getLogger(__name__)


async def audit(bell: asyncio.Event, context: Context) -> None:
    """Audit until the service stops. Raises ChainUnreachable at the start if there is no EVM node."""
    settings = context.settings
    assert isinstance(settings, Settings)
    chain = await connect(settings.rpc_url, Deployment.load(settings.deployment_file))
    try:
        await Auditor(context, chain, settings, bell).run()
    finally:
        await chain.close()


class Auditor:
    """One auditor of a verification service. Replicas share the audits by claiming them."""

    def __init__(self, context: Context, chain: Chain, settings: Settings, bell: asyncio.Event) -> None:
        self._context, self._settings, self._beacon, self._bell = context, settings, Beacon(chain), bell
        self._runner, self._turn = Runner(settings.data_dir / "child.log"), asyncio.Lock()
        self._found: asyncio.Queue[Found | None] = asyncio.Queue()

    async def run(self) -> None:
        """Audit until the service stops."""
        self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        while not self._context.stopping.is_set():
            self._bell.clear()
            if not await self._try_turn():
                await wait_for_event(self._bell, IDLE_S)
        await self._runner.kill()

    async def _try_turn(self) -> int:
        """As `turn`, but a database that is away is waited for."""
        try:
            return await self.turn()
        except (Retry, Unreachable) as error:
            log.warning("nothing can be claimed now: %s", error)
            return 0

    async def turn(self) -> int:
        """Audit what can be claimed now; how many audits that were."""
        async with self._context.unit(None) as unit:
            claimed = await queries.claim_audits(unit.tx, self._context.now(), CLAIM_MS, CLAIMS)
        if claimed:
            saying = asyncio.create_task(self._say_all(len(claimed)))
            await asyncio.gather(*(self._try(case, stopped_ms) for case, stopped_ms in claimed))
            await saying
        return len(claimed)

    async def _try(self, case: Case, stopped_ms: int) -> None:
        found = None
        try:
            found = await self._audit(case, stopped_ms)
        except AssayError as error:
            log.warning("audit is put back: %s", error, extra={"lease": case.granted.lease_id})
            async with self._context.unit(None) as unit:
                again_ms = self._context.now() + AGAIN_MS
                await queries.release_audit(unit.tx, case.granted.lease_id, again_ms)
        finally:
            self._found.put_nowait(found)

    async def _audit(self, case: Case, stopped_ms: int) -> Found:
        drawn = await self._draw(case, stopped_ms)
        settings, blobs = self._settings, self._context.bus.blobs
        with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix="audit-") as folder:
            replayer = ChildReplayer(
                case.granted.spec, blobs, self._runner, settings.models_dir, Path(folder), drawn.segments, self._turn
            )
            return conclude(case, drawn, await look(case, drawn, replayer))

    async def _draw(self, case: Case, stopped_ms: int) -> Draw:
        block = await self._beacon.first_after(stopped_ms)
        return draw_segments(case, block.number, block.hash)

    async def _say_all(self, count: int) -> None:
        """Say what `count` audits have found; those that end within a moment together, in one transaction."""
        while count:
            ended = [await self._found.get()]
            await asyncio.sleep(GATHER_S)
            while not self._found.empty():
                ended.append(self._found.get_nowait())
            count -= len(ended)
            if found := [each for each in ended if each]:
                await self._say(found)

    async def _say(self, found: Sequence[Found]) -> None:
        audited = [Audited(v.lease_id, v.outcome == "passed", v.audit_ms, v.job_ms) for v, _ in found]
        async with self._context.unit() as unit:
            fresh = await queries.finish_audits(unit.tx, audited)
            said = {verdict.job_id: verdict for verdict, _ in found if verdict.lease_id in fresh}
            for verdict, finding in found:
                if verdict.lease_id in fresh:
                    unit.emission.add(verdict, verdict.verdict_id)
                    unit.emission.add(finding, verdict.verdict_id)
            for job_id, (requester, audits) in (await queries.all_done(unit.tx, said)).items():
                unit.emission.add(conclude_job(job_id, requester, audits), said[job_id].verdict_id)
        for verdict, _ in found:
            log.info("verdict: %s", verdict.outcome, extra={"lease": verdict.lease_id, "job": verdict.job_id})


async def look(case: Case, drawn: Draw, replayer: Replayer) -> list[Finding]:
    """The findings of all methods, in order, up to the first method that finds a fault."""
    findings: list[Finding] = []
    for check in METHODS:
        found = await check(case, drawn, replayer)
        findings += found
        if any(not finding.passed for finding in found):
            break
    return findings
