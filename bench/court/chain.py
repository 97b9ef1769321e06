"""The end of a dispute on chain: the very moves that were made, before the judge's contract on a real EVM node."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from assay.chain import wallet
from assay.chain.client import ChainClient, connect
from assay.chain.deploy import deploy
from assay.chain.judge import call_of
from assay.chain.port import Ruling
from assay.chain.rpc import Rpc
from assay.devnet.evm import Evm
from assay.devnet.folder import Folder
from assay.proof.keys import Key
from bench.court.disputes import Heard

COIN_WEI = hex(10**21)


@asynccontextmanager
async def judge_on(folder: Path, key: Key) -> AsyncIterator[ChainClient]:
    """A fresh chain with the contracts on it, and a key that can pay for gas."""
    node = Evm(Folder(folder))
    await node.start()
    rpc = Rpc(node.url)
    try:
        await rpc.ask("anvil_setBalance", key.address, COIN_WEI)
        chain = await connect(node.url, await deploy(node.url, key, key.address))
        try:
            yield chain
        finally:
            await chain.close()
    finally:
        await rpc.close()
        await node.stop()


async def gas_of(chain: ChainClient, key: Key, heard: Heard) -> int:
    """The gas of the transaction in which the contract finds the worker at fault."""
    receipt = await wallet.send(chain, key, chain.deployment.judge, call_of(heard.account.dispute, heard.moves))
    parties = heard.terms.record.worker, heard.terms.challenger
    assert await chain.ruling_of(heard.terms.id, *parties) is Ruling.WORKER_FAULT
    return receipt.gas_used
