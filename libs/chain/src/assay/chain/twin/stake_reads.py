"""The questions of `StakeChain` put to the twins."""

from assay.chain.governed.accusations import Proposal
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.reward_head import Head
from assay.chain.governed.terms import SlashWindows
from assay.chain.twin import restaking, slashing, vault
from assay.chain.twin.payment_reads import Asked
from assay.chain.values import SlashReason
from assay.chain.words import normal


class StakeTwin:
    """What the vault, `Restaking` and `Slashing` answer."""

    async def stake_of(self: Asked, provider: str) -> int:
        """Returns a provider's own active stake, in native units."""
        return self._call().number("stake", normal(provider))

    async def unbonding_of(self: Asked, provider: str) -> int:
        """Returns a provider's own stake that is on its way out and can still be slashed, in native units."""
        return vault.unbonding_of(self._call(), normal(provider))

    async def backing_of(self: Asked, provider: str) -> int:
        """Returns what delegators put behind a provider, in native units; what leaves is not in it."""
        return restaking.backing_of(self._call(), normal(provider))

    async def locked_of(self: Asked, provider: str) -> int:
        """Returns what open accusations hold of a provider's own stake, in native units."""
        return self._call().number("locked", normal(provider))

    async def slashable_of(self: Asked, provider: str) -> int:
        """Returns all that a slash reaches, own and delegated, in native units."""
        call, address = self._call(), normal(provider)
        return vault.slashable_of(call, address) + restaking.slashable_of(call, address)

    async def claim_of(self: Asked, provider: str) -> int:
        """Returns the cost units a second that a provider says its stake stands for."""
        return self._call().number("claim", normal(provider))

    async def is_covered(self: Asked, provider: str) -> bool:
        """Returns whether a provider claims something and its own stake, with backing, is what that asks for."""
        return vault.is_covered(self._call(), normal(provider))

    async def cover_terms(self: Asked) -> CoverTerms:
        """Returns what claims ask for now."""
        return vault.terms_now(self._call())

    async def proposal_of(self: Asked, accusation: bytes) -> Proposal:
        """Returns how an accusation stands; one that was never made is in phase NONE."""
        return slashing.proposal_of(self._call(), accusation)

    async def native_price(self: Asked) -> int | None:
        """Returns None: no oracle stands here."""
        return None

    async def native_low(self: Asked) -> int | None:
        """Returns None: no oracle stands here."""
        return None

    async def slash_rate(self: Asked, reason: SlashReason) -> int:
        """Returns what a slash for this reason takes of all that it reaches, in parts per million."""
        return slashing.rate_of(reason)

    async def reward_head(self: Asked) -> Head | None:
        """Returns None: no rewards stand here."""
        return None

    async def bounty_fund(self: Asked) -> int:
        """Returns what is there to pay bounties, in native units."""
        return self._call().number("bounties")

    async def slash_windows(self: Asked) -> SlashWindows:
        """Returns how long an accusation can be made, appealed against, ruled on and executed."""
        return self._call().governed.slashing.windows
