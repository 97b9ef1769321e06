"""A process of hostile providers and verifiers: each with a key, an account, a stake and a journal of its own.

    python -m tests.adversaries.farm farm.json

The file maps each one's name to its behaviour and to its settings, providers and verifiers apart; what is `shared` is a
folder in which those who collude leave each other notes.
"""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from tests.adversaries import hostile_verifiers

from assay.verification.verifier.settings import Settings as VerifierSettings


async def main(farm: dict[str, Any]) -> None:
    """Run them all until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    hostile_verifiers.Hostile.shared = Path(farm["shared"])
    async with asyncio.TaskGroup() as group:
        for one in farm["verifiers"].values():
            settings = VerifierSettings.model_validate(one["settings"])
            behaviour = hostile_verifiers.ALL[one["behaviour"]]
            group.create_task(hostile_verifiers.serve(settings, stopping, behaviour))
        if farm["providers"]:
            group.create_task(provide(farm, stopping))


async def provide(farm: dict[str, Any], stopping: asyncio.Event) -> None:
    """Run the providers, whose workloads take long to load: a process of verifiers alone does without."""
    from tests.adversaries import evasive, hostile, owners
    from tests.adversaries.behaviours import BEHAVIOURS, PARTNERS

    from assay.execution import worker
    from assay.execution.launch import serve
    from assay.execution.settings import Settings

    worker.defendant = hostile.admitting  # type: ignore[attr-defined]
    worker.Openings = hostile.FalseTraces  # type: ignore[attr-defined]
    hostile.Colludes.shared = evasive.Grinds.shared = owners.AtTheChain.shared = Path(farm["shared"])
    owners.ClosesLines.shared, owners.ClosesLines.accounts = Path(farm["shared"]), farm["accounts"]
    owners.AtTheChain.evm_url, owners.AtTheChain.deployment = farm["evm_url"], Path(farm["deployment"])
    behaviours = BEHAVIOURS | PARTNERS
    async with asyncio.TaskGroup() as group:
        for one in farm["providers"].values():
            settings, behaviour = Settings.model_validate(one["settings"]), behaviours[one["behaviour"]]
            if behaviour is owners.ClosesLines:
                owners.ClosesLines.door = settings.nats_url, str(settings.nats_creds_file)
            group.create_task(serve(settings, stopping, behaviour))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
