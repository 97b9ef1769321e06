"""One process of the axis: `python -m bench.streaming direct|worker|door FOLDER NAME`."""

import asyncio
import sys
from pathlib import Path

from bench.streaming.sides import SIDES

if __name__ == "__main__":
    asyncio.run(SIDES[sys.argv[1]](Path(sys.argv[2]), sys.argv[3]))
