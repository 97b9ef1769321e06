"""What a party of the network has."""

from dataclasses import dataclass

from tests.network import Net


@dataclass(frozen=True)
class Holdings:
    """Stable tokens anywhere, native tokens at stake."""

    stable: int
    stake: int


async def holdings(net: Net, name: str) -> Holdings:
    """What a party has now."""
    chain, address = net.devnet.chain, net.party(name).key.address
    return Holdings(await net.balances(name), await chain.stake_of(address) + await chain.unbonding_of(address))
