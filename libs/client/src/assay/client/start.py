"""Where the `assay` command begins: the rest takes a while to load, and Ctrl-C ends that in a sentence too."""

import io
import os
import sys
from contextlib import suppress

STOPPED = 130
UNWRITTEN = 2


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal has no letter for is a question mark there; it is no reason to print nothing.
            stream.reconfigure(errors="replace")
    try:
        from assay.client.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped by Ctrl-C.\n")
        sys.exit(STOPPED)
    except OSError as error:
        # All else is typed where it happens; this is a full disk, or another place that takes no print.
        give_up(error)


def give_up(error: OSError) -> None:
    """End the command, whose words cannot be written."""
    with suppress(OSError):
        sys.stderr.write(f"path.bad What is printed cannot be written: {error.strerror}.\n")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python tries once more as it ends
    sys.exit(UNWRITTEN)
