"""The memory of settlement alone, over as many jobs as are asked for: `python -m bench.settlement --jobs 1000000`."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench.settlement.lag import warm
from bench.settlement.memory import hold
from bench.settlement.service import settlement


async def main(most: int | None) -> None:
    """Print what the process holds, and what a job takes."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        async with settlement(Path(folder)) as running:
            await warm(running)
            for name, value in (await hold(running, most)).figures().items():
                print(f"{name:<34} {value:>12,.4g}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.settlement", description=__doc__)
    parser.add_argument("--jobs", type=int, help="How many; without it, as many as go in 45 seconds.")
    asyncio.run(main(parser.parse_args().jobs))
