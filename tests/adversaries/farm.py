"""A process of hostile providers: each with a key, an account, a stake, a journal and a child process of its own.

    python -m tests.adversaries.farm farm.json

The file maps each provider's name to its behaviour and to its settings.
"""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

from tests.adversaries.hostile import BEHAVIOURS

from assay.execution.launch import serve
from assay.execution.settings import Settings


async def main(providers: dict[str, dict[str, object]]) -> None:
    """Run them all until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with asyncio.TaskGroup() as group:
        for provider in providers.values():
            settings = Settings.model_validate(provider["settings"])
            group.create_task(serve(settings, stopping, BEHAVIOURS[str(provider["behaviour"])]))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
