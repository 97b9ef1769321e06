"""Starts the gateway."""

from pathlib import Path
from typing import NoReturn

from assay.gateway.access import QUESTIONS
from assay.gateway.beats import pulse
from assay.gateway.door import open_door
from assay.gateway.handlers import HANDLERS, Ports, flush
from assay.gateway.prune import PRUNE_S, prune
from assay.gateway.push import Pusher
from assay.gateway.settings import Settings
from assay.runtime import Service, Timer, run
from assay.schema.values import Role


def service() -> Service:
    """The gateway, with a pusher that is this process's own."""
    pusher = Pusher()
    return Service(
        role=Role.GATEWAY,
        handlers=HANDLERS,
        migrations=Path(__file__).parent / "migrations",
        ports=lambda tx, context: Ports.over(tx, context.bus.blobs, pusher.push),
        timers=(Timer("prune", PRUNE_S, prune),),
        tasks=(open_door, pulse, pusher.run),
        questions=QUESTIONS,
        flush=flush,
        hears_late=True,
    )


SERVICE = service()


def main() -> NoReturn:
    """Runs until told to stop."""
    run(SERVICE, Settings.read())
