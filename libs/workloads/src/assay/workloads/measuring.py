"""The tasks of a child that measure it. Numbers are loaded with the first: most children of a test never need them."""

from collections.abc import Callable

from assay.workloads.task import Finished, Measure, Measured, Recompute, Said


def measure(task: Measure, say: Callable[[Said], None]) -> Finished:
    """Say how far the machine came in the window."""
    from assay.workloads import challenge

    rounds, marks = challenge.measure(bytes.fromhex(task.seed), task.rows, task.window_ms)
    say(Measured(rounds=rounds, marks=marks))
    return Finished()


def recompute(task: Recompute, say: Callable[[Said], None]) -> Finished:
    """Say what the rows come to."""
    from assay.workloads import challenge

    say(Measured(rounds=task.rounds, marks=challenge.recompute(bytes.fromhex(task.seed), task.rows, task.rounds)))
    return Finished()
