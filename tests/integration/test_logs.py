"""Logs are JSON lines by which a job is found again, and hold none of the secrets that lie beside them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.integration.observing import log_files, until
from tests.network import REGION, STEADY, Net

from assay.devnet.environment import SERVICES

pytestmark = pytest.mark.server

FIELDS = {"time", "level", "service", "at", "say"}
SEED = re.compile(r"\bS[OAU][A-Z2-7]{50,60}\b")
# Files whose content is a secret as a whole, and files with secrets in them.
WHOLE = ("**/key", "**/*.key", "keys/*_seed", "keys/postgres_password")
CREDS, DSNS = "**/*.creds", "**/*.dsn"


def lines(net: Net, name: str) -> list[dict[str, Any]]:
    """The log of a process."""
    return [json.loads(line) for line in net.devnet.servers.folder.log_of(name).read_text().splitlines()]


@pytest.mark.parametrize("name", [*SERVICES, STEADY])
async def test_every_line_is_one_json_object(net: Net, name: str) -> None:
    found = lines(net, name)
    assert found
    assert [line for line in found if not set(line) >= FIELDS] == []
    assert {line["service"] for line in found} == {name if name in SERVICES else "execution"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in found)


async def test_a_job_and_its_lease_are_found_in_the_logs_by_their_ids(net: Net) -> None:
    job_id = await net.submit(3, REGION[STEADY])
    (lease,) = (await net.ended(job_id)).leases
    for name in (STEADY, "verification"):

        async def found(name: str = name) -> list[dict[str, Any]]:
            ids = {"job": job_id, "lease": lease.lease_id}
            return [line for line in lines(net, name) if ids.items() <= line.items()]

        await until(found, f"a line of {name} with the job and the lease")


async def test_no_log_holds_a_secret(net: Net) -> None:
    held = secrets_of(net.devnet.places.data)
    assert len(held) > 15
    leaks = []
    for file in log_files(net.devnet):
        text = file.read_text(errors="replace")
        leaks += [f"{file.name} holds what is in {origin}" for secret, origin in held.items() if secret in text]
        leaks += [f"{file.name} holds a seed"] if SEED.search(text) else []
    assert leaks == []


async def test_secrets_are_readable_by_their_owner_alone(net: Net) -> None:
    data = net.devnet.places.data
    files = [file for pattern in (*WHOLE, CREDS, DSNS) for file in data.glob(pattern) if file.is_file()]
    assert [str(file.relative_to(data)) for file in files if file.stat().st_mode & 0o077] == []


def secrets_of(data: Path) -> dict[str, str]:
    """Every secret of a network, with the file that holds it: keys, seeds, passwords."""
    held = {file.read_text().strip(): file for pattern in WHOLE for file in data.glob(pattern) if file.is_file()}
    for file in data.glob(CREDS):
        held |= dict.fromkeys(SEED.findall(file.read_text()), file)
    for file in data.glob(DSNS):
        held |= dict.fromkeys(re.findall(r"//[^:/]+:([^@]+)@", file.read_text()), file)
    return {secret: str(file.relative_to(data)) for secret, file in held.items()}
