"""Settlement as a service: its handlers, its desk, its questions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from assay.chain.client import connect
from assay.chain.port import Chain
from assay.proof.eip712 import Domain
from assay.runtime.context import Context
from assay.runtime.service import Service
from assay.schema.audit import AuditPaid, VerifierSlashed
from assay.schema.dispute import DisputeForfeited, DisputeJudged
from assay.schema.epoch import EpochAnchored, EpochSettled
from assay.schema.job import JobFunded, JobRefunded, JobSettled, JobUnfunded
from assay.schema.lease import LeasePaid, LeaseSlashed
from assay.schema.offer import StakeChanged
from assay.schema.values import Role
from assay.settlement.bell import Bell
from assay.settlement.handlers import HANDLERS
from assay.settlement.ports import Ports, flush
from assay.settlement.questions import balances
from assay.settlement.settings import Settings
from assay.settlement.work import keep_desk
from assay.store import Transaction

MIGRATIONS = Path(__file__).parent / "migrations"
PUBLISHES = (
    *(JobFunded, JobUnfunded, JobSettled, JobRefunded, LeasePaid, LeaseSlashed, StakeChanged),
    *(EpochAnchored, EpochSettled, AuditPaid, VerifierSlashed, DisputeForfeited, DisputeJudged),
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
        return Ports(tx, domain_of(settings_of(context)), bell)

    return Service(
        role=Role.SETTLEMENT,
        handlers=HANDLERS,
        migrations=MIGRATIONS,
        ports=ports,
        publishes=PUBLISHES,
        tasks=(desk,),
        questions={"balances": balances},
        flush=flush,
    )


def settings_of(context: Context) -> Settings:
    """The settings of this service."""
    assert isinstance(context.settings, Settings)
    return context.settings


@lru_cache(maxsize=1)
def domain_of(settings: Settings) -> Domain:
    """The domain that orders are signed in. Raises BadSettings."""
    deployment = settings.deployment()
    return Domain(deployment.chain_id, deployment.escrow)
