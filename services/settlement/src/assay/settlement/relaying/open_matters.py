"""What a requester's deposit may still be charged for: while there is anything, it leaves after the notice alone."""

from collections.abc import Mapping
from typing import Final

from assay.schema.errors import Refused
from assay.settlement.paying import holds
from assay.store import Transaction

# An epoch that is not final may become void, and its charges are posted again, after the exit.
MATTERS: Final[Mapping[str, str]] = {
    "what a job may cost is held": """
        select exists (
            select from entries left_ join entries came using (number) join accounts a on a.account = came.account
            where left_.account = 'deposit:' || $1 and left_.amount < 0 and came.account like 'hold:%' and a.balance > 0
        )
    """,
    "an order waits for its deposit": "select exists (select from awaiting where requester = $1)",
    "a charge stands in no final epoch": """
        select exists (select from struck_steps where requester = $1) or exists (
            select from steps where requester = $1 and position >= coalesce(
                (select first_step + steps from payments where state = 'final' order by number desc limit 1), 1
            )
        )
    """,
}


async def demand_none(tx: Transaction, requester: str) -> None:
    """Nothing, if all of a requester (an address) is paid for good; until then nobody holds for it.

    Raises Refused: wallet.open.
    """
    await tx.execute(holds.QUEUE)
    for matter, sql in MATTERS.items():
        if await tx.fetchval(sql, requester):
            raise Refused("wallet.open", f"At least {matter}.")
