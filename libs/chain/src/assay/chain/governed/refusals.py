"""What the governed contracts refuse, in sentences that say what to do next: a table of their errors."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import Any, Final, NamedTuple

from assay.chain.artefacts import entries, signature_of
from assay.chain.errors import Reverted
from assay.chain.governed.accusations import Phase
from assay.chain.governed.places import FIELD_OF
from assay.chain.words import selector

SOURCES: Final = (*FIELD_OF, "NativeToken", "Credit", "InsurancePool")


class VoteState(IntEnum):
    """How far a proposal has come."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


class Refusal(NamedTuple):
    """What a contract means by an error, and what to do then."""

    said: str
    advice: str


REFUSALS: Final[Mapping[str, Refusal]] = {
    "AccessControlUnauthorizedAccount": Refusal(
        "{account} has not the role that this needs.", "Use the key that has it: nobody can hand it on."
    ),
    "AlreadyClaimed": Refusal(
        "{provider} was paid for period {number}.", "Nothing to do: each period is paid once; look at another one."
    ),
    "BadTime": Refusal("The lock's end, {until:time}, is not in its range.", "Wait until then, or choose less."),
    "BothAtOnce": Refusal(
        "{account} cannot accuse and rule on appeals.", "Name another account, or let a vote revoke its other role."
    ),
    "DayCapReached": Refusal(
        "{wanted:credits} credits are wanted, {left:credits} can still be made today.", "Mint less, or tomorrow."
    ),
    "DelayTooShort": Refusal(
        "Stake would leave after {delay:span}, and slashes take {windows:span}.", "Deploy with a longer delay."
    ),
    "ERC20InsufficientAllowance": Refusal(
        "{spender} may take {allowance:native} of the {needed:native} tokens.", "Approve the whole amount first."
    ),
    "ERC20InsufficientBalance": Refusal(
        "{sender} holds {balance:native} of the {needed:native} tokens.", "Name at most what it holds, or buy more."
    ),
    "Exceeded": Refusal(
        "{wanted:native} is more than the {most:native} tokens that are there or said.",
        "Fund the contract, or post a total within the emission.",
    ),
    "FixedRoles": Refusal("The timelock's roles were fixed at birth.", "Nothing to do: no vote can change them."),
    "GovernorAlreadyCastVote": Refusal("{voter} has voted already.", "Nothing to do: a vote cannot be changed."),
    "GovernorInsufficientProposerVotes": Refusal(
        "{proposer} has {votes:native} of the {threshold:native} votes that a proposal needs.",
        "Delegate tokens to it with `assay gov delegate`, and propose in a later block.",
    ),
    "GovernorInvalidVoteType": Refusal("There is no such side.", "Vote for, against or abstain."),
    "GovernorNonexistentProposal": Refusal("There is no proposal {proposalId:id}.", "`assay gov show` lists them."),
    "GovernorRestrictedProposer": Refusal("The text names another proposer.", "Leave out `#proposer=` at its end."),
    "GovernorUnableToCancel": Refusal(
        "{account} cannot take the proposal {proposalId:id} back.",
        "Its proposer can, until voting begins; after that, vote against it.",
    ),
    "GovernorUnexpectedProposalState": Refusal(
        "The proposal {proposalId:id} is {current:vote}.", "`assay gov show ID` says what it waits for."
    ),
    "GovernorOnlyExecutor": Refusal("Only a vote can do this.", "Propose it with `assay gov propose`."),
    "InvalidAccountNonce": Refusal(
        "The signature is for another nonce than {currentNonce}.", "Sign again with the present one."
    ),
    "KnownLock": Refusal("The lock {id:id} was there before.", "Nothing to do: an accusation locks once."),
    "KnownOffence": Refusal("The offence {id:id} was proposed before.", "Nothing to do: each is slashed for once."),
    "LockTooShort": Refusal(
        "A lock would end after {lockMax:span}, and a slash waits {needed:span}.", "Deploy with longer locks."
    ),
    "MintingHalted": Refusal(
        "No credits are made: what is locked covers {coverPpm:ppm} of them, or there is no price.",
        "Redeem as ever; mint again once `assay treasury show` says that it is open.",
    ),
    "NoPrice": Refusal(
        "The oracle has no healthy price.", "Wait until most feeds are fresh and agree; see `assay treasury show`."
    ),
    "NotAllowed": Refusal("{caller} may not do this.", "Only the role's holder can, or a vote: `assay gov propose`."),
    "NotRuled": Refusal("The judge did not find this worker wrong.", "Bring the dispute before the judge first."),
    "NotSlasher": Refusal(
        "Vault or restaking names another slasher.", "Deploy again, with nothing beside it that uses the key."
    ),
    "NotTreasury": Refusal("Only the treasury makes and burns credits.", "Mint and redeem there."),
    "NothingAllocated": Refusal("There are no shares to speak of.", "Name an amount above zero."),
    "NothingAtStake": Refusal("{accused} has nothing at stake.", "Nothing to do: there is nothing to slash."),
    "NothingDue": Refusal("Nothing is due now.", "If the pool was empty, wait until it is filled; else it is paid."),
    "NothingHeld": Refusal(
        "Nothing has arrived in the purse {purse} since it was shared.",
        "Have the refund paid first, if it was not; else name victims and losses as `slash.proposed` has them.",
    ),
    "NothingReady": Refusal(
        "Nothing is ready to leave: parts wait out their delay, or are locked for an accusation.",
        "Wait until the first part is ready: it is said when leaving begins.",
    ),
    "NothingToUnstake": Refusal("Zero cannot leave.", "Name an amount above zero."),
    "OutOfRange": Refusal(
        "{value} is outside of {least} to {most}.", "Choose a value within the range: no vote goes beyond it."
    ),
    "Spent": Refusal("All backing of {provider} was slashed.", "Back another provider: it takes none any more."),
    "StakeTooLow": Refusal(
        "{held:native} tokens of its own would answer for a claim that asks for {needed:native}.",
        "Stake more, find backing, or claim less capacity first; who claims nothing takes all out.",
    ),
    "TimelockUnexpectedOperationState": Refusal(
        "What was decided still waits in the timelock, or was done.", "`assay gov show ID` says from when it can be."
    ),
    "TimelockUnauthorizedCaller": Refusal("Only a vote can do this.", "Propose it with `assay gov propose`."),
    "TooFewShares": Refusal(
        "There are {held} shares, and {wanted} are wanted.", "Take back at most what backs the provider."
    ),
    "TooLate": Refusal("This ended at {deadline:time}.", "Nothing to do: it cannot be done any more."),
    "TooLittle": Refusal(
        "It would give {amount}, less than the {least} asked for.", "Ask for less, or wait for a better price."
    ),
    "TooManyLeaving": Refusal("{limit} parts leave already.", "Withdraw one that is ready, or wait for one."),
    "TooManyUnbonding": Refusal("{limit} parts unbond already.", "Withdraw one that is ready, or wait for one."),
    "TooSoon": Refusal("This can be done from {readyAt:time} on.", "Wait until then."),
    "WindowOver": Refusal("The period was settled at {endedAt:time}.", "Nothing to do: nobody can void it any more."),
    "WrongList": Refusal(
        "A list names one to a hundred victims by rising address, each once, with what it lost.",
        "Name the victims and losses as `slash.proposed` has them.",
    ),
    "WrongPeriod": Refusal(
        "{number} is not the period that this can be done with.", "`assay rewards show` lists those that were posted."
    ),
    "WrongPhase": Refusal("The accusation is {phase:phase}.", "See what it waits for: another step is next."),
    "WrongProof": Refusal(
        "What was opened is not in the period's root.", "Use the inputs that were published for this period."
    ),
}
"""By the name of a contract's error, with its arguments in braces."""

