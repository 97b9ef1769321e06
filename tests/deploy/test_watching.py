"""What the alerts and the dashboard ask for is what the services measure, and what the operator's guide says."""

import json
import re

import yaml
from tests.architecture.guides import prose
from tests.architecture.sources import ROOT

from assay.schema import REGISTRY

GUIDE = ROOT / "docs" / "guides" / "operate.md"
GROUPS = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PANELS = json.loads((ROOT / "deploy/dashboard.json").read_text())["panels"]
ASKED = [*(rule["expr"] for rule in RULES), *(target["expr"] for panel in PANELS for target in panel["targets"])]
ADDED = {"le", "job"}
"""Labels that Prometheus adds by itself."""


def measured() -> dict[str, set[str]]:
    """The metrics of the guide, each with its labels."""
    rows = re.findall(r"^\| `(assay_\w+)` \| (.*?) ?\|", prose(GUIDE), re.MULTILINE)
    return {name: set(labels.split(", ")) - {""} for name, labels in rows}


def test_only_what_is_measured_is_asked_for_by_labels_that_it_has() -> None:
    known = measured()
    for asked in ASKED:
        names = {name.removesuffix("_bucket") for name in re.findall(r"\bassay_\w+", asked)}
        assert names and names <= set(known), asked
        labels = {label for group in re.findall(r"by \((.*?)\)", asked) for label in group.split(", ")}
        labels |= set(re.findall(r"[{,]\s*(\w+)=", asked))
        assert labels <= ADDED.union(*(known[name] for name in names)), asked
        assert set(re.findall(r'event="([\w.]+)"', asked)) <= set(REGISTRY), asked


def test_every_alert_of_a_metric_is_in_the_guide_and_says_what_is_wrong() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["annotations"]["summary"] and rule["labels"]["severity"] in ("page", "ticket")
        (first, *_) = re.findall(r"\bassay_\w+", rule["expr"])
        assert first in prose(GUIDE).partition("Alert on what follows")[2], rule["alert"]
