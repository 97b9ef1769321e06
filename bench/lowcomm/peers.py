"""Others who train by rounds, by the form of what they send: none of them is installed with the benchmarks.

hivemind's peers average whole weights, each sending its parts of the vector to those who average them and the averages
back: 2 (n - 1) / n times the weights in a round. Flower's clients send all weights to a server, and get them back.
"""

from bench.result import Figures

NOT_RUN = "not run: not installed"


def ways_of_others(weights: int, workers: int) -> dict[str, Figures]:
    """What a worker of each sends in a round of a model of so many float32 weights."""
    dense = 4.0 * weights
    return {
        "hivemind": {"measured": NOT_RUN, "bytes_a_round_by_its_form": 2 * (workers - 1) / workers * dense},
        "flower": {"measured": NOT_RUN, "bytes_a_round_by_its_form": dense},
    }
