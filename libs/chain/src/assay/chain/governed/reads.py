"""The questions of `StakeChain` put to a node."""

import asyncio

from assay.chain.encode import encode_call
from assay.chain.governed.accusations import Proposal, proposal_from
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.reward_head import Head
from assay.chain.governed.terms import SlashWindows
from assay.chain.payment.reads import Asked, words
from assay.chain.values import SlashReason
from assay.chain.words import checksum
from assay.proof.rewards import Terms


class StakeReads:
    """What the vault, `Restaking` and `Slashing` answer."""

    async def stake_of(self: Asked, provider: str) -> int:
        """Returns a provider's own active stake, in native units."""
        return await _number(self, self.deployment.group.vault, "stakeOf(address)", provider)

    async def unbonding_of(self: Asked, provider: str) -> int:
        """Returns a provider's own stake that is on its way out and can still be slashed, in native units."""
        return await _number(self, self.deployment.group.vault, "unbondingOf(address)", provider)

    async def backing_of(self: Asked, provider: str) -> int:
        """Returns what delegators put behind a provider, in native units; what leaves is not in it."""
        return await _number(self, self.deployment.group.restaking, "backingOf(address)", provider)

    async def locked_of(self: Asked, provider: str) -> int:
        """Returns what open accusations hold of a provider's own stake, in native units."""
        return await _number(self, self.deployment.group.vault, "lockedOf(address)", provider)

    async def slashable_of(self: Asked, provider: str) -> int:
        """Returns all that a slash reaches, own and delegated, in native units."""
        at = self.deployment.group
        places = (at.vault, at.restaking)
        return sum(await asyncio.gather(*(_number(self, to, "slashableOf(address)", provider) for to in places)))

    async def claim_of(self: Asked, provider: str) -> int:
        """Returns the cost units a second that a provider says its stake stands for."""
        return await _number(self, self.deployment.group.vault, "claimOf(address)", provider)

    async def is_covered(self: Asked, provider: str) -> bool:
        """Returns whether a provider claims something and its own stake, with backing, is what that asks for."""
        return bool(await _number(self, self.deployment.group.vault, "isCovered(address)", provider))

    async def cover_terms(self: Asked) -> CoverTerms:
        """Returns what claims ask for now."""
        return CoverTerms(*await words(self, self.deployment.group.vault, encode_call("termsNow()")))

    async def proposal_of(self: Asked, accusation: bytes) -> Proposal:
        """Returns how an accusation stands; one that was never made is in phase NONE."""
        call = encode_call("proposalOf(bytes32)", accusation)
        return proposal_from(await words(self, self.deployment.group.slashing, call))

    async def native_price(self: Asked) -> int | None:
        """Returns what a whole native token is worth, in 10^-18 dollars: the higher of now and the mean over time.

        None where no oracle stands, or it has no price.
        """
        return (await _prices(self))[1]

    async def native_low(self: Asked) -> int | None:
        """Returns the lower of the two, on which nobody can rely less; None where no oracle stands, or has no price."""
        return (await _prices(self))[0]

    async def slash_rate(self: Asked, reason: SlashReason) -> int:
        """Returns what a slash for this reason takes of all that it reaches, in parts per million."""
        call = encode_call("rateOf(uint8)", int(reason))
        return (await words(self, self.deployment.group.slashing, call))[0]

    async def reward_head(self: Asked) -> Head | None:
        """Returns where rewards stand; None where there are none."""
        if self.deployment.governed is None:
            return None
        at = self.deployment.governed.rewards
        names = ("posted", "emission", "reserved", "START", "PERIOD", "poster", "guardian")
        held = _number(self, self.deployment.native, "balanceOf(address)", at)
        asked = [_number(self, at, f"{name}()") for name in names]
        (*found, poster, guardian), has, terms = await asyncio.gather(
            asyncio.gather(*asked), held, words(self, at, encode_call("termsNow()"))
        )
        posted, emission, reserved, start, period_s = found
        last = await words(self, at, encode_call("periodOf(uint64)", posted))
        roles = [checksum(role.to_bytes(20, "big")) for role in (poster, guardian)]
        return Head(posted, emission, reserved, has, start, period_s, roles[0], roles[1], last[1], Terms(*terms))

    async def bounty_fund(self: Asked) -> int:
        """Returns what is there to pay bounties, in native units."""
        return await _number(self, self.deployment.group.slashing, "bountyFund()")

    async def slash_windows(self: Asked) -> SlashWindows:
        """Returns how long an accusation can be made, appealed against, ruled on and executed."""
        names = ("REPORT_WINDOW()", "APPEAL_WINDOW()", "RULING_WINDOW()", "EXECUTION_WINDOW()")
        at = self.deployment.group.slashing
        return SlashWindows(*await asyncio.gather(*(_number(self, at, name) for name in names)))


async def _prices(asked: Asked) -> tuple[int, int] | tuple[None, None]:
    """The lower and the higher price of the native token that an oracle answers for."""
    at = asked.deployment.group.oracle
    low, high, is_healthy = await words(asked, at, encode_call("price()")) if at else (0, 0, 0)
    return (low, high) if is_healthy else (None, None)


async def _number(asked: Asked, to: str, signature: str, *arguments: str) -> int:
    return (await words(asked, to, encode_call(signature, *arguments)))[0]
