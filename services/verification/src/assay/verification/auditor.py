"""The auditor: claims open audits, draws by a block that came after the job stopped, and has each method look."""

import asyncio
import logging
import tempfile
from pathlib import Path

from assay.chain import Chain, Deployment
from assay.chain.client import connect
from assay.runtime import Context
from assay.schema.errors import AssayError
from assay.schema.verdict import Finding
from assay.verification import queries
from assay.verification.beacon import Beacon
from assay.verification.domain import Audited, Case, Draw, conclude, conclude_job, draw_segments
from assay.verification.methods import METHODS, Replayer
from assay.verification.replayer import ChildReplayer
from assay.verification.settings import Settings
from assay.workloads.runner import Runner

IDLE_S = 0.1
AGAIN_MS = 2_000
CLAIM_MS = 15 * 60_000
CLAIMS = 32

log = logging.getLogger(__name__)


async def audit(context: Context) -> None:
    """Audit until the service stops. Raises ChainUnreachable at the start if there is no EVM node."""
    settings = context.settings
    assert isinstance(settings, Settings)
    chain = await connect(settings.rpc_url, Deployment.load(settings.deployment_file))
    try:
        await Auditor(context, chain, settings).run()
    finally:
        await chain.close()


class Auditor:
    """One auditor of a verification service. Replicas share the audits by claiming them."""

    def __init__(self, context: Context, chain: Chain, settings: Settings) -> None:
        self._context, self._settings, self._beacon = context, settings, Beacon(chain)
        self._runner = Runner(settings.data_dir / "child.log")

    async def run(self) -> None:
        """Audit until the service stops."""
        self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        while not self._context.stopping.is_set():
            if not await self.turn():
                await asyncio.sleep(IDLE_S)
        await self._runner.kill()

    async def turn(self) -> int:
        """Audit what can be claimed now; how many audits that were."""
        async with self._context.unit(None) as unit:
            claimed = await queries.claim_audits(unit.tx, self._context.now(), CLAIM_MS, CLAIMS)
        for case, stopped_ms in claimed:
            try:
                await self._audit(case, stopped_ms)
            except AssayError as error:
                log.warning("audit is put back: %s", error, extra={"lease": case.granted.lease_id})
                async with self._context.unit(None) as unit:
                    again_ms = self._context.now() + AGAIN_MS
                    await queries.release_audit(unit.tx, case.granted.lease_id, again_ms)
        return len(claimed)

    async def _audit(self, case: Case, stopped_ms: int) -> None:
        drawn = await self._draw(case, stopped_ms)
        with tempfile.TemporaryDirectory(dir=self._settings.data_dir, prefix="audit-") as folder:
            replayer = ChildReplayer(
                case.granted.spec, self._context.bus.blobs, self._runner, self._settings.models_dir, Path(folder)
            )
            findings = await look(case, drawn, replayer)
        await self._say(case, drawn, findings)

    async def _draw(self, case: Case, stopped_ms: int) -> Draw:
        block = await self._beacon.first_after(stopped_ms)
        return draw_segments(case, block.number, block.hash)

    async def _say(self, case: Case, drawn: Draw, findings: list[Finding]) -> None:
        verdict, finding = conclude(case, drawn, findings)
        passed = verdict.outcome == "passed"
        audited = Audited(verdict.lease_id, passed, verdict.audit_ms, verdict.job_ms)
        async with self._context.unit(verdict.verdict_id) as unit:
            if not await queries.finish_audit(unit.tx, audited):
                return
            unit.emit(verdict)
            unit.emit(finding)
            done = await queries.audits_if_all_done(unit.tx, verdict.job_id)
            if done:
                requester, _, audits = done
                unit.emit(conclude_job(verdict.job_id, requester, audits))
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
