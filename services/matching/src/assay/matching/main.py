"""Starts matching."""

from pathlib import Path
from typing import NoReturn

from assay.matching.beats import listener
from assay.matching.book import Book
from assay.matching.grants import Ports, flush, prepare
from assay.matching.handlers import HANDLERS
from assay.matching.liveness import Liveness
from assay.matching.published import PUBLISHED
from assay.matching.settings import Settings, patience_of
from assay.matching.watch import TIMERS
from assay.runtime import Service, run
from assay.schema.values import Role


def service() -> Service:
    """Matching, with a memory of offers and heartbeats that is this process's own."""
    book, liveness = Book(), Liveness()
    return Service(
        role=Role.MATCHING,
        handlers=HANDLERS,
        migrations=Path(__file__).parent / "migrations",
        ports=lambda tx, context: Ports.over(tx, book, liveness, patience_of(context)),
        publishes=PUBLISHED,
        timers=TIMERS,
        tasks=(listener(liveness),),
        prepare=prepare,
        flush=flush,
    )


SERVICE = service()


def main() -> NoReturn:
    """Runs until told to stop."""
    run(SERVICE, Settings.read())
