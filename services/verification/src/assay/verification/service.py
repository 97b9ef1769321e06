"""Verification as a service: its handlers, and the tasks that carry an epoch from its pooling to its verdicts."""

import asyncio
import logging
from functools import partial
from pathlib import Path

from assay.chain import Deployment
from assay.chain.client import connect
from assay.chain.judge import judge_domain
from assay.runtime import Context, Service
from assay.schema.audit import AuditAssigned, AuditCalled, AuditLapsed, AuditOverruled, AuditUpheld
from assay.schema.beacon import BeaconCalled, BeaconMissed, BeaconOpened, BeaconWithheld
from assay.schema.challenge import ChallengeCalled, ChallengeMeasured, ChallengeMissed, ChallengeRefuted
from assay.schema.dispute import DisputeDecided, DisputeLodged, DisputeProven, DisputeRefused, DisputeRuled
from assay.schema.epoch import (
    EpochAccused,
    EpochAudited,
    EpochCommitted,
    EpochDrawn,
    EpochMismatched,
    EpochOpened,
    EpochPassed,
    EpochPooled,
    EpochRejected,
    EpochWaiting,
    EpochWithheld,
)
from assay.schema.job import JobRejected, JobVerified
from assay.schema.lease import LeaseRejected, LeaseVerified
from assay.schema.values import Role
from assay.schema.verdict import VerdictReached
from assay.verification.bells import Bells, keep
from assay.verification.blocks import Blocks
from assay.verification.calibrating import load_calibrations
from assay.verification.desk import Desk
from assay.verification.handlers import HANDLERS
from assay.verification.inputs import blobs_of_jobs
from assay.verification.ports import Ports, flush, prepare
from assay.verification.recomputing import Recomputer
from assay.verification.replayer import SCRATCH, ChildReplayer
from assay.verification.settings import Settings
from assay.verification.stakes import Stakes
from assay.verification.steps.challenging import Challenger
from assay.verification.steps.checking import Checker
from assay.verification.steps.clerk import Clerk
from assay.verification.steps.drawing import Drawer
from assay.verification.steps.gathering import Gatherer
from assay.verification.steps.presenting import Presenter
from assay.verification.steps.refereeing import Referee
from assay.verification.steps.tending import Tender
from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
PUBLISHES = (
    *(EpochCommitted, EpochPooled, EpochDrawn, EpochOpened, EpochWithheld, EpochWaiting, EpochAudited, EpochMismatched),
    *(EpochPassed, EpochRejected, AuditAssigned, AuditCalled, AuditLapsed, AuditUpheld, AuditOverruled),
    *(BeaconCalled, BeaconOpened, BeaconMissed, BeaconWithheld),
    *(EpochAccused, DisputeDecided, DisputeLodged, DisputeProven, DisputeRefused, DisputeRuled),
    *(ChallengeCalled, ChallengeMeasured, ChallengeMissed, ChallengeRefuted),
    *(VerdictReached, LeaseVerified, LeaseRejected, JobVerified, JobRejected),
)


def service() -> Service:
    """Verification, with bells by which its handlers wake the tasks of this process."""
    bells = Bells()
    return Service(
        role=Role.VERIFICATION,
        handlers=HANDLERS,
        migrations=MIGRATIONS,
        ports=lambda tx, context: Ports(tx, bells),
        publishes=PUBLISHES,
        tasks=(partial(verify, bells),),
        prepare=prepare,
        flush=flush,
    )


def policy_of(settings: Settings) -> Policy:
    """What holds the child that makes start states and results again, of models and checkpoints that strangers sent."""
    return Policy(
        level=settings.sandbox,
        scratch=(settings.data_dir / SCRATCH).resolve(),
        models=settings.models_dir.resolve(),
        memory_bytes=settings.memory_bytes,
    )


async def verify(bells: Bells, context: Context) -> None:
    """Verify until the service stops. Raises ChainUnreachable, BadSettings, SandboxUnavailable at the start."""
    settings = context.settings
    assert isinstance(settings, Settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    chain = await connect(settings.rpc_url, Deployment.load(settings.deployment_file))
    held = policy_of(settings)
    runner = Runner(settings.data_dir / "child.log", held)
    log.info("sandbox %s", await runner.confined())
    replayer = ChildReplayer(blobs_of_jobs(context.bus), runner, settings.models_dir, held.scratch)
    recomputer = Recomputer(Runner(settings.data_dir / "challenges.log"))
    blocks = Blocks(chain, settings.confirmations)
    calibrations = load_calibrations(settings.calibrations_file, settings.calibrators)
    desk = Desk(context, settings, bells, replayer, calibrations)
    drawer = Drawer(desk, blocks, Stakes(chain, settings.native_price))
    challenger = Challenger(desk, blocks, recomputer)
    try:
        await asyncio.gather(
            keep(context, bells.check, Checker(desk).turn),
            keep(context, bells.tend, Tender(desk).turn),
            keep(context, bells.pool, Gatherer(desk).turn),
            keep(context, bells.draw, drawer.turn),
            keep(context, asyncio.Event(), challenger.call),
            keep(context, bells.challenge, challenger.check),
            keep(context, bells.show, Presenter(desk).turn),
            keep(context, bells.judge, Referee(desk).turn),
            keep(context, bells.dispute, Clerk(desk, judge_domain(chain.deployment), blocks).turn),
        )
    finally:
        await replayer.close()
        await recomputer.close()
        await chain.close()
