"""Federated learning: turns of jobs at whoever holds a data set, kept from here, and taken up again after a stop."""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.client import output
from assay.client.asked import read_param
from assay.client.commands.keeping import kept, write_down
from assay.client.commands.ordering import Seal
from assay.client.errors import BadInput
from assay.client.federation.facts import FACT, MEMBERS_MAX, AnyFact, Plan
from assay.client.federation.keeper import Keeper
from assay.client.federation.showing import Board, summary
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.rounds.journal import Journal
from assay.client.sdk import Assay, now_ms
from assay.schema.errors import Refused

Pairs = list[str] | None
PRIVACY = "record or member: of whom nobody can say by the model whether they were in."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("federate")(federate)


def federate(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder in which the run's journal is kept.")],
    data: Annotated[str | None, typer.Option(help="The data set, by the name that its holders' offers have.")] = None,
    layers: Annotated[str, typer.Option(help="Values in, hidden layers, classes out: 64,32,10.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Turns that are joined.")] = 10,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each member in a turn.")] = 10,
    secure: Annotated[bool, typer.Option("--secure", help="Let nobody see more than the sum of all updates.")] = False,
    threshold: Annotated[int | None, typer.Option(min=2, help="Members that unmask a sum (default: 2/3).")] = None,
    quorum: Annotated[int, typer.Option(min=1, max=MEMBERS_MAX, help="Fewest updates of a turn.")] = 1,
    rule: Annotated[
        str, typer.Option(help="mean, trimmed, median or krum; of a secure sum there is but mean.")
    ] = "mean",
    hostile: Annotated[int, typer.Option(min=0, help="Updates of a turn that may be false, for the rule.")] = 0,
    server: Annotated[str, typer.Option(help="average (FedAvg) or adam (FedAdam).")] = "average",
    prox: Annotated[float, typer.Option(min=0, help="Hold members near the model by so much (FedProx).")] = 0.0,
    private: Annotated[str | None, typer.Option(help=PRIVACY)] = None,
    noise: Annotated[float, typer.Option(min=0.1, help="Noise of --private, in multiples of a bounded part.")] = 1.0,
    param: Annotated[Pairs, typer.Option("-p", "--param", help="NAME=VALUE of the members' jobs.")] = None,
    step: Annotated[Pairs, typer.Option("--step", help="NAME=VALUE of the joining.")] = None,
    price: Annotated[int, typer.Option(min=1, help="Most for a million examples, in base units.")] = 1_000_000,
    round_s: Annotated[int, typer.Option(min=5, help="Seconds after which an act goes on without the slow.")] = 600,
    regions: Annotated[str, typer.Option(help="Countries in which updates may be joined: de,fr.")] = "",
    seal: Seal = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    to: Annotated[Path | None, typer.Option(help="The file to write (default: result, in the folder).")] = None,
) -> None:
    """Train a model on data that stay with their holders: each gives away bounded updates. Ctrl-C loses nothing."""
    terms = {"rounds": rounds, "round_s": round_s, "price": price, "quorum": quorum, "threshold": threshold}
    where = {"regions": tuple(each for each in regions.split(",") if each), "seal": seal}
    own = {"steps": steps, "prox": prox} | dict(map(read_param, param or []))
    joining = {"rule": rule, "hostile": hostile, "server": server} | dict(map(read_param, step or []))

    async def start(out: Output) -> None:
        model = model_of(layers, private, noise, own)
        plan = None if resume else plan_of(data, secure, terms | where, model, own, joining)
        await work(out, folder, plan, to or folder / "result")

    output.run(context, start)


def model_of(layers: str, private: str | None, noise: float, own: dict[str, Any]) -> dict[str, Any]:
    """The parameters that members' jobs and the joining share: taken out of the members' own."""
    shared: dict[str, Any] = {
        name: own.pop(name) for name in ("clip", "weighting", "examples_max", "start_seed") if name in own
    }
    if private:
        shared["privacy"] = {"unit": private, "noise": noise} | own.pop("privacy", {})
        shared.setdefault("weighting", "equal")
    return shared | ({"layers": layers_in(layers)} if layers else {})


def layers_in(text: str) -> list[int]:
    """The layers of a model. Raises Refused: job.bad_params."""
    try:
        return [int(each) for each in text.split(",")]
    except ValueError:
        raise Refused("job.bad_params", f"layers: {text} is no list of numbers like 64,32,10.") from None


def plan_of(
    data: str | None,
    secure: bool,
    terms: dict[str, Any],
    model: dict[str, Any],
    own: dict[str, Any],
    step: dict[str, Any],
) -> Plan:
    """The plan of a new run. Raises Refused: job.bad_params."""
    if not data or "layers" not in model:
        raise Refused("job.bad_params", "A run needs --data and --layers.")
    return Plan(data=data, secure=secure, **terms, model=model, member=own, step=step)


async def work(out: Output, folder: Path, plan: Plan | None, target: Path) -> None:
    """Begin a federation, or take it up; keep its turns to their end and write down what they came to."""
    with Journal[AnyFact](folder, FACT) as journal, Board(out) as board:
        if plan and journal.read():
            raise BadInput(f"There is a run in {folder} already: take it up with --resume, or name another.")
        async with Assay.connect(Profile.find(out.profile)) as assay:
            if plan:
                journal.write(plan)
            keeper = Keeper(assay, journal, now_ms, board.tell)
            board.begin(await keeper.enlist())
            if not keeper.run.members:
                raise Refused("data.elsewhere", f"Nobody offers a data set named {keeper.run.plan.data}.")
            await finish(keeper, assay, target, out)


async def finish(keeper: Keeper, assay: Assay, target: Path, out: Output) -> None:
    """Keep the turns to their end and write down what they came to."""
    run = await kept(keeper, "federate", out)
    assert run.state is not None
    body = await write_down(assay, run, run.state, target)
    out.show(body | {"said": run.said}, lambda: summary(run, target, body["paid"]))
