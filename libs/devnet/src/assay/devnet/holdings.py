"""Who holds what on a devnet: tokens as the chain shows them, and what the public events say was charged for whom."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from assay.chain import Chain
from assay.chain.governed.stake_events import SlashExecuted
from assay.chain.payment.values import Account
from assay.proof.settlement_events import charged
from assay.schema.event import Event

Holdings = dict[str, dict[str, int]]
"""What everybody holds, in base units, by name and by kind."""
Sums = dict[str, tuple[int, int]]
"""What each address was credited and debited so far."""
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stable": ("stable", "deposit", "earned", "fees"),
    "native": ("native", "stake", "bond"),
}
"""Each token, and where it can lie: in hand, in Payment, not paid out yet; at stake, as a poster's bond."""
PAYMENT: Final = "payment contract"


def sums_of(said: Iterable[Event]) -> Sums:
    """What these public events say that each address was credited and debited."""
    sums: Sums = {}
    for job in (each.settlement for each in charged(said)):
        for payout in job.payouts:
            _add(sums, job.requester, 0, payout.amount + payout.fee)
            _add(sums, payout.provider, payout.amount, 0)
    return sums


def _add(sums: Sums, address: str, credit: int, debit: int) -> None:
    had = sums.get(address, (0, 0))
    sums[address] = (had[0] + credit, had[1] + debit)


async def holdings(chain: Chain, people: Mapping[str, str], operator: str, sums: Sums) -> Holdings:
    """What everybody holds: `people` are addresses by name, `sums` what was charged so far."""
    addresses = {**people, "operator": operator}
    found = await asyncio.gather(*(held_by(chain, address, sums) for address in addresses.values()))
    rows = dict(zip(addresses, found, strict=True))
    rows["operator"]["bond"] = (await chain.poster_of(operator)).bond
    credits, debits = (sum(each[turn] for each in sums.values()) for turn in (0, 1))
    rows["treasury"] = {"fees": debits - credits - (await chain.outflow()).fees}
    return rows | await _of_contracts(chain, rows)


async def held_by(chain: Chain, address: str, sums: Sums) -> dict[str, int]:
    """What one person holds."""
    account, stable = await _at_rest(chain, address)
    credit, debit = sums.get(address.lower(), (0, 0))
    return {
        "stable": stable,
        "deposit": account.left - debit,
        "earned": credit - account.paid,
        "native": await chain.token_balance(chain.deployment.native, address),
        "stake": await chain.stake_of(address) + await chain.unbonding_of(address),
    }


async def _at_rest(chain: Chain, address: str) -> tuple[Account, int]:
    """An account and its tokens in hand, of one moment: a payment can come between two questions."""
    account = await chain.account_of(address)
    while True:
        stable = await chain.token_balance(chain.deployment.stable, address)
        before, account = account, await chain.account_of(address)
        if account == before:
            return account, stable


async def _of_contracts(chain: Chain, rows: Holdings) -> Holdings:
    """What the contracts hold that is nobody's of these rows."""
    at = chain.deployment
    stable = await chain.token_balance(at.stable, at.payment)
    native = await chain.token_balance(at.native, at.payment)
    stake = sum(
        [
            await chain.token_balance(at.native, place)
            for place in (at.group.vault, at.group.restaking, at.group.slashing)
        ]
    )
    return {
        PAYMENT: {
            "stable": stable - _sum(rows, "deposit", "earned", "fees"),
            "native": native - _sum(rows, "bond"),
        },
        "stake contracts": {"native": stake - _sum(rows, "stake")},
        "insurance pool": {"native": await chain.pool_balance()},
        "burned": {"native": await _burned(chain)},
    }


async def _burned(chain: Chain) -> int:
    """What slashes have burned so far."""
    logged = await chain.events(chain.deployment.deployed_block, (await chain.block()).number)
    return sum(each.event.burned for each in logged if isinstance(each.event, SlashExecuted))


def totals(rows: Holdings) -> dict[str, int]:
    """All stable and all native tokens: no job may change either."""
    return {token: _sum(rows, *kinds) for token, kinds in KINDS.items()}


def _sum(rows: Holdings, *kinds: str) -> int:
    return sum(row.get(kind, 0) for row in rows.values() for kind in kinds)
