"""Jobs: submit, list, show, explain, watch, cancel, fetch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Group
from rich.text import Text

from assay.client import output
from assay.client.asked import read_asked
from assay.client.commands.ordering import DEFAULTS, Haste, Kind, Method, Params, Replicas, Seal, Segments, Spares
from assay.client.output import Output
from assay.client.picture import write_picture
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.view import JobView
from assay.client.watching import curve_of, watch
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.values import JobId, Requirements

ID: Final = TypeAdapter(JobId)


def job_id_of(text: str) -> str:
    """A job's id as it is typed. Raises BadParameter, which says where ids are found."""
    try:
        return ID.validate_python(text)
    except ValidationError:
        raise typer.BadParameter(f"{text!r} is no job's id (j and 26 letters or digits): see `assay jobs`.") from None


JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", callback=job_id_of)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in COMMANDS.items():
        app.command(name)(command)


def submit(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A JSON file: {kind, params, files, price_limit, ...}.")] = None,
    kind: Kind = None,
    param: Params = None,
    input_file: Annotated[list[str] | None, typer.Option("--input", help="NAME=FILE or NAME=URL, uploaded.")] = None,
    price_limit: Annotated[int | None, typer.Option(help="Most to pay, in base units of the stable token.")] = None,
    deadline_s: Annotated[int | None, typer.Option(help="Seconds until the job is given up (default 3600).")] = None,
    regions: Annotated[str | None, typer.Option(help="Countries it may run in, e.g. de,fr.")] = None,
    audit_segments: Segments = None,
    method: Method = None,
    replicas: Replicas = None,
    spares: Spares = None,
    haste: Haste = None,
    seal: Seal = None,
    watch_it: Annotated[bool, typer.Option("--watch", help="Stay until the job has ended.")] = False,
) -> None:
    """Submit a job from FILE or from options; prints its id."""
    order = {"price_limit": price_limit, "deadline_s": deadline_s, "regions": regions.split(",") if regions else None}
    policy = {"audit_segments": audit_segments, "method": method, "replicas": replicas, "spares": spares}
    options = order | policy | {"kind": kind, "haste": haste, "seal": seal}

    async def work(out: Output) -> None:
        asked = read_asked(file, param or [], input_file or [], options, DEFAULTS)
        async with Assay.connect(Profile.find(out.profile)) as assay:
            await warn_of_deposit(assay, asked.price_limit, out)
            job_id = await assay.submit(
                asked.kind,
                asked.params,
                files=asked.files,
                **{name: getattr(asked, name) for name in ("price_limit", "deadline_s", "policy", "seal")},
                requirements=Requirements(regions=asked.regions),
            )
            out.show({"job_id": job_id}, lambda: job_id)
            if watch_it:
                end_by(await watch(assay, job_id, out))

    output.run(context, work)


async def warn_of_deposit(assay: Assay, price_limit: int, out: Output) -> None:
    """Say that the price limit is more than is free, where that can be seen: the money may still be on its way."""
    try:
        free = (await assay.door.ask("balances", {}))["deposit"]
    except (Refused, Retry, Unreachable):
        return
    if price_limit > free:
        out.warn(
            f"The price limit is {output.stable(price_limit)} and {output.stable(free)} of your deposit is free: "
            "the job waits a while for the rest (`assay wallet deposit`), and is then given up."
        )


def end_by(view: JobView) -> None:
    """End the command with the exit code of how a job that was watched has ended."""
    if view.state != "settled":
        raise typer.Exit(output.REFUSED)


def jobs(context: typer.Context) -> None:
    """List your jobs, newest first."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            found = await assay.jobs()
            rows = [(j.job_id, j.kind, j.state, f"{j.committed}/{j.segments}", output.stable(j.paid)) for j in found]
            out.show(found, lambda: output.table("jobs", ("job", "kind", "state", "segments", "paid"), rows))

    output.run(context, work)


def job(
    context: typer.Context,
    job_id: JobArgument,
    watch_it: Annotated[bool, typer.Option("--watch", help="Stay until the job has ended.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Write the loss as a PNG; needs the extra `plot`.")] = None,
) -> None:
    """Show one job: state, leases, verdicts, payments, times."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            if watch_it:
                await watch(assay, job_id, out)
            view = await assay.job(job_id)
            if plot:
                write_picture(await curve_of(assay, job_id), f"{view.kind} {job_id}", plot)
            out.show(view, lambda: draw_job(view))
            if watch_it:
                end_by(view)

    output.run(context, work)


def why(context: typer.Context, job_id: JobArgument) -> None:
    """Say why a job is where it is, and what to do next."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            answer = await assay.why(job_id)
            out.show(answer, lambda: f"{answer['state']}: {answer['why']}\n{answer.get('next', '')}")

    output.run(context, work)


def cancel(context: typer.Context, job_id: JobArgument) -> None:
    """Stop a job: what is done and verified is paid, the rest comes back."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            await assay.cancel(job_id)
            out.show({"job_id": job_id, "cancel": "asked"}, lambda: "asked; see it end with `assay job ID --watch`")

    output.run(context, work)


def fetch(
    context: typer.Context,
    job_id: JobArgument,
    to: Annotated[Path | None, typer.Option(help="The file to write.")] = None,
) -> None:
    """Download a job's result, and its receipt if there is one."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            result = await assay.fetch(job_id, to or Path(f"{job_id}.result"))
            view = await assay.job(job_id)
            receipt = await assay.receipt(job_id, receipt_beside(result)) if view.receipt else None
            written = [path for path in (result, receipt) if path]
            out.show({"result": result, "receipt": receipt}, lambda: "\n".join(map(str, written)))

    output.run(context, work)


def receipt_beside(result: Path) -> Path:
    """Where the receipt of a result goes, another for each name: `with_suffix` would take `v1` of `model.v1` off."""
    return result.with_name(f"{result.name}.receipt.json")


COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "submit": submit,
    "jobs": jobs,
    "job": job,
    "why": why,
    "cancel": cancel,
    "fetch": fetch,
}


def draw_job(view: JobView) -> Group:
    """A job for people."""
    done = f"{view.committed}/{view.segments} segments"
    head = Text.assemble(f"{view.job_id}  {view.kind}  ", (view.state, "bold"), f"  {done}")
    audits = f", ordered audits {output.stable(view.audited)}" if view.audited else ""
    money = f"limit {output.stable(view.price_limit)}, paid {output.stable(view.paid)}{audits}, gas {view.gas}"
    warm = [f"kept warm by {provider}" for provider in view.spares.values()]
    leases = [
        (
            *(lease.lease_id[:10], lease.provider[:10], lease.fence, lease.state, lease.segments),
            *(lease.vouched or "", output.stable(lease.paid)),
        )
        for lease in view.leases
    ]
    steps = [(output.clock(s.time_ms), s.event, s.actor[:10], s.about[:10]) for s in view.timeline]
    return Group(
        head,
        money,
        *warm,
        output.table("leases", ("lease", "provider", "fence", "state", "segments", "vouched", "paid"), leases),
        output.table("what happened", ("time", "event", "said by", "about"), steps),
    )
