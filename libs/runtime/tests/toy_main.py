"""The toy as a process of its own: `python -m libs.runtime.tests.toy_main MIGRATIONS [crash]`."""

import sys
from pathlib import Path

from libs.runtime.tests.toy import HANDLERS, Ports, no_fault

from assay.runtime import Context, Service, ServiceSettings, run
from assay.schema.errors import Refused
from assay.schema.job import JobMatched, JobStarted
from assay.schema.lease import LeaseGranted
from assay.schema.values import Role


class Settings(ServiceSettings, env_prefix="ASSAY_MATCHING_"):
    """The toy's settings."""


async def answer_jobs(ctx: Context, body: dict[str, object]) -> dict[str, object]:
    """How many jobs there are."""
    if body.get("secret"):
        raise Refused("access.denied", "No secrets.")
    async with ctx.unit() as unit:
        return {"jobs": await unit.tx.fetchval("select count(*) from job")}


async def crash(ctx: Context) -> None:
    """A task with a bug."""
    raise ZeroDivisionError("the bug")


def main() -> None:
    """Runs the toy."""
    service = Service(
        role=Role.MATCHING,
        handlers=HANDLERS,
        migrations=Path(sys.argv[1]),
        ports=lambda tx, ctx: Ports(tx, no_fault),
        publishes=(JobMatched, JobStarted, LeaseGranted),
        tasks=(crash,) if sys.argv[2:] == ["crash"] else (),
        questions={"jobs": answer_jobs},
    )
    run(service, Settings.read())


if __name__ == "__main__":
    main()
