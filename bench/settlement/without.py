"""What the same payments take without epochs: a transfer for each job, one netted transaction."""

from pathlib import Path
from typing import Final

from bench.settlement.market import PRICE, PROVIDERS, Market
from bench.settlement.node import deploy

FOLDER: Final = Path(__file__).parent


def transfer_gas(market: Market) -> int:
    """What sending one provider its pay takes, not for the first time."""
    market.stable.send(market.admin, "transfer", PROVIDERS[0], PRICE)
    return market.stable.gas(market.admin, "transfer", PROVIDERS[0], PRICE)


class Netted:
    """One trusted operator that pays each provider once for all its jobs of the epoch."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._contract = deploy(market.node, "NettedPayments", folder=FOLDER)
        market.stable.send(market.admin, "approve", self._contract.address, 2**256 - 1)
        self.gas(len(PROVIDERS))

    def gas(self, providers: int) -> int:
        """What paying so many takes, not for the first time."""
        payments = [bytes.fromhex(each[2:]) + PRICE.to_bytes(12, "big") for each in PROVIDERS[:providers]]
        return self._contract.gas(self.market.admin, "pay", self.market.stable.address, payments)
