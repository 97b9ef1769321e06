"""Doubting an epoch of payments: what was demanded of it, a demand, a proof, and the end of what nobody answered.

Whoever doubts sends alone, with the profile's key: it needs gas, and for a demand the bond in native tokens.
"""

from collections.abc import Callable
from typing import Annotated, Any, cast

import typer

from assay.chain import Chain, Receipt
from assay.chain import wallet as chain_wallet
from assay.chain.encode import encode_call
from assay.chain.payment.answers import Asking, Shown, shown_in
from assay.chain.payment.docket import Asked, Docket, dockets_of, every_docket
from assay.chain.payment.encode import encode_expire
from assay.chain.payment.events import BondSlashed, DemandMade
from assay.chain.payment.values import Demanded
from assay.chain.words import normal
from assay.client import output
from assay.client.commands.governing import account
from assay.client.commands.said import From, said_in_public
from assay.client.commands.sending import name_of, opened, reached
from assay.client.doubting import Case, call_of, case_of, docket_of
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.proof.keys import Key
from assay.proof.settlement_events import verify_epochs
from assay.schema.errors import Refused

Number = Annotated[int, typer.Argument(help="The epoch's number.", min=1)]
Step = Annotated[
    int | None, typer.Option("--step", help="Which of its steps: its `index` in `assay epoch show`, from 0 on.", min=0)
]
Whose = Annotated[
    str | None, typer.Option("--account", help="Whose leaf after it: an address or a participant's id.", parser=account)
]
WARNING = (
    "If it is shown your bond is gone: look first whether your events are all that were said, on this very network."
)
TAKE_BACK = "takeBack(bytes32,uint64,uint8,uint32)"


def doubts(context: typer.Context, number: Number) -> None:
    """Show until when an epoch can be doubted, what a demand's bond is, what was demanded of it, and what was shown."""

    async def work(out: Output) -> None:
        async with reached(out) as chain:
            docket, terms = await docket_of(chain, number), await chain.payment_terms()
            head, now_s = await chain.payment_head(), (await chain.block()).timestamp
            made = [await demand_body(chain, each, now_s) for each in docket.demands]
        until_s, is_final = docket.epoch.posted_at + terms.windows.window_s, number <= head.last
        body = {"number": number, "digest": docket.digest.hex(), "steps": docket.epoch.steps}
        body |= {"poster": docket.epoch.poster, "is_final": is_final, "until_s": until_s, "bond": terms.demand_bond}
        out.show(body | {"demands": made}, lambda: draw(body, made, now_s))

    output.run(context, work)


async def demand_body(chain: Chain, asked: Asked, now_s: int) -> dict[str, Any]:
    """A demand for scripts: what of, by whom, until when, how it stands, and what its answer shows."""
    state = "answered" if asked.answered else "overdue" if asked.is_overdue(now_s) else "waiting"
    body = {"kind": asked.kind.name.lower(), "index": asked.index, "challenger": asked.challenger, "state": state}
    shown = await shown_in(cast(Asking, chain), asked.answered) if asked.answered else None
    tx = "0x" + asked.answered.hex() if asked.answered else None
    return body | {"deadline_s": asked.deadline, "tx": tx, "shown": shown_body(shown) if shown else None}


def shown_body(shown: Shown) -> dict[str, Any]:
    """What an answer shows: a charge, or an account's sums."""
    if shown.leaf:
        return {"account": shown.leaf.account, "credit": shown.leaf.credit, "debit": shown.leaf.debit}
    charge = shown.step.charge if shown.step else None
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in (charge._asdict() if charge else {}).items()
    }


def draw(body: dict[str, Any], made: list[dict[str, Any]], now_s: int) -> object:
    """An epoch's demands for people."""
    until = output.moment(body["until_s"])
    state = (
        "final"
        if body["is_final"]
        else f"can be doubted until {until}"
        if now_s <= body["until_s"]
        else "its window is over"
    )
    title = (
        f"epoch {body['number']} of {body['steps']} steps: {state}; a demand's bond is {output.native(body['bond'])}"
    )
    rows = [
        (
            f"{each['kind']} {each['index']}",
            each["challenger"],
            each["state"],
            output.moment(each["deadline_s"]),
            words(each["shown"]),
        )
        for each in made
    ]
    return output.table(title, ("demanded", "by", "state", "until", "shown"), rows)


def words(shown: dict[str, Any] | None) -> str:
    """What was shown, in one line."""
    return " ".join(f"{name}={value}" for name, value in (shown or {}).items())


def demand(context: typer.Context, number: Number, step: Step = None, whose: Whose = None) -> None:
    """Demand that a step, or the leaf of an account, be shown, against a bond that goes to whoever shows it.

    If nobody does in time, `assay epoch end` voids the epoch and gives the bond back.
    """

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            kind, index = await what(chain, step, whose)
            docket = await docket_of(chain, number)
            bond = await fit(chain, key, docket, kind, index)
            receipt = await chain_wallet.demand(chain, key, docket.epoch, kind, index)
        (made,) = (event for event in receipt.events if isinstance(event, DemandMade))
        body = {"tx": name_of(receipt), "number": number, "kind": kind.name.lower(), "index": index}
        until = output.moment(made.deadline)
        said = (
            f"demanded against {output.native(bond)}, which whoever shows it gets: if nobody does until {until}, "
            f"`assay epoch end {number}` voids the epoch; `assay epoch doubts {number}` shows the answer"
        )
        out.show(body | {"deadline_s": made.deadline, "bond": bond}, lambda: said)

    output.run(context, work)


