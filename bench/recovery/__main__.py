"""So many kills: `python -m bench.recovery 100`. The exit code is 1 if nobody went on after one."""

import asyncio
import sys

from bench.recovery.soak import soak


def main(kills: int) -> int:
    """The exit code; the result is printed."""
    result = asyncio.run(soak(kills, lambda line: print(line, flush=True)))
    print(result.table())
    print(result.json(), flush=True)
    return 0 if all(result.met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
