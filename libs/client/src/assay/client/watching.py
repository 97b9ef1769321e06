"""Following a job until it has ended: a progress bar over its segments, and a line for each event."""

from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from assay.client import output
from assay.client.output import Output
from assay.client.sdk import Assay
from assay.client.view import JobView
from assay.schema.event import Envelope, Event


async def watch(assay: Assay, job_id: str, out: Output) -> JobView:
    """The job once it has ended; meanwhile each event is printed. Raises Refused: job.unknown."""
    view = await assay.job(job_id)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out.console, disable=out.is_json, transient=True) as progress:
        bar = progress.add_task("segments", total=view.segments)
        async for said in assay.watch(job_id):
            if said.event.type == "lease.committed":
                progress.update(bar, completed=getattr(said.event, "segment", 0) + 1)
            out.show(line_of(said), lambda said=said: sentence_of(said))
    return await assay.job(job_id)


def line_of(said: Envelope[Event]) -> dict[str, Any]:
    """An event as a script reads it."""
    return {
        "id": said.id,
        "type": said.event.type,
        "source": said.source,
        "time_ms": said.time_ms,
        "data": said.event.model_dump(mode="json", exclude={"spec"}),
    }


def sentence_of(said: Envelope[Event]) -> str:
    """An event as a person reads it."""
    event = said.event
    names = ("segment", "reason", "reasons", "code", "outcome", "amount", "refunded")
    details = {name: getattr(event, name) for name in names if hasattr(event, name)}
    details |= {name: f"{value:.4g}" for name, value in (getattr(event, "metrics", None) or {}).items()}
    text = " ".join(f"{name}={value}" for name, value in details.items())
    return f"{output.clock(said.time_ms)} {event.type:<18} {said.source[:12]:<12} {text}"