# The end of the year 9999, where Python's calendar ends.
LAST_S: Final = 253_402_300_799
OTHER: Final = Refusal("The contract refused the call.", Reverted.advice)


class Declined(Reverted):
    """A governed contract's refusal: `name` and `arguments` as its source has them, the rest in words."""

    code = "chain.declined"

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.name, self.arguments = name, arguments
        refusal = REFUSALS.get(name, OTHER)
        self.advice = refusal.advice
        super().__init__(f"{name}: {WORDS.vformat(refusal.said, (), arguments)}")


class Words(string.Formatter):
    """Writes an argument as people read it, by what stands behind its name."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Returns the argument in words."""
        write = WRITERS.get(format_spec)
        return write(value) if write else str(value)


WRITERS: Final[Mapping[str, Any]] = {
    "native": lambda value: f"{value // 10**18}.{value % 10**18 // 10**14:04d}",
    "credits": lambda value: f"{value // 10**6}.{value % 10**6:06d}",
    "ppm": lambda value: f"{value / 10**4:g} %",
    "span": lambda value: f"{value / 86_400:g} days" if value >= 86_400 else f"{value} s",
    "time": lambda value: moment(value),
    "id": lambda value: (value.hex() if isinstance(value, bytes) else f"{value:064x}")[:10],
    "phase": lambda value: member(Phase, value),
    "vote": lambda value: member(VoteState, value),
}
WORDS: Final = Words()


def member(words: type[IntEnum], value: int) -> str:
    """Returns what a contract's number stands for, or the number where it stands for nothing."""
    names = {each.value: each.name.lower() for each in words}
    return names.get(value, str(value))


def moment(seconds: int) -> str:
    """Returns a moment of the chain's time as people write it (UTC), or its second where no calendar reaches."""
    if seconds > LAST_S:
        return f"second {seconds}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def declined(error: Reverted) -> Reverted:
    """Returns a revert in the words of the table, or as it is where the contract's error is not known."""
    data = error.fields.get("data")
    known = declared().get(data[:4]) if isinstance(data, bytes) else None
    if known is None or not isinstance(data, bytes):
        return error
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    name, fields = known
    try:
        values = decode([type_ for _, type_ in fields], data[4:])
    except DecodingError:
        return error
    return Declined(name, {field: value for (field, _), value in zip(fields, values, strict=True)})


@cache
def declared() -> Mapping[bytes, tuple[str, list[tuple[str, str]]]]:
    """Returns the errors of all governed contracts, by their first four bytes."""
    return {
        selector(signature_of(entry)): (entry["name"], [(field["name"], field["type"]) for field in entry["inputs"]])
        for entry in entries("error", SOURCES)
    }
