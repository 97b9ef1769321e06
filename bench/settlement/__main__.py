"""Settlement alone: its memory over so many jobs, or its lag at a rate: `python -m bench.settlement --jobs 1000000`."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench.settlement.lag import feed, warm
from bench.settlement.memory import hold, unseen
from bench.settlement.progress import Progress
from bench.settlement.service import settlement


async def main(jobs: int | None, rate: int | None, replicas: int) -> None:
    """Print what the process holds and what a job takes, or how a rate is kept up with."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        async with settlement(Path(folder), replicas) as running:
            await warm(running)
            watch = Progress(jobs).show if jobs else unseen
            found = await feed(running, rate) if rate else await hold(running, jobs, watch)
            for name, value in found.figures().items():
                print(f"{name:<34} {value:>12,.4g}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.settlement", description=__doc__)
    parser.add_argument("--jobs", type=int, help="How many; without it, as many as go in 45 seconds.")
    parser.add_argument("--rate", type=int, help="So many jobs a second are fed, and their lag is measured instead.")
    parser.add_argument("--replicas", type=int, default=1, help="So many processes of the service.")
    asked = parser.parse_args()
    asyncio.run(main(asked.jobs, asked.rate, asked.replicas))
