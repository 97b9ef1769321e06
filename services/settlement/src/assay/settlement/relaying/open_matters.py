"""What a requester's deposit may still be charged for: while there is anything, it leaves after the notice alone."""

from collections.abc import Mapping
from typing import Final

from assay.schema.errors import Refused
from assay.settlement.paying import holds
from assay.settlement.questions import HELD
from assay.store import Transaction

# Asked with the requester and the time (s). An epoch that is not final may become void, and its charges are posted
# again, after the exit; a struck charge whose order counts no longer never is.
MATTERS: Final[Mapping[str, str]] = {
    "what a job may cost is held": f"select exists ({HELD})",
    "an order waits for its deposit": "select exists (select from awaiting where requester = $1)",
    "a charge stands in no final epoch": """
        select exists (
            select from struck join struck_steps using (job_id), asked where requester = $1 and until_s >= asked.now_s
        ) or exists (
            select from steps where requester = $1 and position >= coalesce(
                (select first_step + steps from payments where state = 'final' order by number desc limit 1), 1
            )
        )
    """,
}


ASKED: Final = "with asked as (select $2::bigint as now_s) "


async def demand_none(tx: Transaction, requester: str, now_s: int) -> None:
    """Nothing, if all of a requester (an address) is paid for good; until then nobody holds for it.

    Raises Refused: wallet.open.
    """
    await tx.execute(holds.QUEUE)
    for matter, sql in MATTERS.items():
        if await tx.fetchval(ASKED + sql, requester, now_s):
            raise Refused("wallet.open", f"At least {matter}.")
