"""Vault, Restaking and Slashing as the rest of Assay sees them: questions; calls and events go as those of all."""

from typing import Protocol

from assay.chain.governed.accusations import Proposal
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.reward_head import Head
from assay.chain.governed.terms import SlashWindows
from assay.chain.values import SlashReason


class StakeChain(Protocol):
    """What can be asked of the three contracts. Every method raises ChainUnreachable where the node gives no answer."""

    async def stake_of(self, provider: str) -> int:
        """Returns a provider's own active stake, in native units."""

    async def unbonding_of(self, provider: str) -> int:
        """Returns a provider's own stake that is on its way out and can still be slashed, in native units."""

    async def backing_of(self, provider: str) -> int:
        """Returns what delegators put behind a provider, in native units; what leaves is not in it."""

    async def locked_of(self, provider: str) -> int:
        """Returns what open accusations hold of a provider's own stake, in native units."""

    async def slashable_of(self, provider: str) -> int:
        """Returns all that a slash reaches, own and delegated, in native units."""

    async def claim_of(self, provider: str) -> int:
        """Returns the cost units a second that a provider says its stake stands for."""

    async def is_covered(self, provider: str) -> bool:
        """Returns whether a provider claims something and its own stake, with backing, is what that asks for."""

    async def cover_terms(self) -> CoverTerms:
        """Returns what claims ask for now."""

    async def proposal_of(self, accusation: bytes) -> Proposal:
        """Returns how an accusation stands; one that was never made is in phase NONE."""

    async def native_price(self) -> int | None:
        """Returns what a whole native token is worth, in 10^-18 dollars: the higher of now and the mean over time.

        None where no oracle stands, or it has no price.
        """

    async def native_low(self) -> int | None:
        """Returns the lower of the two, on which nobody can rely less; None where no oracle stands, or has no price."""

    async def slash_rate(self, reason: SlashReason) -> int:
        """Returns what a slash for this reason takes of all that it reaches, in parts per million."""

    async def reward_head(self) -> Head | None:
        """Returns where rewards stand; None where there are none."""

    async def bounty_fund(self) -> int:
        """Returns what is there to pay bounties, in native units."""

    async def slash_windows(self) -> SlashWindows:
        """Returns how long an accusation can be made, appealed against, ruled on and executed."""
