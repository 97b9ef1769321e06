"""Starts verification."""

import asyncio
from functools import partial
from pathlib import Path
from typing import NoReturn

from assay.runtime import Service, run
from assay.schema.job import JobRejected, JobVerified
from assay.schema.lease import LeaseRejected, LeaseVerified
from assay.schema.values import Role
from assay.schema.verdict import VerdictReached
from assay.verification.auditor import audit
from assay.verification.handlers import HANDLERS
from assay.verification.ports import Ports
from assay.verification.settings import Settings


def service() -> Service:
    """Verification, with a bell by which the handlers wake this process's auditor."""
    bell = asyncio.Event()
    return Service(
        role=Role.VERIFICATION,
        handlers=HANDLERS,
        migrations=Path(__file__).parent / "migrations",
        ports=lambda tx, context: Ports(tx, bell.set),
        publishes=(VerdictReached, LeaseVerified, LeaseRejected, JobVerified, JobRejected),
        tasks=(partial(audit, bell),),
    )


SERVICE = service()


def main() -> NoReturn:
    """Runs until told to stop."""
    run(SERVICE, Settings.read())
