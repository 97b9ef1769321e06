"""Where the governed contracts stand: the optional section of a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Governed:
    """Where the contracts stand that votes govern, and since which block.

    Treasury, credit and oracle are empty, and there are no feeds, on a network that has no price of its token.
    """

    deployed_block: int
    timelock: str
    governance: str
    restaking: str
    vault: str
    slashing: str
    purses: str
    rewards: str
    oracle: str = ""
    treasury: str = ""
    credit: str = ""
    feeds: tuple[str, ...] = ()

    def contracts(self) -> dict[str, str]:
        """Where each contract stands that says what happened, by its name."""
        found = {name: getattr(self, field) for name, field in FIELD_OF.items()}
        return {name: place for name, place in found.items() if place}

    def plain(self) -> dict[str, Any]:
        """The section as JSON has it."""
        return asdict(self) | {"feeds": list(self.feeds)}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Governed:
        """Returns the section that `plain` gave. Raises ValueError for any other."""
        names = [field.name for field in fields(cls)]
        if set(found) != set(names):
            raise ValueError(f"the section `governed` must hold exactly {', '.join(names)}")
        return cls(**{**found, "feeds": tuple(found["feeds"])})


FIELD_OF: Mapping[str, str] = {
    "Timelock": "timelock",
    "Governance": "governance",
    "Restaking": "restaking",
    "StakeVault": "vault",
    "Slashing": "slashing",
    "Purses": "purses",
    "Rewards": "rewards",
    "MedianOracle": "oracle",
    "Treasury": "treasury",
}
"""The field of each contract that says what happened."""
