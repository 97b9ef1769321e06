"""serve: keep replicas of a model, and answer OpenAI's chat completions from them."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.client import output
from assay.client.asked import read_param
from assay.client.commands.ordering import Params
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import DEADLINE_S, Assay
from assay.schema.errors import Reject
from assay.schema.served import STEP_TOKENS

if TYPE_CHECKING:
    from assay.client.serving.fleet import Fleet

KEYS = "api.keys"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="The model's digest; its providers must have it.")],
    price_limit: Annotated[int, typer.Option(help="Most to pay for each replica's job, in base units.")],
    replicas: Annotated[int, typer.Option(help="Jobs that serve at a time.", min=1, max=64)] = 2,
    regions: Annotated[str | None, typer.Option(help="Countries, e.g. de,fr: a replica in each, in turn.")] = None,
    name: Annotated[str, typer.Option(help="What users call the model.")] = "assay",
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free one.")] = 8000,
    keys_file: Annotated[Path | None, typer.Option(help="API keys, one a line; made if it is not there.")] = None,
    segments: Annotated[int, typer.Option(help="Segments of each job.")] = 100,
    segment_requests: Annotated[int, typer.Option(help="Answers in a segment: what is committed and audited.")] = 8,
    step_tokens: Annotated[int, typer.Option(help="Tokens at stake between two vouchers.")] = STEP_TOKENS,
    max_tokens: Annotated[int, typer.Option(help="The longest answer.")] = 256,
    batch: Annotated[int, typer.Option(help="Answers that a replica writes at a time.")] = 4,
    threads: Annotated[int, typer.Option(help="Threads of a replica.")] = 2,
    param: Params = None,
    deadline_s: Annotated[int, typer.Option(help="Seconds for which each job is ordered.")] = DEADLINE_S,
) -> None:
    """Serve a model at /v1/chat/completions until Ctrl-C, which stops the jobs."""
    params: Any = {"model": model, "segments": segments, "segment_requests": segment_requests, "threads": threads}
    more = dict(map(read_param, param or []))
    params |= {"max_tokens": max_tokens, "batch": batch, "step_tokens": step_tokens} | more
    from assay.client.serving.http import Http
    from assay.client.serving.keeping import Terms
    from assay.client.serving.server import keeping, listening, loop_factory, read_keys

    async def work(out: Output) -> None:
        profile = Profile.find(out.profile)
        keys = keys_file or profile.creds_file.parent / KEYS
        async with AsyncExitStack() as stack:
            assay = await stack.enter_async_context(Assay.connect(profile))
            how = Terms(params, price_limit, deadline_s), replicas, named(regions)
            fleet = await stack.enter_async_context(keeping(assay, profile.nats_url, *how))
            door = listening(Http(fleet, name, max_tokens, read_keys(keys)), host, port)
            url = f"http://{host}:{await stack.enter_async_context(door)}/v1"
            out.show({"url": url, "keys": str(keys)}, lambda: f"{url}  (API keys: {keys})")
            await told_to_stop(fleet)

    output.run(context, work, loop_factory())


def named(regions: str | None) -> tuple[str, ...]:
    """The countries that are named."""
    return tuple(regions.split(",")) if regions else ()


class NoReplica(Reject):
    """The model is served by nobody: every job that was ordered for it ended before it answered."""

    code = "serve.failed"
    advice = "Mend what its reason names (`assay plan` says what a job needs), and serve it again."


async def told_to_stop(fleet: "Fleet") -> None:
    """Return at SIGINT or SIGTERM, once the fleet stops. Raises NoReplica if it can have none."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    waiting = [asyncio.create_task(event.wait()) for event in (told, fleet.failed)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    fleet.stop()
    if fleet.failed.is_set():
        raise NoReplica(fleet.replicas[0].failure)
