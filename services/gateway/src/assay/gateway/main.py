"""Starts the gateway."""

from pathlib import Path
from typing import NoReturn

from assay.gateway.access import QUESTIONS
from assay.gateway.door import Doorkeeper
from assay.gateway.handlers import HANDLERS, Ports, flush
from assay.gateway.prune import KEYS_S, PRUNE_S, prune, tend_keys
from assay.gateway.push import Pusher
from assay.gateway.settings import Settings
from assay.runtime import Service, Timer, run
from assay.schema.key import KeyDestroyed, KeyReleased
from assay.schema.values import Role


def service() -> Service:
    """The gateway, with a door and a pusher of its own."""
    doorkeeper, pusher = Doorkeeper(), Pusher()
    return Service(
        role=Role.GATEWAY,
        handlers=HANDLERS,
        migrations=Path(__file__).parent / "migrations",
        ports=lambda tx, ctx: Ports.over(tx, ctx, pusher.push),
        publishes=(KeyReleased, KeyDestroyed),
        timers=(Timer("prune", PRUNE_S, prune), Timer("keys", KEYS_S, tend_keys)),
        tasks=(doorkeeper.keep, pusher.run),
        questions=QUESTIONS,
        flush=flush,
        hears_late=True,
        problem=doorkeeper.problem,
    )


SERVICE = service()


def main() -> NoReturn:
    """Runs until told to stop."""
    run(SERVICE, Settings.read())
