"""What a party does with its own key, each in one call that waits until it is mined."""

from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.events import Receipt
from assay.chain.payment.encode import encode_demand
from assay.chain.payment.values import Demanded
from assay.chain.port import Chain
from assay.chain.transaction import sign_transaction
from assay.chain.waiting import until_mined
from assay.chain.words import normal
from assay.proof.keys import Key
from assay.proof.settlement import Posted

MINED_WITHIN_S = 90.0


async def mint_stable(chain: Chain, key: Key, to: str, amount: int) -> Receipt:
    """Makes test stable tokens for `to`; the key must be a minter's."""
    return await send(chain, key, chain.deployment.stable, encode_call("mint(address,uint256)", to, amount))


async def mint_native(chain: Chain, key: Key, to: str, amount: int) -> Receipt:
    """Makes native tokens for `to`; the key must be a minter's."""
    return await send(chain, key, chain.deployment.native, encode_call("mint(address,uint256)", to, amount))


async def deposit(chain: Chain, key: Key, amount: int) -> Receipt:
    """Moves stable tokens of the key's address into its escrow balance."""
    return await deposit_for(chain, key, key.address, amount)


async def deposit_for(chain: Chain, key: Key, party: str, amount: int) -> Receipt:
    """Moves stable tokens of the key's address into a party's escrow balance."""
    escrow = chain.deployment.escrow
    await send(chain, key, chain.deployment.stable, encode_call("approve(address,uint256)", escrow, amount))
    return await send(chain, key, escrow, encode_call("depositFor(address,uint256)", party, amount))


async def withdraw(chain: Chain, key: Key, amount: int) -> Receipt:
    """Moves an amount of the key's escrow balance to its address."""
    return await send(chain, key, chain.deployment.escrow, encode_call("withdraw(uint256)", amount))


async def reclaim(chain: Chain, key: Key, job_id: bytes) -> Receipt:
    """Gives a job that nobody settled back to its requester, whoever's the key is."""
    return await send(chain, key, chain.deployment.escrow, encode_call("reclaim(bytes32)", job_id))


async def fund_audits(chain: Chain, key: Key, amount: int) -> Receipt:
    """Moves stable tokens of the key's address into the audit fund, for good."""
    escrow = chain.deployment.escrow
    await send(chain, key, chain.deployment.stable, encode_call("approve(address,uint256)", escrow, amount))
    return await send(chain, key, escrow, encode_call("fundAudits(uint256)", amount))


async def deposit_payment(chain: Chain, key: Key, requester: str, amount: int) -> Receipt:
    """Moves stable tokens of the key's address into a requester's deposit in Payment."""
    payment = chain.deployment.payment
    await send(chain, key, chain.deployment.stable, encode_call("approve(address,uint256)", payment, amount))
    return await send(chain, key, payment, encode_call("depositFor(address,uint256)", requester, amount))


async def register(chain: Chain, key: Key, account: str) -> Receipt:
    """Gives an account its place in the tree of Payment."""
    return await send(chain, key, chain.deployment.payment, encode_call("register(address)", account))


async def add_bond(chain: Chain, key: Key, amount: int) -> Receipt:
    """Moves native tokens of the key's address into its bond as a poster."""
    payment = chain.deployment.payment
    await send(chain, key, chain.deployment.native, encode_call("approve(address,uint256)", payment, amount))
    return await send(chain, key, payment, encode_call("addBond(uint256)", amount))


async def request_exit(chain: Chain, key: Key, amount: int) -> Receipt:
    """Announces that the key takes an amount of its deposit out."""
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
    contract = chain.deployment.stake
    await send(chain, key, chain.deployment.native, encode_call("approve(address,uint256)", contract, amount))
    return await send(chain, key, contract, encode_call("stake(uint256)", amount))


async def unstake(chain: Chain, key: Key, amount: int) -> Receipt:
    """Starts to unbond an amount of the key's active stake."""
    return await send(chain, key, chain.deployment.stake, encode_call("unstake(uint256)", amount))


async def withdraw_stake(chain: Chain, key: Key) -> Receipt:
    """Moves all stake of the key that has finished unbonding to its address."""
    return await send(chain, key, chain.deployment.stake, encode_call("withdraw()"))


async def compensate(chain: Chain, key: Key, to: str, amount: int, job_id: bytes) -> Receipt:
    """Pays `to` out of the insurance pool; the key must be the compensator's."""
    call = encode_call("compensate(address,uint256,bytes32)", to, amount, job_id)
    return await send(chain, key, chain.deployment.pool, call)


async def send_coin(chain: Chain, key: Key, to: str, amount_wei: int) -> Receipt:
    """Sends the chain's own coin, which gas is paid in."""
    return await send(chain, key, to, b"", amount_wei)


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
