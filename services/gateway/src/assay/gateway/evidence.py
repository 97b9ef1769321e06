"""What accusations and appeals rest on: blobs that everybody may read, the arbiter first.

An accusation rests on a statement that the operator stored, an appeal on what the accused uploaded itself. So nobody
makes another's blob readable by naming its digest.
"""

from typing import Final

from assay.schema.slash import SlashAppealed, SlashProposed
from assay.schema.values import Role, participant_id
from assay.store import Transaction

OPERATOR: Final = "core"
PROPOSE: Final = """
insert into accusation (accusation, accused, statement) values ($1, $2, $3)
on conflict (accusation) do update set accused = excluded.accused, statement = excluded.statement
"""
APPEAL: Final = """
insert into accusation (accusation, appeal) values ($1, $2)
on conflict (accusation) do update set appeal = excluded.appeal
"""
OWNERS: Final = """
select $2::text from accusation where statement = $1
union select c.account from accusation a join account c on substr(c.participant, 2) = a.accused where a.appeal = $1
"""


class Evidence:
    """The evidence of both sides within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx

    async def propose(self, said: SlashProposed) -> None:
        """Keeps who is accused, and by which statement."""
        accused = participant_id(Role.PROVIDER, said.accused)[1:]
        await self.tx.execute(PROPOSE, said.accusation, accused, said.evidence)

    async def appeal(self, said: SlashAppealed) -> None:
        """Keeps what the accused brings."""
        await self.tx.execute(APPEAL, said.accusation, said.evidence)

    async def owners(self, digest: str) -> list[str]:
        """Whose the blob has to be, so that it is the evidence of its side; none if nothing rests on it."""
        return [row[0] for row in await self.tx.fetch(OWNERS, digest, OPERATOR)]
