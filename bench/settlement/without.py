"""What the same payments take without epochs: escrow for each job, a transfer for each job, one netted transaction."""

from pathlib import Path
from typing import Final

from assay.proof.eip712 import Domain, JobOrder, order_digest
from assay.proof.keys import Key
from assay.schema.values import derive_id, job_word
from bench.settlement.market import PRICE, PROVIDERS, Market
from bench.settlement.node import deploy

FOLDER: Final = Path(__file__).parent
SPEC: Final = "00" * 32


def escrow_gas(market: Market) -> int:
    """What opening and settling one job in a contract takes, for a requester and a provider that it knows."""
    node, admin, key = market.node, market.admin, Key.from_hex("ab" * 32)
    escrow = deploy(node, "Escrow", market.stable.address, admin, admin)
    market.stable.send(admin, "approve", escrow.address, 2**256 - 1)
    escrow.send(admin, "depositFor", key.address, 10**12)
    domain, gas = Domain(market.book.domain.chain_id, escrow.address), 0
    for number in (1, 2):
        job = derive_id("j", number)
        order = JobOrder(job, key.address, PRICE, 2**40, SPEC)
        signature = bytes.fromhex(key.sign(order_digest(domain, order))[2:])
        fields = (job_word(job), key.address, PRICE, 2**40, bytes.fromhex(SPEC))
        gas = escrow.gas(admin, "open", [fields], [signature])
        payouts = [(PROVIDERS[0], 1, PRICE - PRICE // 20)]
        gas += escrow.gas(admin, "settle", [(job_word(job), payouts, PRICE // 20, bytes(32))])
    return gas


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
