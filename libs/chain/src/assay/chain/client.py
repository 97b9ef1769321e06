"""The chain of a real EVM node, over HTTP; reads are single calls of hand-packed words."""

from __future__ import annotations

import asyncio
from typing import Any

from assay.chain.decode import read_event
from assay.chain.encode import encode_call
from assay.chain.errors import ChainError, ChainUnreachable, NonceTaken, UnknownBlock
from assay.chain.events import ChainEvent, LoggedEvent, Receipt
from assay.chain.governed.reads import StakeReads
from assay.chain.payment.reads import PaymentReads, words
from assay.chain.rpc import Rpc, hexes, is_known
from assay.chain.tokens import fault_of
from assay.chain.values import NATIVE_DECIMALS, STABLE_DECIMALS, Block, Deployment, Fees, Ruling, Tag
from assay.chain.words import WORD_BYTES
from assay.proof.keccak import keccak256
from assay.schema.errors import Mismatch

# Public nodes refuse wider ranges of logs.
LOG_SPAN_BLOCKS = 2_000
# What a batch does depends on the state when it is mined: an order that was refused when asked may open then.
GAS_MARGIN = 1.3
# Votes are counted by the second: in a later one than the estimate's, two checkpoints take new slots, not old ones.
GAS_RESERVE = 60_000


async def connect(rpc_url: str, deployment: Deployment) -> ChainClient:
    """Returns a client of the deployment.

    Raises Mismatch if the node runs another chain or lacks the contracts, or its tokens have other decimals.
    """
    client = ChainClient(Rpc(rpc_url), deployment)
    try:
        await check(client)
    except BaseException:
        await client.close()
        raise
    return client


async def check(client: ChainClient) -> None:
    """Raises Mismatch if the node runs another chain than the deployment's, lacks contracts, or has other tokens."""
    deployment = client.deployment
    chain_id = int(await client.rpc.ask("eth_chainId"), 16)
    if chain_id != deployment.chain_id:
        raise Mismatch(f"The node runs chain {chain_id}, the deployment is on {deployment.chain_id}.")
    for contract in (deployment.payment, deployment.anchors):
        if await client.rpc.ask("eth_getCode", contract, "latest") == "0x":
            raise Mismatch(f"No contract stands at {contract} on chain {chain_id}.")
    for token, decimals in ((deployment.stable, STABLE_DECIMALS), (deployment.native, NATIVE_DECIMALS)):
        if fault := await fault_of(client.rpc, token, decimals):
            raise Mismatch(fault)


