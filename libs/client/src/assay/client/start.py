"""Where the `assay` command begins: the rest takes a while to load, and Ctrl-C ends that in a sentence too."""

import sys

STOPPED = 130


def main() -> None:
    """Run the command line."""
    try:
        from assay.client.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped by Ctrl-C.\n")
        sys.exit(STOPPED)
