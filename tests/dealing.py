"""Deals tests out where several processes run them: two of them have a network each, and the others the rest.

What happens on a network waits more than it works. So those who have one begin at once, go before all others, who work
at a lower priority, and end with it: an idle network would take time from the rest.
"""

import os
from collections import Counter
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

MARKET, TROUBLE = "market", "trouble"
LAST: Final = (
    "tests/faults/",
    *(f"tests/adversaries/test_{name}.py" for name in ("owners", "providers", "verifiers", "evading")),
)
"""What is killed, and the adversaries, would be in the way of others on their network."""
GROUPS: Final = {
    MARKET: ("tests/scenarios/", "tests/court/"),
    TROUBLE: ("tests/e2e/", "tests/integration/", *LAST),
    "architecture": ("tests/architecture/",),
}
"""What shares a network, or the syntax trees of all files. Every other file is a group of its own."""
APART: Final = (
    *("tests/e2e/test_demo.py", "tests/e2e/test_up.py", "tests/adversaries/test_capacity.py"),
    *("tests/court/test_tuning.py", "tests/integration/test_lines.py", "tests/integration/test_lightness.py"),
    *("tests/e2e/test_stake.py", "tests/e2e/test_amounts.py", "tests/court/test_axis.py"),
)
"""Files of those folders that start a network of their own, or need none: the longest first."""
NETWORKS: Final = (TROUBLE, MARKET)
LONGEST: Final = (
    *(*NETWORKS, *APART),
    "libs/workloads/tests/settings/test_settings.py",
    *("libs/chain/tests/test_agreement.py", "libs/chain/tests/test_agreement_payment.py"),
    *("libs/workloads/tests/zk/test_zk.py", "services/settlement/tests/test_node.py", "architecture"),
)
"""The groups for which others are not to wait in the end."""
RANKS: Final = {group: rank for rank, group in enumerate(LONGEST)}
SERVED: Final = "assay/served"
"""Where pytest's cache has the failed tests that need a real server."""
FAILED: Final[set[str]] = set()
SPENT: Final[Counter[str]] = Counter()
"""Seconds that the tests of each network have taken, one after the other; and those of all others."""
LOWER: Final = 5
"""The niceness of those who have no network: they get a third of the time of one who has."""


def group_of(nodeid: str) -> str:
    """The group of a test: one process runs all of it."""
    file = nodeid.partition("::")[0]
    return next((group for group, places in GROUPS.items() if file.startswith(places) and file not in APART), file)


def rank_of(nodeid: str) -> tuple[int, int]:
    """The place of a test in the order."""
    late = next((turn for turn, place in enumerate(LAST, 1) if nodeid.startswith(place)), 0)
    return RANKS.get(group_of(nodeid), len(LONGEST)), late


class ByNetwork(LoadScopeScheduling):  # type: ignore[misc]
    """Deals out groups in their order. Where others are left for the rest, whoever has a network gets nothing else."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        has_network = any(group in NETWORKS for group in self.assigned_work[node])
        if not has_network or len(self.registered_collections) <= len(NETWORKS):
            super()._reschedule(node)
        elif not node.shutting_down:
            node.shutdown()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByNetwork | None:
    """With `--dist loadgroup` tests are dealt out by these groups: xdist's own are lost with pytest 9.2."""
    if config.getvalue("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False
    return ByNetwork(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first."""
    items.sort(key=lambda item: rank_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leaves the names of failed tests of a server where the suite finds them."""
    if "PYTEST_XDIST_WORKER" not in os.environ and (cache := getattr(session.config, "cache", None)):
        cache.set(SERVED, sorted(FAILED))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remembers a failed test of a server, one that is marked so; and how long each took."""
    SPENT[group if (group := group_of(report.nodeid)) in NETWORKS else "no network shared"] += report.duration
    if report.failed and "server" in report.keywords:
        FAILED.add(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which network the suite waits for: no suite is shorter than the longer of the two."""
    if SPENT and config.getoption("dist", "no") == "loadgroup":
        spent = ", ".join(f"{group} {seconds:.0f} s" for group, seconds in SPENT.most_common())
        terminalreporter.write_line(f"tests in turn, of each network and of all others: {spent}")


def pytest_runtest_logstart(nodeid: str) -> None:
    """One of several processes gives way to those that have a network, unless it has one itself."""
    if "PYTEST_XDIST_WORKER" in os.environ and group_of(nodeid) not in NETWORKS:
        os.setpriority(os.PRIO_PROCESS, 0, max(LOWER, os.getpriority(os.PRIO_PROCESS, 0)))
