"""Starts discovery."""

from pathlib import Path
from typing import NoReturn

from assay.discovery.beats import listener
from assay.discovery.domain import Pulse
from assay.discovery.handlers import HANDLERS, Ports, flush
from assay.discovery.queries import Registry
from assay.discovery.questions import QUESTIONS
from assay.discovery.settings import Settings, terms_of
from assay.discovery.watch import WATCH_S, watch
from assay.runtime import Service, Timer, run
from assay.schema.offer import OfferDelisted, OfferListed, OfferRefused
from assay.schema.values import Role


def service() -> Service:
    """Discovery, with a memory of the pulse that is this process's own."""
    pulse = Pulse()
    return Service(
        role=Role.DISCOVERY,
        handlers=HANDLERS,
        migrations=Path(__file__).parent / "migrations",
        ports=lambda tx, context: Ports(Registry(tx), terms_of(context), pulse),
        publishes=(OfferListed, OfferRefused, OfferDelisted),
        timers=(Timer("watch", WATCH_S, watch),),
        tasks=(listener(pulse),),
        questions=QUESTIONS,
        flush=flush,
    )


SERVICE = service()


def main() -> NoReturn:
    """Runs until told to stop."""
    run(SERVICE, Settings.read())
