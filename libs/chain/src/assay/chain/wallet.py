"""What a party does with its own key, each in one call that waits until it is mined."""

from collections.abc import Sequence

from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.events import Receipt
from assay.chain.payment.encode import encode_demand, encode_pay, encode_withdraw
from assay.chain.payment.values import Demanded
from assay.chain.port import Chain
from assay.chain.relayed import encode_relay
from assay.chain.transaction import sign_transaction
from assay.chain.waiting import until_mined
from assay.chain.words import normal
from assay.proof.keys import Key
from assay.proof.settlement import Posted
from assay.proof.settlement_epoch import Leaf
from assay.schema.relay import Relay

MINED_WITHIN_S = 90.0


async def mint_stable(chain: Chain, key: Key, to: str, amount: int) -> Receipt:
    """Makes test stable tokens for `to`; the key must be a minter's."""
    return await send(chain, key, chain.deployment.stable, encode_call("mint(address,uint256)", to, amount))


async def mint_native(chain: Chain, key: Key, to: str, amount: int) -> Receipt:
    """Makes native tokens for `to`; the key must be a minter's."""
    return await send(chain, key, chain.deployment.native, encode_call("mint(address,uint256)", to, amount))


async def deposit(chain: Chain, key: Key, amount: int) -> Receipt:
    """Moves stable tokens of the key's address into its own deposit."""
    return await deposit_for(chain, key, key.address, amount)


async def deposit_for(chain: Chain, key: Key, requester: str, amount: int) -> Receipt:
    """Moves stable tokens of the key's address into a requester's deposit."""
    payment = chain.deployment.payment
    await send(chain, key, chain.deployment.stable, encode_call("approve(address,uint256)", payment, amount))
    return await send(chain, key, payment, encode_call("depositFor(address,uint256)", requester, amount))


async def relay(chain: Chain, key: Key, requester: str, asked: Relay) -> Receipt:
    """Sends what a requester signed, at the gas of the key."""
    return await send(chain, key, chain.deployment.payment, encode_relay(requester, asked))


async def claim(chain: Chain, key: Key, epoch: Posted, leaves: Sequence[Leaf]) -> Receipt:
    """Pays accounts what an epoch credits them, each at its own address; makes the epoch final."""
    return await send(chain, key, chain.deployment.payment, encode_pay(epoch, leaves))


async def withdraw(chain: Chain, key: Key, last: Posted, next_: Posted, leaf: Leaf) -> Receipt:
    """Moves what the leaf's account announced to take out to its address, by the last epoch that is or can be final.

    `next_` is the epoch after that one, NO_EPOCH if there is none.
    """
    return await send(chain, key, chain.deployment.payment, encode_withdraw(last, next_, leaf))


async def register(chain: Chain, key: Key, account: str) -> Receipt:
    """Gives an account its place in the tree of Payment."""
    return await send(chain, key, chain.deployment.payment, encode_call("register(address)", account))


async def add_bond(chain: Chain, key: Key, amount: int) -> Receipt:
    """Moves native tokens of the key's address into its bond as a poster."""
    payment = chain.deployment.payment
    await send(chain, key, chain.deployment.native, encode_call("approve(address,uint256)", payment, amount))
    return await send(chain, key, payment, encode_call("addBond(uint256)", amount))


async def request_exit(chain: Chain, key: Key, amount: int) -> Receipt:
    """Announces that the key takes an amount of its deposit out; after the notice no epoch can charge it."""
    return await send(chain, key, chain.deployment.payment, encode_call("requestExit(uint256)", amount))


async def cancel_exit(chain: Chain, key: Key) -> Receipt:
    """Takes the announcement back."""
    return await send(chain, key, chain.deployment.payment, encode_call("cancelExit()"))


async def demand(chain: Chain, key: Key, epoch: Posted, kind: Demanded, index: int) -> Receipt:
    """Demands a step or a leaf of an epoch, against the demand's bond."""
    at, bond = chain.deployment, (await chain.payment_terms()).demand_bond
    await send(chain, key, at.native, encode_call("approve(address,uint256)", at.challenges, bond))
    return await send(chain, key, at.challenges, encode_demand(epoch, kind, index))


async def stake(chain: Chain, key: Key, amount: int) -> Receipt:
    """Moves native tokens of the key's address into its active stake."""
    vault = chain.deployment.group.vault
    await send(chain, key, chain.deployment.native, encode_call("approve(address,uint256)", vault, amount))
    return await send(chain, key, vault, encode_call("stakeFor(address,uint256)", key.address, amount))


async def claim_capacity(chain: Chain, key: Key, units_per_s: int) -> Receipt:
    """Says how many cost units a second the key's stake stands for."""
    return await send(chain, key, chain.deployment.group.vault, encode_call("claim(uint64)", units_per_s))


async def unstake(chain: Chain, key: Key, amount: int) -> Receipt:
    """Starts to unbond an amount of the key's active stake."""
    return await send(chain, key, chain.deployment.group.vault, encode_call("unstake(uint256)", amount))


async def withdraw_stake(chain: Chain, key: Key) -> Receipt:
    """Moves all stake of the key that has finished unbonding to its address."""
    return await send(chain, key, chain.deployment.group.vault, encode_call("withdraw()"))


async def compensate(chain: Chain, key: Key, to: str, amount: int, job_id: bytes) -> Receipt:
    """Pays `to` out of the insurance pool; the key must be the compensator's."""
    call = encode_call("compensate(address,uint256,bytes32)", to, amount, job_id)
    return await send(chain, key, chain.deployment.pool, call)


async def send(chain: Chain, key: Key, to: str, data: bytes, value: int = 0) -> Receipt:
    """Signs one call with the key's next nonce, sends it and returns its receipt. Raises Reverted.

    One caller per key at a time; settlement, which must survive crashes, stores nonce and bytes first instead.
    """
    sender = normal(key.address)
    gas = await chain.estimate(sender, to, data)
    nonce, fees = await chain.nonce_of(sender), await chain.fees()
    signed = sign_transaction(key, nonce, to, data, gas, fees, chain.deployment.chain_id, value)
    receipt = await mined(chain, await chain.broadcast(signed.raw))
    if receipt.status != 1:
        raise Reverted(f"Transaction 0x{receipt.tx_hash.hex()} was mined and changed nothing.")
    return receipt


async def mined(chain: Chain, tx_hash: bytes, within_s: float = MINED_WITHIN_S) -> Receipt:
    """Returns a transaction's receipt as soon as there is one. Raises ChainUnreachable after `within_s`."""
    return await until_mined(lambda: chain.receipt(tx_hash), tx_hash, within_s)
