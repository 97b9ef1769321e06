"""Where a contest stands between two rounds, and the step from one to the next."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field, ValidationError

from assay.schema.values import Digest
from assay.workloads.contest.statements import Address, Opened, Said
from assay.workloads.contest.yuma import Shares, share_out
from assay.workloads.errors import BadCheckpoint


class Standings(Said):
    """After a round: who gets how much of its prize, who answered in it, the bonds, and the seals of the next round.

    `bound` is public with the order of this round's job, so what it seals was said before that.
    """

    contest: str
    number: int
    bound: Digest | None
    entered: tuple[Address, ...] = ()
    incentives: Shares = Field(default_factory=dict)
    dividends: Shares = Field(default_factory=dict)
    bonds: dict[Address, Shares] = Field(default_factory=dict)

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """Those of a checkpoint. Raises BadCheckpoint unless it is what `write` makes of them."""
        try:
            found = cls.model_validate_json(raw)
        except ValidationError as error:
            raise BadCheckpoint(f"These are no standings: {error.errors()[0]['msg']}.") from error
        if found.write() != raw:
            raise BadCheckpoint("These standings are not in their one form.")
        return found

    def write(self) -> bytes:
        """The one form of these standings."""
        fields: dict[str, Any] = self.model_dump(mode="json")
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def step(before: Standings, opened: Sequence[Opened], stakes: Mapping[str, int], next_sealed: str | None) -> Standings:
    """The standings after one more round, whose validators weigh those who answered in the round before."""
    known = set(before.entered)
    weights = {
        each.by: {model: weight for model, weight in each.weights.items() if model in known}
        for each in opened
        if each.role == "validator"
    }
    outcome = share_out(weights, stakes, before.bonds)
    return Standings(
        contest=before.contest,
        number=before.number + 1,
        bound=next_sealed,
        entered=tuple(sorted(each.by for each in opened if each.role == "model")),
        incentives=outcome.incentives,
        dividends=outcome.dividends,
        bonds=outcome.bonds,
    )
