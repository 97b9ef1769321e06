"""Runs the part by itself: `python -m bench.verification.honest [--segments N]`."""

import argparse

from bench.verification.honest import SAMPLE, run


def main() -> None:
    """Print the result of at least so many segments."""
    parser = argparse.ArgumentParser(prog="python -m bench.verification.honest")
    parser.add_argument("--segments", type=int, default=SAMPLE)
    result = run(parser.parse_args().segments)
    print(result.table())
    print(result.json(), flush=True)


if __name__ == "__main__":
    main()
