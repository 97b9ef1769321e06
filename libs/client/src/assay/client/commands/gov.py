"""Governance: what votes can set, proposals and where they stand, voting, and doing what was decided."""

from typing import Annotated

import typer

from assay.chain.errors import ChainError
from assay.chain.governed import votes
from assay.chain.governed.acts import Act, Node, do
from assay.chain.governed.parameters import PARAMETERS
from assay.chain.governed.refusals import VoteState, moment
from assay.chain.governed.setting import Unsettable, acts_for, present, rehearse
from assay.chain.governed.votes import Count, Motion
from assay.client import output
from assay.client.asked import split_pair
from assay.client.commands import units
from assay.client.commands.gov_words import found, motion_body, motion_lines, motion_row, side_of, waits_for
from assay.client.commands.governing import account, act, governed
from assay.client.output import Output
from assay.proof.keys import Key
from assay.schema.errors import Refused

Id = Annotated[str, typer.Argument(help="The proposal's id, or how it begins.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Votes: parameters within hard ranges, and nothing else.", no_args_is_help=True)
    for command in (show, parameters, delegate, propose, cancel, vote, execute):
        group.command(command.__name__)(command)
    app.add_typer(group, name="gov")


def parameters(context: typer.Context) -> None:
    """List what votes can set: what it is now, and the hard range that no vote goes beyond."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, _):
            now = await present(node)
        body = {
            name: {"now": now.get(name), "least": each.least, "most": each.most, "unit": each.unit, "says": each.says}
            for name, each in PARAMETERS.items()
        }
        rows = [
            (name, units.write(each.unit, now[name]) if name in now else "-", units.bounds(each), each.says)
            for name, each in PARAMETERS.items()
        ]
        out.show(
            body, lambda: output.table("what votes can set", ("parameter", "now", "hard range", "what it is"), rows)
        )

    output.run(context, work)


def show(
    context: typer.Context, proposal: Annotated[str | None, typer.Argument(help="One proposal, by its id.")] = None
) -> None:
    """Show how votes are held and all proposals, or one of them: what it sets, how it stands, what comes next."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            if proposal is not None:
                await show_one(out, node, found(await votes.motions(node), proposal))
            else:
                await show_all(out, node, key.address)

    output.run(context, work)


async def show_one(out: Output, node: Node, motion: Motion) -> None:
    """Print one proposal."""
    count, now = await votes.count(node, motion), await present(node)
    body = motion_body(node, motion, count, now)
    out.show(body, lambda: "\n".join(motion_lines(node, motion, count, now)))


async def show_all(out: Output, node: Node, address: str) -> None:
    """Print how votes are held, what this account has to say, and every proposal."""
    rules, voter, all_ = await votes.rules(node), await votes.voter(node, address), await votes.motions(node)
    now = await present(node)
    counted = [(motion, await votes.count(node, motion)) for motion in all_]
    body = {
        "rules": {name: getattr(rules, name) for name in rules.__slots__},
        "voter": {"address": address, "votes": voter.votes, "delegate": voter.delegate},
        "proposals": [motion_body(node, motion, count, now) for motion, count in counted],
    }
    held = (
        f"A proposal needs {output.native(rules.threshold)} votes, waits {units.span(rules.delay_s)}, is voted on for "
        f"{units.span(rules.period_s)}, needs {rules.quorum_percent} % of all tokens, and waits "
        f"{units.span(rules.wait_s)} more. You have {output.native(voter.votes)} votes."
    )
    rows = [motion_row(motion, count) for motion, count in counted]
    out.say(held)
    out.show(body, lambda: output.table("proposals", ("id", "state", "what it waits for", "why"), rows))


def delegate(
    context: typer.Context,
    to: Annotated[
        str | None, typer.Argument(help="Whose vote your tokens are; yourself if left out.", parser=account)
    ] = None,
) -> None:
    """Have your tokens count as votes: they do from when they are delegated, to yourself or to another."""

    async def choose(node: Node, key: Key) -> list[Act]:
        return [votes.delegate(node, to or key.address)]

    act(context, choose, "your tokens vote from now on; proposals that wait already do not count them twice")


def propose(
    context: typer.Context,
    settings: Annotated[list[str], typer.Argument(help="NAME=VALUE, as `assay gov parameters` lists them.")],
    why: Annotated[str, typer.Option(help="What for: voters read it, and the same is proposed once.")],
) -> None:
    """Propose to set parameters: tokens as 300 or 0.5, shares as 12.5%, times as 2d or 36h, offices by address.

    A function that sets several says the others again as they are now: `assay gov show` tells what is set besides.
    """

    async def work(out: Output) -> None:
        wanted = dict(read_setting(pair) for pair in settings)
        async with governed(out) as (node, key):
            now = await present(node)
            acts = acts_for(node, wanted, now)
            await rehearse(node, acts)
            await do(node, key, votes.propose(node, acts, why))
            motion = found(await votes.motions(node), f"{votes.motion_id(acts, why):064x}")
            await show_one(out, node, motion)

    output.run(context, work)


def cancel(context: typer.Context, proposal: Id) -> None:
    """Take a proposal of yours back, before voting begins. The same cannot be proposed again for the same reason."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            motion = found(await votes.motions(node), proposal)
            receipt = await do(node, key, votes.cancel(node, motion))
        body = {"tx": "0x" + receipt.tx_hash.hex(), "state": VoteState.CANCELED.name.lower()}
        out.show(body, lambda: "it is taken back")

    output.run(context, work)


def read_setting(pair: str) -> tuple[str, int]:
    """A parameter and its value in base units. Raises Unsettable."""
    try:
        name, text = split_pair(pair)
    except Refused as error:
        raise Unsettable(error.detail) from None
    if name not in PARAMETERS:
        raise Unsettable(f"There is no parameter {name!r}.")
    return name, units.read(PARAMETERS[name], text)


def vote(
    context: typer.Context,
    proposal: Id,
    side: Annotated[str, typer.Argument(help="for, against or abstain.")],
    why: Annotated[str, typer.Option(help="What for; it is written on chain.")] = "",
) -> None:
    """Vote on a proposal, with all the votes you had when voting began. A vote cannot be changed."""

    async def work(out: Output) -> None:
        chosen = side_of(side)
        async with governed(out) as (node, key):
            motion = found(await votes.motions(node), proposal)
            receipt = await do(node, key, votes.vote(node, motion.id, chosen, why))
            count = await votes.count(node, motion)
            body = {"tx": "0x" + receipt.tx_hash.hex(), "side": chosen.name.lower(), "votes": told(count)}
            out.show(body, lambda: f"voted {chosen.name.lower()}; {waits_for(motion, count)}")

    output.run(context, work)


def told(count: Count) -> dict[str, int]:
    """The votes on each side, by its name."""
    return {side.name.lower(): votes_ for side, votes_ in count.votes.items()}


def execute(context: typer.Context, proposal: Id) -> None:
    """Take a decided proposal one step on: into the timelock, and once it has waited there, into force. Anyone may."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            motion = found(await votes.motions(node), proposal)
            count, now_s = await votes.count(node, motion), (await node.block()).timestamp
            step = votes.execute if count.state is VoteState.QUEUED else votes.queue
            if count.state is VoteState.QUEUED and now_s < count.ready_at:
                raise Unready(f"What was decided waits in the timelock until {moment(count.ready_at)}.")
            receipt = await do(node, key, step(node, motion))
            after = await votes.count(node, motion)
            body = {"tx": "0x" + receipt.tx_hash.hex(), "state": after.state.name.lower(), "ready_at": after.ready_at}
            out.show(body, lambda: f"{after.state.name.lower()}; {waits_for(motion, after)}")

    output.run(context, work)


class Unready(ChainError):
    """A proposal's time has not come."""

    code = "vote.unready"
    advice = "Execute it again then: whoever sends it, once it has waited."
