"""Puts Assay's contracts on a chain: the tokens, then who holds them; the deployer stays administrator and minter."""

from assay.chain.artefacts import artefact
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.rpc import Rpc
from assay.chain.transaction import sign_transaction
from assay.chain.values import Deployment, Fees
from assay.chain.waiting import until_mined
from assay.chain.words import normal
from assay.proof.keys import Key

MINED_WITHIN_S = 300.0
GAS_MARGIN = 1.1


async def deploy(
    rpc_url: str, deployer_key: Key, settler: str, slasher: str, compensator: str | None = None
) -> Deployment:
    """Returns the new contracts' places; the settler also anchors, and compensates out of the pool unless another does.

    Raises ChainUnreachable, Unfunded, Reverted.
    """
    rpc = Rpc(rpc_url)
    try:
        return await _deploy(rpc, deployer_key, settler, slasher, compensator or settler)
    finally:
        await rpc.close()


async def _deploy(rpc: Rpc, key: Key, settler: str, slasher: str, compensator: str) -> Deployment:
    admin = normal(key.address)
    chain_id = int(await rpc.ask("eth_chainId"), 16)
    deployed_block = int(await rpc.ask("eth_blockNumber"), 16) + 1
    stable = await _create(rpc, key, chain_id, "StableToken", admin)
    native = await _create(rpc, key, chain_id, "NativeToken", admin)
    escrow = await _create(rpc, key, chain_id, "Escrow", stable, admin, settler)
    pool = await _create(rpc, key, chain_id, "InsurancePool", native, admin, compensator)
    stake = await _create(rpc, key, chain_id, "Stake", native, pool, admin, slasher)
    anchors = await _create(rpc, key, chain_id, "EpochAnchors", admin, settler)
    judge = await _create(rpc, key, chain_id, "Judge")
    return Deployment(chain_id, stable, native, escrow, stake, pool, anchors, deployed_block, judge)


async def _create(rpc: Rpc, key: Key, chain_id: int, name: str, *arguments: str) -> str:
    """Returns the address of a new contract, once it is mined."""
    sender = normal(key.address)
    # A constructor's arguments are packed like a call's, without the four bytes that name a function.
    data = artefact(name).bytecode + encode_call("", *arguments)[4:]
    gas = int(int(await rpc.ask("eth_estimateGas", {"from": sender, "data": "0x" + data.hex()}), 16) * GAS_MARGIN)
    nonce = int(await rpc.ask("eth_getTransactionCount", sender, "latest"), 16)
    signed = sign_transaction(key, nonce, None, data, gas, await _fees(rpc), chain_id)
    await rpc.ask("eth_sendRawTransaction", "0x" + signed.raw.hex())
    tx_hash = "0x" + signed.hash.hex()
    receipt = await until_mined(lambda: rpc.ask("eth_getTransactionReceipt", tx_hash), signed.hash, MINED_WITHIN_S)
    if int(receipt["status"], 16) != 1:
        raise Reverted(f"The constructor of {name} failed.")
    return normal(receipt["contractAddress"])


async def _fees(rpc: Rpc) -> Fees:
    latest, tip = await rpc.ask("eth_getBlockByNumber", "latest", False), await rpc.ask("eth_maxPriorityFeePerGas")
    return Fees(max_fee=2 * int(latest["baseFeePerGas"], 16) + int(tip, 16), max_priority=int(tip, 16))
