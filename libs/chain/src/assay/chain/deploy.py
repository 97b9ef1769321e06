"""Puts Assay's contracts on a chain: the tokens, then who holds them; the deployer stays administrator and minter."""

from dataclasses import replace
from typing import Any

from assay.chain.artefacts import artefact
from assay.chain.encode import encode_call
from assay.chain.errors import BadToken, Reverted
from assay.chain.payment.values import Terms
from assay.chain.rpc import Rpc
from assay.chain.tokens import fault_of
from assay.chain.transaction import sign_transaction
from assay.chain.values import STABLE_DECIMALS, Deployment, Fees
from assay.chain.waiting import until_mined
from assay.chain.words import checksum, normal
from assay.proof.keys import Key

MINED_WITHIN_S = 300.0
GAS_MARGIN = 1.1
DEFAULT_TERMS = Terms()


async def deploy(
    rpc_url: str,
    deployer_key: Key,
    settler: str,
    compensator: str | None = None,
    terms: Terms = DEFAULT_TERMS,
    stable: str | None = None,
) -> Deployment:
    """Returns the new contracts' places; the settler also anchors, and compensates out of the pool unless another does.

    The stable token is a new one that the deployer mints, or the one at `stable`. Of Payment the settler is the poster
    (once it has put up its bond), the first verdict key, and the treasury.
    Raises ChainUnreachable, Unfunded, Reverted; BadToken, before anything is sent, where `stable` has not 6 decimals.
    """
    rpc = Rpc(rpc_url)
    try:
        return await _deploy(rpc, deployer_key, settler, compensator or settler, terms, stable)
    finally:
        await rpc.close()


async def _deploy(rpc: Rpc, key: Key, settler: str, compensator: str, terms: Terms, stable: str | None) -> Deployment:
    if stable is not None and (fault := await fault_of(rpc, stable, STABLE_DECIMALS)):
        raise BadToken(fault)
    admin = normal(key.address)
    chain_id = int(await rpc.ask("eth_chainId"), 16)
    deployed_block = int(await rpc.ask("eth_blockNumber"), 16) + 1
    stable = normal(stable) if stable is not None else await _create(rpc, key, chain_id, "StableToken", admin)
    native = await _create(rpc, key, chain_id, "NativeToken", admin)
    pool = await _create(rpc, key, chain_id, "InsurancePool", native, admin, compensator)
    anchors = await _create(rpc, key, chain_id, "EpochAnchors", admin, settler)
    judge = await _create(rpc, key, chain_id, "Judge")
    at = Deployment(chain_id, stable, native, pool, anchors, deployed_block, judge, "", "")
    return await _add_payment(rpc, key, settler, terms, at)


async def _add_payment(rpc: Rpc, key: Key, settler: str, terms: Terms, at: Deployment) -> Deployment:
    """Returns the deployment with Payment, which the settler may post to, and its Challenges."""
    parties = (settler, normal(key.address), settler)
    windows = terms.windows
    waits = (windows.window_s, windows.answer_s, windows.interval_s, windows.notice_s)
    money = (terms.bond, terms.demand_bond, terms.refund)
    payment = await _create(rpc, key, at.chain_id, "Payment", at.stable, at.native, at.pool, *parties, *money, *waits)
    appoint = encode_call("appoint(address,bool)", settler, True)
    await transact(rpc, key, at.chain_id, payment, appoint, "The poster of Payment was not appointed.")
    answer = await rpc.ask("eth_call", {"to": payment, "data": "0x" + encode_call("CHALLENGES()").hex()}, "latest")
    return replace(at, payment=payment, challenges=checksum(bytes.fromhex(answer[2:])[12:]))


async def _create(rpc: Rpc, key: Key, chain_id: int, name: str, *arguments: str | int) -> str:
    """Returns the address of a new contract, once it is mined."""
    # A constructor's arguments are packed like a call's, without the four bytes that name a function.
    return await create(rpc, key, chain_id, name, encode_call("", *arguments)[4:])


async def create(rpc: Rpc, key: Key, chain_id: int, name: str, arguments: bytes) -> str:
    """Returns the address of a new contract, once it is mined; its arguments are packed. Raises Reverted."""
    data = artefact(name).bytecode + arguments
    receipt = await transact(rpc, key, chain_id, None, data, f"The constructor of {name} failed.")
    return normal(receipt["contractAddress"])


async def transact(rpc: Rpc, key: Key, chain_id: int, to: str | None, data: bytes, fault: str) -> dict[str, Any]:
    """Returns the receipt of a transaction, once it is mined. Raises Reverted with `fault`."""
    sender = normal(key.address)
    call = {"from": sender, "data": "0x" + data.hex()} | ({"to": to} if to else {})
    gas = int(int(await rpc.ask("eth_estimateGas", call), 16) * GAS_MARGIN)
    nonce = int(await rpc.ask("eth_getTransactionCount", sender, "latest"), 16)
    signed = sign_transaction(key, nonce, to, data, gas, await _fees(rpc), chain_id)
    await rpc.ask("eth_sendRawTransaction", "0x" + signed.raw.hex())
    tx_hash = "0x" + signed.hash.hex()
    receipt: dict[str, Any] = await until_mined(
        lambda: rpc.ask("eth_getTransactionReceipt", tx_hash), signed.hash, MINED_WITHIN_S
    )
    if int(receipt["status"], 16) != 1:
        raise Reverted(fault)
    return receipt


async def _fees(rpc: Rpc) -> Fees:
    latest, tip = await rpc.ask("eth_getBlockByNumber", "latest", False), await rpc.ask("eth_maxPriorityFeePerGas")
    return Fees(max_fee=2 * int(latest["baseFeePerGas"], 16) + int(tip, 16), max_priority=int(tip, 16))
