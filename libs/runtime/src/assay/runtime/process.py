"""Starts a process and ends it: loop, signals, logs, and the exit code that says how it went.

0 drained; 2 bad settings; 3 a server was not there; 4 schema or contract mismatch; 1 a bug, after it was logged whole.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import uvloop

from assay.runtime.logs import start_logging
from assay.runtime.settings import ProcessSettings
from assay.schema.errors import EXIT_DRAINED, AssayError, Fault

EXIT_BUG: Final = 1
# A batch of events is thousands of objects, which go by themselves: looked through at every seven hundredth, as Python
# would, they cost a service a fifteenth of its processor time.
LOOKED_THROUGH_EVERY: Final = 10_000

log = logging.getLogger(__name__)

Main = Callable[[asyncio.Event], Awaitable[None]]


def launch(name: str, settings: ProcessSettings, main: Main) -> NoReturn:
    """Runs `main`, which returns soon after SIGTERM or SIGINT has set its event, and ends the process."""
    start_logging(name, settings.log_level)
    sys.exit(exit_code_of(main))


def exit_code_of(main: Main) -> int:
    """The exit code that `main` comes to; whatever it raises is logged."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signal(main))
    except Fault as fault:
        log.error("ends: %s", fault, extra={"code": fault.code})
        return fault.exit_code
    except AssayError as error:
        log.exception("ends: %s", error)
        return EXIT_BUG
    except Exception:
        log.exception("ends by a bug")
        return EXIT_BUG
    log.info("drained")
    return EXIT_DRAINED


async def _until_signal(main: Main) -> None:
    # What was loaded stays; looked through with the rest, it makes each full collection take a quarter of a second.
    gc.freeze()
    gc.set_threshold(LOOKED_THROUGH_EVERY)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await main(stopping)
