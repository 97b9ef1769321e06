"""One process of the axis, in a loop as it serves in: `python -m bench.streaming direct|worker|door FOLDER NAME`."""

import asyncio
import sys
from pathlib import Path

from assay.client.serving.server import loop_factory
from bench.streaming.sides import SIDES

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(SIDES[sys.argv[1]](Path(sys.argv[2]), sys.argv[3]))
