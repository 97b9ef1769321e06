"""What the tests of observability see a running network with: HTTP and its files."""

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from assay.devnet.devnet import Devnet


def port_of(devnet: Devnet, service: str) -> int:
    """The port of a service's probes and metrics."""
    return int(devnet.supervisor.tasks[service].process.env[f"ASSAY_{service.upper()}_HTTP_PORT"])


async def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of an address on loopback; status 0 if nobody answers."""

    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    return await asyncio.to_thread(ask)


async def get_json(url: str) -> Any:
    """What an address on loopback says."""
    _, _, rest = url.partition("://127.0.0.1:")
    port, _, path = rest.partition("/")
    return json.loads((await get(int(port), f"/{path}"))[1])


async def until(is_so: Callable[[], Awaitable[Any]], what: str, within_s: float = 240.0) -> Any:
    """What `is_so` gives once it is true; fails with `what` was awaited."""
    try:
        async with asyncio.timeout(within_s):
            while not (found := await is_so()):
                await asyncio.sleep(0.1)
            return found
    except TimeoutError:
        pytest.fail(f"not within {within_s:g} s: {what}")


def log_files(devnet: Devnet) -> list[Path]:
    """Every log of the network, those of child processes too."""
    data = devnet.places.data
    return sorted([*data.glob("log/*.log"), *data.glob("**/child*.log")])
