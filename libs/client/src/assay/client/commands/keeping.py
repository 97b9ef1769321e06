"""The end of every command that keeps a run: its turns, or Ctrl-C; then the file that it came to, and what it cost."""

import asyncio
from pathlib import Path
from typing import Any, TypeVar

from assay.client.output import Output
from assay.client.rounds.keeping import Keeping, Sealable
from assay.client.sdk import Assay

R = TypeVar("R", bound=Sealable)


async def kept(keeper: Keeping[R, Any], command: str, out: Output) -> R:
    """The run at its end; whoever stops it before is told how it goes on."""
    try:
        return await keeper.keep()
    except asyncio.CancelledError:
        out.say(f"The jobs go on; so does the run with `assay {command} {keeper.journal.path.parent} --resume`.")
        raise


async def write_down(assay: Assay, run: Any, digest: str, target: Path) -> dict[str, Any]:
    """The facts of a run that has ended, once what it came to is in the file."""
    await assay.save(digest, target, run.sealed.seal if run.sealed else None)
    paid = sum([(await assay.job(order.job_id)).paid for order in run.orders])
    return {"result": target, "digest": digest, "rounds": run.round, "jobs": len(run.orders), "paid": paid}
