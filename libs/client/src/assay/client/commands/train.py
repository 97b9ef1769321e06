"""Train a model by many members: rounds of plain jobs, kept from here, and taken up again after a stop."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from assay.client import output
from assay.client.asked import read_param
from assay.client.commands.data import DIGEST
from assay.client.commands.keeping import kept, write_down
from assay.client.commands.ordering import Seal
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.rounds.facts import MEMBERS_MAX, AnyFact, Left, Plan
from assay.client.rounds.journal import Journal
from assay.client.rounds.keeper import Keeper
from assay.client.rounds.shards import cut
from assay.client.rounds.showing import Board, summary
from assay.client.sdk import Assay, now_ms
from assay.schema.errors import Refused

Pairs = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder in which the run's journal is kept.")],
    model: Annotated[str | None, typer.Option(help="The model's digest; providers must have it.")] = None,
    data: Annotated[Path | None, typer.Option(help="A text, cut into a shard for each member.")] = None,
    members: Annotated[int, typer.Option(help="Into so many shards.", min=1, max=MEMBERS_MAX)] = 2,
    shard: Annotated[
        list[str] | None, typer.Option(help="A text of one member's own, or its digest; one more joins for each.")
    ] = None,
    leave: Annotated[list[int] | None, typer.Option(help="A member who is in no further round.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Outer steps.")] = 10,
    inner_steps: Annotated[int, typer.Option(min=1, help="Steps of each member in a round.")] = 100,
    compress: Annotated[str, typer.Option(help="float32, int8, int4, int2 or topk.")] = "int4",
    rule: Annotated[str, typer.Option(help="mean, trimmed, median or krum.")] = "mean",
    hostile: Annotated[int, typer.Option(min=0, help="Results of a round that may be false, for the rule.")] = 0,
    param: Annotated[Pairs, typer.Option("-p", "--param", help="NAME=VALUE of the members' jobs.")] = None,
    outer: Annotated[Pairs, typer.Option("--outer", help="NAME=VALUE of the outer state.")] = None,
    price: Annotated[int, typer.Option(min=1, help="Most for a million tokens, in base units.")] = 1_000_000,
    round_s: Annotated[int, typer.Option(min=5, help="Seconds after which a round goes on without the slow.")] = 3_600,
    quorum: Annotated[int, typer.Option(min=1, max=MEMBERS_MAX, help="Fewest results that a round goes on with.")] = 1,
    regions: Annotated[Pairs, typer.Option(help="Countries of a member, once for each: de,fr.")] = None,
    early: Annotated[
        bool, typer.Option("--early", help="Count results before their verdict: the rule bears it.")
    ] = False,
    seal: Seal = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    to: Annotated[Path | None, typer.Option(help="The file to write (default: result, in the folder).")] = None,
) -> None:
    """Train a model in rounds: each member's steps are a job, and so is the outer step. Ctrl-C loses nothing."""
    course = {"model": model, "rule": rule, "hostile": hostile} | dict(map(read_param, outer or []))
    member = {"inner_steps": inner_steps, "compress": compress} | dict(map(read_param, param or []))
    terms: dict[str, Any] = {"rounds": rounds, "round_s": round_s, "price": price, "quorum": quorum, "early": early}
    plan = None if resume else Plan(**terms, seal=seal, course=course, member=member)
    change = Change(data, members, shard or [], leave or [], [each.split(",") for each in regions or []])
    output.run(context, lambda out: work(out, folder, plan, change, to or folder / "result"))


class Change(NamedTuple):
    """Who joins, with texts of their own or parts of one, where they may run, and who leaves."""

    data: Path | None
    members: int
    shards: list[str]
    leave: list[int]
    regions: list[list[str]]

    def texts(self) -> list[bytes | str]:
        """The text of each who joins, or its digest. Raises Refused: job.bad_params."""
        parts = cut(read_text(self.data), self.members) if self.data else []
        own = [shard if DIGEST.fullmatch(shard) else read_text(Path(shard)) for shard in self.shards]
        return [*parts, *own]


async def work(out: Output, folder: Path, plan: Plan | None, change: Change, target: Path) -> None:
    """Begin a run, or take it up; keep its rounds to their end and write down what they came to."""
    texts = change.texts()
    with Journal[AnyFact](folder) as journal, Board(out) as board:
        check_begun(journal, plan, texts)
        async with Assay.connect(Profile.find(out.profile)) as assay:
            if plan:
                journal.write(plan)
            keeper = Keeper(assay, journal, now_ms, board.tell)
            board.begin(keeper.run)
            await alter(keeper, assay, texts, change)
            await finish(keeper, assay, target, out)


def check_begun(journal: Journal[AnyFact], plan: Plan | None, texts: list[bytes | str]) -> None:
    """Raise BadSettings for a run that is begun twice, Refused for one that has nothing to begin with."""
    if plan is None:
        return
    if journal.read():
        raise BadInput(f"There is a run in {journal.path.parent} already: take it up with --resume, or name another.")
    if not (plan.course["model"] and texts):
        raise Refused("job.bad_params", "A run needs --model and a text by --data or --shard.")


async def alter(keeper: Keeper, assay: Assay, texts: list[bytes | str], change: Change) -> None:
    """Let members join and leave before the next round opens. Raises Refused for one who is not in, or cannot be.

    Texts go into a sealed run sealed; what has a digest lies in the network as whoever added it wanted.
    """
    is_sealed = keeper.run.sealed or keeper.run.plan.seal
    for member in change.leave:
        if member not in keeper.run.members:
            raise Refused("job.bad_params", f"leave: {member} is not a member.")
        keeper.note(Left(member=member))
    for place, text in enumerate(texts):
        where = tuple(change.regions[place % len(change.regions)]) if change.regions else ()
        if isinstance(text, bytes):
            text = await (assay.upload_sealed(text, where) if is_sealed else assay.upload(text))
        await keeper.join(text, where)


async def finish(keeper: Keeper, assay: Assay, target: Path, out: Output) -> None:
    """Keep the rounds to their end and write down what they came to."""
    run = await kept(keeper, "train", out)
    assert run.result is not None
    body = await write_down(assay, run, run.result, target)
    out.show(body | {"scores_ppm": run.scores}, lambda: summary(run, target, body["paid"]))


def read_text(path: Path) -> bytes:
    """The bytes of a file. Raises Refused: job.bad_params."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused("job.bad_params", f"{path} cannot be read: {error.strerror}.") from None
