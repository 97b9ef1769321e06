"""What votes can set: each parameter by its name, with the hard range that its contract holds in code.

A function of a contract sets one parameter or several at once; who changes one says the others again as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from assay.chain.governed.terms import DAY_S, NATIVE_UNIT
from assay.chain.values import SlashReason

MILLION: Final = 10**6


class Unit(StrEnum):
    """What a parameter is counted in."""

    NATIVE = "tokens"
    CREDITS = "credits"
    PPM = "%"
    PERCENT = "percent"
    SECONDS = "s"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One that can be set: `least` and `most` bound it, in base units; an address has no range."""

    name: str
    unit: Unit
    least: int
    most: int
    says: str


@dataclass(frozen=True, slots=True)
class Setter:
    """A function that sets parameters, in the order of its words, and the questions that tell what they are now.

    `contract` is its field in `Governed`; `fixed` are the words before them. An office has no question: it is given.
    """

    contract: str
    function: str
    asked: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    fixed: tuple[int, ...] = ()


def share(name: str, least: int, most: int, says: str) -> Parameter:
    """Returns a parameter in millionths."""
    return Parameter(name, Unit.PPM, least, most, says)


def tokens(name: str, least: int, most: int, says: str) -> Parameter:
    """Returns a parameter in native base units."""
    return Parameter(name, Unit.NATIVE, least, most, says)


def days(name: str, least: int, most: int, says: str) -> Parameter:
    """Returns a parameter in seconds, bounded by days."""
    return Parameter(name, Unit.SECONDS, least * DAY_S, most * DAY_S, says)


def account(name: str, says: str) -> Parameter:
    """Returns an office."""
    return Parameter(name, Unit.ADDRESS, 0, 2**160 - 1, says)


SEVERE: Final = (100_000, MILLION)
CARELESS: Final = (10_000, 500_000)
RATES: Final[Mapping[SlashReason, tuple[int, int]]] = {
    SlashReason.INVALID_RESULT: SEVERE,
    SlashReason.WITHHELD_DATA: CARELESS,
    SlashReason.DOWNTIME: (100, 50_000),
    SlashReason.FALSE_CAPACITY: SEVERE,
    SlashReason.LAZY_VERIFIER: CARELESS,
    SlashReason.FALSE_ACCUSATION: CARELESS,
    SlashReason.EQUIVOCATION: SEVERE,
}
"""The least and greatest share of its stake that an offence costs."""

STAKE: Final = Setter(
    "vault",
    "setTerms((uint128,uint128))",
    ("termsNow()",),
    (
        tokens("stake.base", NATIVE_UNIT, 10**23, "stake that every identity with a claim needs"),
        tokens("stake.per_unit", 1, NATIVE_UNIT, "stake for each cost unit a second that is claimed"),
    ),
)
SHARES: Final = Setter(
    "slashing",
    "setShares((uint128,uint128,uint32,uint32))",
    ("sharesNow()",),
    (
        tokens("slash.bounty", 0, 10**24, "what a proven accusation earns at most"),
        tokens("slash.appeal_bond", NATIVE_UNIT, 10**21, "what an appeal costs if it is rejected"),
        share("slash.bounty_share", 0, 100_000, "and at most this of what is slashed"),
        share("slash.burned", 0, 500_000, "what is burned of a slash; the rest is the insurance pool's"),
    ),
)
REWARDS: Final = Setter(
    "rewards",
    "setTerms(uint256,(uint32,uint32,uint128))",
    ("emission()", "termsNow()"),
    (
        tokens("rewards.emission", 0, 10**25, "what a period emits at most"),
        share("rewards.target", 10_000, MILLION, "what of its capacity has to work to count whole"),
        share("rewards.place_cap", 10_000, 500_000, "what no place gets more of than"),
        tokens("rewards.stake_per_mega_unit", 1, 10**24, "stake that carries a million cost units a period"),
    ),
)
OFFICES: Final = Setter(
    "rewards",
    "setRoles(address,address)",
    ("poster()", "guardian()"),
    (
        account("rewards.poster", "who posts periods"),
        account("rewards.guardian", "who may void a period within three days"),
    ),
)
TREASURY: Final = Setter(
    "treasury",
    "setTerms((uint32,uint32,uint32,uint32,uint32,uint128))",
    ("termsNow()",),
    (
        share("treasury.spread", 0, 10_000, "what minting keeps"),
        share("treasury.warn_cover", 900_000, 1_500_000, "cover below which minting slows to a tenth"),
        share("treasury.halt_cover", 850_000, 1_500_000, "cover below which it stops; at most the warning's"),
        share("treasury.fees_burned", 0, MILLION, "what of the fees is burned"),
        share("treasury.fees_bounties", 0, 300_000, "what of them fills the fund of bounties; the rest insures"),
        Parameter("treasury.day_cap", Unit.CREDITS, 10**9, 10**15, "credits made a day at most"),
    ),
)


def rate(reason: SlashReason) -> Setter:
    """Returns how the price of an offence is set."""
    least, most = RATES[reason]
    name = reason.name.lower()
    parameter = share(f"slash.rate.{name}", least, most, f"stake that {name.replace('_', ' ')} costs")
    return Setter("slashing", "setRate(uint8,uint256)", ("rateOf(uint8)",), (parameter,), (reason,))


def alone(contract: str, function: str, asked: str, parameter: Parameter) -> Setter:
    """Returns a function that sets one parameter."""
    return Setter(contract, function, (asked,) if asked else (), (parameter,))


SETTERS: Final = (
    STAKE,
    *map(rate, SlashReason),
    SHARES,
    alone("slashing", "appointProposer(address)", "", account("slash.proposer", "may accuse, 42 days later")),
    alone("slashing", "appointArbiter(address)", "", account("slash.arbiter", "may rule on appeals, 42 days later")),
    alone("slashing", "revoke(address)", "", account("slash.revoked", "neither accuses nor rules any more, at once")),
    REWARDS,
    OFFICES,
    TREASURY,
    alone("governance", "setVotingDelay(uint48)", "votingDelay()", days("gov.delay", 1, 7, "wait before a vote")),
    alone("governance", "setVotingPeriod(uint32)", "votingPeriod()", days("gov.period", 3, 14, "how long a vote is")),
    alone(
        "governance",
        "setProposalThreshold(uint256)",
        "proposalThreshold()",
        tokens("gov.threshold", 0, 10**24, "votes that a proposal needs"),
    ),
    alone(
        "governance",
        "updateQuorumNumerator(uint256)",
        "quorumNumerator()",
        Parameter("gov.quorum", Unit.PERCENT, 2, 20, "of all tokens that have to vote for or abstain"),
    ),
    alone("timelock", "updateDelay(uint256)", "getMinDelay()", days("gov.wait", 2, 30, "wait of what was decided")),
)
"""All that votes can set."""

PARAMETERS: Final[Mapping[str, Parameter]] = {
    parameter.name: parameter for setter in SETTERS for parameter in setter.parameters
}
