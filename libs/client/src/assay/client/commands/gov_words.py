"""Proposals in words: what they set, where they stand, what comes next; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.chain.errors import ChainError
from assay.chain.governed.acts import Act, Node
from assay.chain.governed.refusals import VoteState, moment
from assay.chain.governed.setting import Change, read_act
from assay.chain.governed.votes import Count, Motion, Side
from assay.client import output
from assay.client.clean import clean
from assay.client.commands import units

WAITS: Mapping[VoteState, str] = {
    VoteState.PENDING: "voting begins at {begins}",
    VoteState.ACTIVE: "vote until {ends}",
    VoteState.CANCELED: "nothing: its proposer took it back",
    VoteState.DEFEATED: "nothing: it lacked votes, or had more against it",
    VoteState.SUCCEEDED: "`assay gov execute` puts it into the timelock",
    VoteState.QUEUED: "`assay gov execute` from {ready} on",
    VoteState.EXPIRED: "nothing: nobody executed it in time",
    VoteState.EXECUTED: "nothing: it is in force",
}
LINE_MAX = 100
UNREAD = "does something else than set a parameter: read the call before you vote"


class UnknownMotion(ChainError):
    """There is no such proposal."""

    code = "vote.unknown"
    advice = "`assay gov show` lists all proposals; some digits of an id are enough if no other begins so."


class NoSide(ChainError):
    """One cannot vote so."""

    code = "vote.no_side"
    advice = "Vote for, against or abstain."


def found(motions: Sequence[Motion], text: str) -> Motion:
    """The proposal whose id begins so. Raises UnknownMotion."""
    wanted = text.lower().removeprefix("0x")
    hits = [motion for motion in motions if wanted and f"{motion.id:064x}".startswith(wanted)]
    if len(hits) != 1:
        raise UnknownMotion(f"{len(hits)} proposals begin with {text!r}.")
    return hits[0]


def side_of(text: str) -> Side:
    """How somebody votes. Raises NoSide."""
    if text.upper() not in Side.__members__:
        raise NoSide(f"{text!r} is no side.")
    return Side[text.upper()]


def waits_for(motion: Motion, count: Count) -> str:
    """What comes next."""
    times = {"begins": motion.begins_at, "ends": motion.ends_at, "ready": count.ready_at}
    return WAITS[count.state].format(**{name: moment(time) for name, time in times.items()})


def motion_row(motion: Motion, count: Count) -> tuple[str, str, str, str]:
    """A proposal's line in the list."""
    return (
        f"{motion.id:064x}"[:10],
        count.state.name.lower(),
        waits_for(motion, count),
        clean(motion.why[:LINE_MAX]),
    )


def motion_lines(node: Node, motion: Motion, count: Count, now: Mapping[str, int]) -> list[str]:
    """A proposal for people: what it is, what it sets, how it stands."""
    votes = ", ".join(f"{output.native(votes)} {side.name.lower()}" for side, votes in count.votes.items())
    quorum = "known when voting begins" if count.quorum is None else output.native(count.quorum)
    sets = [line for act in motion.acts for line in act_lines(act, read_act(node, act, now))]
    return [
        f"proposal {motion.id:064x}",
        f"{count.state.name.lower()}: {waits_for(motion, count)}",
        f"why: {clean(motion.why)}",
        f"by {motion.proposer}; {votes}; quorum {quorum}",
        *sets,
    ]


def act_lines(act: Act, changes: Sequence[Change] | None) -> list[str]:
    """What one act sets, a line for each parameter; what stays as it is is said too."""
    if changes is None:
        return [f"  {act.to} {UNREAD}: 0x{act.data.hex()}"]
    return [f"  {change.parameter.name}: {change_words(change)}" for change in changes]


def change_words(change: Change) -> str:
    """A parameter as it is and as it would be, with its hard range."""
    unit = change.parameter.unit
    value, range_ = units.write(unit, change.value), units.bounds(change.parameter)
    if change.now is None:
        return value
    return f"{units.write(unit, change.now)} -> {value} (range {range_})" if change.is_new else f"{value}, as it is"


def motion_body(node: Node, motion: Motion, count: Count, now: Mapping[str, int]) -> dict[str, Any]:
    """A proposal for scripts."""
    return {
        "id": f"{motion.id:064x}",
        "state": count.state.name.lower(),
        "waits_for": waits_for(motion, count),
        "why": motion.why,
        "proposer": motion.proposer,
        "begins_at": motion.begins_at,
        "ends_at": motion.ends_at,
        "ready_at": count.ready_at,
        "votes": {side.name.lower(): votes for side, votes in count.votes.items()},
        "quorum": count.quorum,
        "acts": [act_body(act, read_act(node, act, now)) for act in motion.acts],
    }


def act_body(act: Act, changes: Sequence[Change] | None) -> dict[str, Any]:
    """What one act sets, or the call itself where it is none that sets a parameter."""
    body: dict[str, Any] = {"to": act.to, "sets": None}
    if changes is None:
        return body | {"data": "0x" + act.data.hex(), "value": act.value}
    return body | {"sets": {change.parameter.name: {"to": change.value, "now": change.now} for change in changes}}
