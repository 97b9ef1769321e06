"""The end of a dispute on chain: the very moves that were made, before the judge's contract on a real EVM node."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from assay.chain import wallet
from assay.chain.client import ChainClient, connect
from assay.chain.deploy import deploy
from assay.chain.judge import Case, OutputClaim, encode_judge
from assay.chain.port import Ruling
from assay.chain.rpc import Rpc
from assay.devnet.evm import Evm
from assay.devnet.folder import Folder
from assay.proof.court.moves import Answer, Open, Point, Prove
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


def call_of(heard: Heard) -> bytes:
    """The call that has this dispute judged: nothing in it but what the parties signed and opened."""
    leaf = heard.account.dispute.leaf
    assert leaf is not None and leaf.operator is not None
    opened, pointed = cast(Open, heard.said(Open)), cast(Point, heard.said(Point))
    answered, proved = cast(Answer, heard.said(Answer)), cast(Prove, heard.said(Prove))
    record = heard.terms.record
    worker = OutputClaim(record.worker, opened.output, signature(opened.signature), answered.opening)
    challenger = OutputClaim(heard.terms.challenger, pointed.output, signature(pointed.signature), pointed.opening)
    case = Case(heard.terms.id, leaf.operator.operation, leaf.roots)
    return encode_judge(case, leaf.place, proved.operands, worker, challenger)


def signature(text: str) -> bytes:
    """The 65 bytes of a signature."""
    return bytes.fromhex(text.removeprefix("0x"))


async def gas_of(chain: ChainClient, key: Key, heard: Heard) -> int:
    """The gas of the transaction in which the contract finds the worker at fault."""
    receipt = await wallet.send(chain, key, chain.deployment.judge, call_of(heard))
    parties = heard.terms.record.worker, heard.terms.challenger
    assert await chain.ruling_of(heard.terms.id, *parties) is Ruling.WORKER_FAULT
    return receipt.gas_used
