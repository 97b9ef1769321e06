"""Settlement as a service: its handlers, its desk, its questions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from assay.chain.client import connect
from assay.chain.port import Chain
from assay.proof.eip712 import Domain
from assay.runtime.context import Context
from assay.runtime.service import Service, Timer
from assay.schema.audit import AuditPaid, VerifierSlashed, VerifierSpared
from assay.schema.challenge import ChallengeSlashed, ChallengeSpared
from assay.schema.dispute import DisputeForfeited, DisputeJudged, DisputeSpared
from assay.schema.epoch import EpochAnchored, EpochSettled
from assay.schema.job import JobFunded, JobRefunded, JobSettled, JobUnfunded
from assay.schema.lease import LeasePaid, LeaseSlashed, LeaseSpared
from assay.schema.offer import StakeChanged
from assay.schema.payment import AccountChanged, PaymentEnlisted, PaymentFinalised, PaymentPosted, PaymentVoided
from assay.schema.reward import RewardPosted, RewardVoided
from assay.schema.slash import (
    SlashAppealed,
    SlashDismissed,
    SlashExecuted,
    SlashProposed,
    SlashRefunded,
    SlashRuled,
    SlashShared,
)
from assay.schema.values import Role
from assay.settlement.bell import Bell
from assay.settlement.handlers import HANDLERS
from assay.settlement.paying.stalls import reason_of
from assay.settlement.pools import pools_of
from assay.settlement.ports import Ports, flush, prepare
from assay.settlement.questions import balances, leaf
from assay.settlement.relaying.prune import PRUNE_S, prune
from assay.settlement.relaying.question import relay
from assay.settlement.settings import Settings
from assay.settlement.work import keep_desk
from assay.store import Transaction

MIGRATIONS = Path(__file__).parent / "migrations"
PUBLISHES = (
    *(JobFunded, JobUnfunded, JobSettled, JobRefunded, LeasePaid, LeaseSlashed, LeaseSpared, StakeChanged),
    *(SlashProposed, SlashAppealed, SlashRuled, SlashExecuted, SlashDismissed, SlashRefunded, SlashShared),
    *(PaymentEnlisted, PaymentPosted, PaymentFinalised, PaymentVoided, AccountChanged),
    *(EpochAnchored, EpochSettled, AuditPaid, VerifierSlashed, DisputeForfeited, DisputeJudged),
    *(VerifierSpared, DisputeSpared, ChallengeSlashed, ChallengeSpared, RewardPosted, RewardVoided),
)


def service() -> Service:
    """Settlement, with a bell between its handlers and its desk."""
    bell = Bell()

    async def desk(context: Context) -> None:
        settings = settings_of(context)
        deployment = settings.deployment()

        @asynccontextmanager
        async def open_chain() -> AsyncIterator[Chain]:
            chain = await connect(settings.rpc_url, deployment)
            try:
                yield chain
            finally:
                await chain.close()

        await keep_desk(context, open_chain, settings.operator_key(), settings, bell)

    def ports(tx: Transaction, context: Context) -> Ports:
        settings = settings_of(context)
        wait_ms, pools = int(settings.fund_wait_s * 1000), pools_of(context.bus.blobs)
        return Ports(tx, domain_of(settings), bell, wait_ms, pools, settings.relays_per_day, settings.limits)

    return Service(
        role=Role.SETTLEMENT,
        handlers=HANDLERS,
        migrations=MIGRATIONS,
        ports=ports,
        publishes=PUBLISHES,
        timers=(Timer("relays", PRUNE_S, prune),),
        tasks=(desk,),
        questions={"balances": balances, "leaf": leaf, "relay": relay},
        prepare=prepare,
        flush=flush,
        problem=stall,
    )


async def stall(context: Context) -> str:
    """Why nothing is posted, if a person has to look at it."""
    async with context.store.reading() as tx:
        return await reason_of(tx)


def settings_of(context: Context) -> Settings:
    """The settings of this service."""
    assert isinstance(context.settings, Settings)
    return context.settings


@lru_cache(maxsize=1)
def domain_of(settings: Settings) -> Domain:
    """The domain that orders are signed in. Raises BadSettings."""
    return settings.deployment().domain