class ChainClient(PaymentReads, StakeReads):
    """The `Chain` of one node and one deployment; contracts are asked as of the block `when` (EIP-1898)."""

    def __init__(self, rpc: Rpc, deployment: Deployment, when: object = "latest") -> None:
        self.rpc = rpc
        self.deployment = deployment
        self.when = when
        self._names = {place.lower(): name for name, place in deployment.contracts().items()}

    async def close(self) -> None:
        """Closes the connections to the node."""
        await self.rpc.close()

    async def block(self, number: int | None = None) -> Block:
        """Returns the block of this number, or the latest one. Raises UnknownBlock."""
        found = await self.rpc.ask("eth_getBlockByNumber", "latest" if number is None else hex(number), False)
        if found is None:
            raise UnknownBlock(f"Block {number}.")
        block_hash, parent_hash = hexes([found["hash"], found["parentHash"]])
        return Block(int(found["number"], 16), block_hash, parent_hash, int(found["timestamp"], 16))

    async def marked(self, tag: Tag) -> int | None:
        """Returns the number of the block that the node calls safe or finalized; None if it knows none."""
        try:
            found = await self.rpc.ask("eth_getBlockByNumber", tag, False)
        except ChainUnreachable:
            raise
        except ChainError:
            return None
        return int(found["number"], 16) if found else None

    def at(self, block: Block) -> ChainClient:
        """Returns the chain whose contracts answer as they stood after this block, which full nodes keep for 128 more.

        They raise ChainError once the block is forgotten or no longer of the chain.
        """
        return ChainClient(self.rpc, self.deployment, {"blockHash": "0x" + block.hash.hex(), "requireCanonical": True})

    async def root_of(self, provider: str, number: int) -> bytes:
        """Returns the anchored root of a provider's epoch, or 32 zero bytes."""
        call = encode_call("rootOf(address,uint64)", provider, number)
        return (await self._number(self.deployment.anchors, call)).to_bytes(WORD_BYTES, "big")

    async def ruling_of(self, dispute: bytes, worker: str, challenger: str) -> Ruling:
        """Returns what the judge ruled in the dispute between these two."""
        call = encode_call("rulingOf(bytes32,address,address)", dispute, worker, challenger)
        return Ruling(await self._number(self.deployment.judge, call))

    async def token_balance(self, token: str, address: str) -> int:
        """Returns how much of a token an address holds."""
        return await self._number(token, encode_call("balanceOf(address)", address))

    async def pool_balance(self) -> int:
        """Returns the insurance pool's native tokens."""
        return await self.token_balance(self.deployment.native, self.deployment.pool)

    async def nonce_of(self, address: str) -> int:
        """Returns the nonce of the next transaction, counted over mined ones."""
        return int(await self.rpc.ask("eth_getTransactionCount", address, "latest"), 16)

    async def fees(self) -> Fees:
        """Returns a tip as the node advises and room for the base fee to double."""
        latest, advised = await asyncio.gather(
            self.rpc.ask("eth_getBlockByNumber", "latest", False), self.rpc.ask("eth_maxPriorityFeePerGas")
        )
        if latest is None:
            raise UnknownBlock("The latest one.")
        tip = int(advised, 16)
        return Fees(max_fee=2 * int(latest["baseFeePerGas"], 16) + tip, max_priority=tip)

    async def estimate(self, sender: str, to: str, data: bytes) -> int:
        """Returns the gas this call needs with a margin. Raises Reverted with the contract's reason."""
        call = {"from": sender, "to": to, "data": "0x" + data.hex()}
        return int(int(await self.rpc.ask("eth_estimateGas", call), 16) * GAS_MARGIN) + GAS_RESERVE

    async def broadcast(self, raw: bytes) -> bytes:
        """Returns the hash of a transaction that the chain now has, however often it is sent.

        Raises NonceTaken, FeeTooLow, Unfunded.
        """
        tx_hash = keccak256(raw)
        try:
            await self.rpc.ask("eth_sendRawTransaction", "0x" + raw.hex())
        except NonceTaken:
            if await self.receipt(tx_hash) is None:
                raise
        except ChainError as error:
            if not is_known(error):
                raise
        return tx_hash

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Returns how a transaction went, or None while it is not in a block (any more)."""
        found = await self.rpc.ask("eth_getTransactionReceipt", "0x" + tx_hash.hex())
        if found is None:
            return None
        block_hash = bytes.fromhex(found["blockHash"][2:])
        events = tuple(event for log in found["logs"] if (event := self._event(log)) is not None)
        return Receipt(
            tx_hash=tx_hash,
            block_number=int(found["blockNumber"], 16),
            block_hash=block_hash,
            status=int(found["status"], 16),
            gas_used=int(found["gasUsed"], 16),
            events=events,
        )

    async def events(self, from_block: int, to_block: int) -> list[LoggedEvent]:
        """Returns the contracts' events of these blocks, both included, in the chain's order."""
        logged: list[LoggedEvent] = []
        for start in range(from_block, to_block + 1, LOG_SPAN_BLOCKS):
            logged += await self._span(start, min(start + LOG_SPAN_BLOCKS - 1, to_block))
        return logged

    async def _span(self, from_block: int, to_block: int) -> list[LoggedEvent]:
        query = {"address": list(self._names), "fromBlock": hex(from_block), "toBlock": hex(to_block)}
        logs = await self.rpc.ask("eth_getLogs", query)
        return [
            LoggedEvent(event, int(log["blockNumber"], 16), bytes.fromhex(log["transactionHash"][2:]))
            for log in logs
            if (event := self._event(log)) is not None
        ]

    def _event(self, log: dict[str, Any]) -> ChainEvent | None:
        name = self._names.get(log["address"].lower())
        return read_event(name, hexes(log["topics"]), bytes.fromhex(log["data"][2:])) if name else None

    async def _number(self, to: str, data: bytes) -> int:
        return (await words(self, to, data))[0]
