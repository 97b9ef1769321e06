"""A till on a chain of its own, for the tests of who stands alone before it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from libs.client.tests.shell import Shell
from libs.client.tests.till import Till, open_till

from assay.chain import Deployment
from assay.chain.client import connect


@pytest.fixture
async def till(chain_url: str, tmp_path: Path) -> AsyncIterator[Till]:
    """The contracts with the usual windows, an operator, and parties whose profiles name no network there is."""
    shell = Shell(tmp_path, chain_url)
    for party in ("deployer", "requester", "provider", "doubter"):
        shell.endow(party)
    deployer, file = shell.address("deployer"), tmp_path / "deployment.json"
    where = ("--evm-url", chain_url, "--key-file", tmp_path / "deployer/key", "--to", file)
    powers = ("--settler", deployer, "--proposer", deployer)
    await asyncio.to_thread(shell.done, "chain", "deploy", *where, *powers, as_="deployer")
    chain = await connect(chain_url, Deployment.load(file))
    try:
        yield await open_till(shell, chain)
    finally:
        await chain.close()
