"""Gas for each settled job, beside transfers and netted payments on the same node.

An epoch's gas is its root and a thirtieth of paying its providers, since what is owed is cumulative and paid once in
30 epochs. All balances and slots are in use before anything is measured, as they are in a market that runs.
"""

from typing import Final

from bench.result import Result
from bench.settlement.market import Cost, Market
from bench.settlement.node import Node
from bench.settlement.without import Netted, transfer_gas

# Jobs of an epoch, and how many providers did them.
SIZES: Final = ((1, 1), (100, 100), (10_000, 100))
EPOCHS_PER_PAYMENT: Final = 30
GAS_AIM: Final = 30
AIMS: Final = {
    "aimed_gas_over_gas_at_10000": 1.0,
    "netted_over_epoch_at_1": 1.0,
    "netted_over_epoch_at_100": 1.0,
    "netted_over_epoch_at_10000": 1.0,
}


def measure(node: Node) -> Result:
    """The gas on a node, in about a minute."""
    market = Market(node)
    market.epoch(100, 100)  # everyone has been paid before
    costs = {jobs: market.epoch(jobs, providers) for jobs, providers in SIZES}
    netted, transfer = Netted(market), transfer_gas(market)
    figures: dict[str, float] = {}
    peers: dict[str, dict[str, float]] = {"netted payments": {}}
    ratios: dict[str, float] = {}
    for jobs, providers in SIZES:
        each, peer = per_job(costs[jobs], jobs), netted.gas(providers) / jobs
        figures |= figures_of(costs[jobs], jobs, providers)
        peers["netted payments"][f"gas_a_job_at_{jobs}"] = peer
        ratios |= {f"netted_over_epoch_at_{jobs}": peer / each, f"transfer_over_epoch_at_{jobs}": transfer / each}
    figures["build_us_a_job_at_10000"] = costs[10_000].build_s / 10_000 * 1e6
    ratios["aimed_gas_over_gas_at_10000"] = GAS_AIM / per_job(costs[10_000], 10_000)
    peers |= {"transfer for each job": {"gas_a_job": transfer}}
    notes = (
        "an epoch pays each provider once in 30, the peers in every one; `each_claiming`: each by one of its own",
        "the root replaces one of 45 days before; in the first lap a new slot costs what `first_lap` adds",
    )
    return Result("settlement", figures, peers, ratios, AIMS, notes)


def per_job(cost: Cost, jobs: int) -> float:
    """The gas of a job: its share of the root, and of a thirtieth of paying everyone."""
    return (cost.post + cost.pay_all / EPOCHS_PER_PAYMENT) / jobs


def figures_of(cost: Cost, jobs: int, providers: int) -> dict[str, float]:
    """What an epoch of one size came to."""
    alone = cost.pay_one * providers / EPOCHS_PER_PAYMENT
    return {
        f"gas_a_job_at_{jobs}": per_job(cost, jobs),
        f"gas_a_job_each_claiming_at_{jobs}": (cost.post + alone) / jobs,
        f"gas_a_job_all_paid_each_time_at_{jobs}": (cost.post + cost.pay_all) / jobs,
        f"root_gas_at_{jobs}": cost.post,
        f"root_gas_first_lap_at_{jobs}": cost.post_first_lap,
        f"payment_gas_at_{jobs}": cost.pay_all / providers,
        f"claim_gas_at_{jobs}": cost.pay_one,
    }