async def what(chain: Chain, step: int | None, whose: str | None) -> tuple[Demanded, int]:
    """What is demanded. Raises BadInput."""
    if (step is None) == (whose is None):
        raise BadInput("Name a --step or an --account, one of both.")
    if step is not None:
        return Demanded.STEP, step
    place = (await chain.account_of(cast(str, whose))).index
    if not place:
        raise BadInput(f"{whose} has no place in the tree: nothing was ever deposited for it or charged.")
    return Demanded.LEAF, place


async def fit(chain: Chain, key: Key, docket: Docket, kind: Demanded, index: int) -> int:
    """The bond of a demand that can be made. Raises Refused, BadInput."""
    terms, now_s = await chain.payment_terms(), (await chain.block()).timestamp
    if kind is Demanded.STEP and index >= docket.epoch.steps:
        raise BadInput(f"It has {docket.epoch.steps} steps, the last of index {docket.epoch.steps - 1}.")
    if any((each.kind, each.index) == (kind, index) for each in docket.demands):
        raise Refused("demand.known", f"{kind.name.capitalize()} {index} of epoch {docket.epoch.number}.")
    await still(chain, docket, docket.epoch.posted_at + terms.windows.window_s < now_s)
    if await chain.token_balance(chain.deployment.native, key.address) < terms.demand_bond:
        raise Refused("demand.unbonded", f"It is {output.native(terms.demand_bond)}.")
    return terms.demand_bond


async def still(chain: Chain, docket: Docket, is_over: bool = False) -> None:
    """Nothing; the epoch can be doubted. Raises Refused: payment.settled."""
    if docket.epoch.number <= (await chain.payment_head()).last:
        raise Refused("payment.settled", f"Epoch {docket.epoch.number} is final.")
    if is_over:
        raise Refused("payment.settled", f"The window of epoch {docket.epoch.number} is over.")


def prove(context: typer.Context, number: Number, kept: From = None) -> None:
    """Prove what the public events show to be wrong: the epoch is void at once, and its poster's bond is taken."""

    async def work(out: Output) -> None:
        said = await said_in_public(out, kept)
        async with opened(out) as (chain, key):
            case = await case_of(chain, verify_epochs(chain.deployment.domain, said), number)
            if (doubt := case.provable) is None:
                raise Refused("payment.right", advice(case) or f"Epoch {number} keeps every rule.")
            await still(chain, case.docket)
            receipt = await challenge(chain, key, call_of(case, doubt))
        refund = sum(event.refund for event in receipt.events if isinstance(event, BondSlashed))
        body = {"tx": name_of(receipt), "number": number, "ground": doubt.ground, "refund": refund}
        said_of_it = f"epoch {number} is void. {doubt.sentence} You got {output.native(refund)} for your costs."
        out.show(body | {"index": doubt.index, "sentence": doubt.sentence}, lambda: said_of_it)

    output.run(context, work)


async def challenge(chain: Chain, key: Key, call: bytes) -> Receipt:
    """The receipt of a call to Challenges."""
    return await chain_wallet.send(chain, key, chain.deployment.challenges, call)


def end(context: typer.Context, number: Number) -> None:
    """Void an epoch of which a demand was not answered in time, and take back your bonds of what became void."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            voided = await expire(chain, key, number)
            taken = await take_back(chain, key, number)
            if voided is None and not taken:
                raise Refused("demand.none", f"Epoch {number}: nothing of it is overdue, and no bond of yours is free.")
            bond = (await chain.payment_terms()).demand_bond
        body = {"number": number, "voided": voided, "taken_back": taken, "bonds": bond * len(taken)}
        out.show(body, lambda: f"{f'epoch {number} is void; ' if voided else ''}{len(taken)} further bonds came back")

    output.run(context, work)


async def expire(chain: Chain, key: Key, number: int) -> str | None:
    """The transaction that voided an epoch for a demand that nobody answered; None if there is none to do so for."""
    docket, now_s = (await dockets_of(chain, [number])).get(number), (await chain.block()).timestamp
    overdue = next((each for each in docket.demands if each.is_overdue(now_s)), None) if docket else None
    if docket is None or overdue is None:
        return None
    return name_of(await challenge(chain, key, encode_expire(docket.epoch, overdue.kind, overdue.index)))


async def take_back(chain: Chain, key: Key, number: int) -> list[str]:
    """The transactions by which the key's bonds came back, of demands of epochs that are void."""
    stands, own, taken = await chain.epoch_digest(number), normal(key.address), []
    for docket in await every_docket(chain, number):
        for asked in docket.demands if docket.digest != stands else ():
            is_open = (await chain.demand_of(docket.digest, asked.kind, asked.index)).deadline
            if is_open and normal(asked.challenger) == own:
                call = encode_call(TAKE_BACK, docket.digest, number, int(asked.kind), asked.index)
                taken.append(name_of(await challenge(chain, key, call)))
    return taken


def advice(case: Case) -> str:
    """What is wrong with an epoch, and which command has it void; empty if nothing is."""
    number = case.found.number
    if case.doubts and case.is_final:
        return f"{case.doubts[0].sentence} It is final: nothing voids it any more."
    if doubt := case.provable:
        return f"{doubt.sentence} `assay epoch prove {number}` voids it."
    if doubt := case.unseen:
        command = f"`assay epoch demand {number} --step {doubt.index}`"
        return f"{doubt.sentence} {command} has it shown, or the epoch void. {WARNING}"
    return ""


COMMANDS: tuple[Callable[..., None], ...] = (doubts, demand, prove, end)
