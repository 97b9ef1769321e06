"""The check of a receipt in words: what each kind of check means, what it found, and the lineage as a tree."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from assay.client import output
from assay.client.clean import clean
from assay.proof.provenance_graph import FOLLOWS, Edge, Graph
from assay.proof.receipt import receipt_digest
from assay.proof.report import Report
from assay.proof.report_reading import Check

MEANING: Final = {
    "form": "it can be read in one way only",
    "seal": "the operator signed these very bytes",
    "signature": "each statement was signed by who it speaks for",
    "terms": "the requester ordered this work, and no other, for at most this price",
    "subject": "it is about the result that the provider signed for",
    "statements": "all that a lease shows was said by its own provider",
    "chain": "each part, and each segment, follows from the one before it",
    "root": "one digest stands over all segments: none was added, left out or changed",
    "privacy": "what may be learned of a single record, as the data's holder counts it: nobody else can",
    "resume": "a later lease carried on where an earlier one was proven to be",
    "beacon": "the randomness came after the root was fixed, so nobody could know or choose what would be drawn",
    "seed": "the draw is this provider's own, from this root alone",
    "draw": "the audited segments are those that chance gave, not those that somebody chose",
    "audits": "every drawn segment has verifiers' answers",
    "segment": "a verifier who was drawn answered for it, and the verdict says the same",
    "accused": "what verifiers held against the provider is about this very claim",
    "moves": "whoever is wrong follows from what both parties signed, played again here",
    "ruling": "nothing was slashed before the dispute was over, and the verdict keeps to it",
    "findings": "the verdict says what the audits found",
    "payout": "a lease was paid what it earned and had passed for",
    "sum": "no money was made or lost",
    "provenance": "what went in is what the order names",
    "keys": "who could read what went in sealed, as the operator's holder of keys says",
    "place": "where bytes were changed after the receipt was sealed",
}
ALIKE_MAX: Final = 8
ENDS: Final = 3
OTHER: Final = "the parts fit each other"


def report_body(sealed: str, report: Report) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "passed": report.passed,
        "digest": receipt_digest(sealed) if report.passed else None,
        "places": [each.name.removeprefix("place: ") for each in report.faults if kind_of(each) == "place"],
        "checks": [
            {"name": c.name, "passed": c.passed, "meaning": meaning_of(c), "sentence": c.sentence}
            for c in report.checks
        ],
    }


def kind_of(check: Check) -> str:
    """What kind of check it is: what its name ends in, or begins with."""
    last = check.name.rpartition(": ")[2]
    first = check.name.partition(" ")[0].removesuffix(":")
    return next((word for word in (first, last, last.partition(" ")[0]) if word in MEANING), last)


def meaning_of(check: Check) -> str:
    """What a check means, in words."""
    return MEANING.get(kind_of(check), OTHER)


def draw_report(title: str, report: Report) -> Group:
    """The report for people: good checks of one kind on one line, each fault on its own."""
    kinds: dict[str, list[Check]] = {}
    for check in report.checks:
        kinds.setdefault(kind_of(check), []).append(check)
    rows = [row for kind, checks in kinds.items() for row in rows_of(kind, checks)]
    places = [each.name.removeprefix("place: ") for each in report.faults if kind_of(each) == "place"]
    where = f" Changed: {', '.join(places)}." if places else ""
    verdict = "The receipt holds." if report.passed else f"The receipt does NOT hold.{where}"
    return Group(output.table(title, ("", "check", "what it means", "what was found"), rows), verdict)


def rows_of(kind: str, checks: list[Check]) -> Iterator[tuple[str, str, str, str]]:
    """The rows of one kind of check."""
    good = [check for check in checks if check.passed]
    if good:
        count = f" ×{len(good)}" if len(good) > 1 else ""
        more = f" (and {len(good) - 1} more)" if len({check.sentence for check in good}) > 1 else ""
        yield "ok", kind + count, meaning_of(good[0]), good[0].sentence + more
    for check in checks:
        if not check.passed:
            yield "WRONG", check.name, meaning_of(check), check.sentence


def graph_body(graph: Graph) -> dict[str, Any]:
    """The lineage for scripts."""
    return {"nodes": [asdict(node) for node in graph.nodes], "edges": [asdict(edge) for edge in graph.edges]}


def draw_graph(graph: Graph) -> Tree:
    """The lineage for people: from the result down to what it stands on; what was shown already is named once more."""
    labels = {
        node.id: Text.assemble((clean(node.kind), "bold"), " ", clean(node.label.removeprefix(node.kind).lstrip()))
        for node in graph.nodes
    }
    first = graph.nodes[0].id
    tree, shown = Tree(labels[first]), {first}
    edges: dict[str, list[Edge]] = {}
    # Segments stand in their order under each lease; down their whole chain the picture would have no end.
    for each in (edge for edge in graph.edges if edge.relation != FOLLOWS):
        edges.setdefault(each.source, []).append(each)

    def grow(at: str, branch: Tree) -> None:
        for edge, left_out in few(edges.get(at, [])):
            if left_out:
                branch.add(Text.assemble((edge.relation, "dim"), f" … and {left_out:,} more"))
                continue
            is_new = edge.target not in shown
            above = "" if is_new else " (above)"
            twig = branch.add(Text.assemble((edge.relation, "dim"), " ", labels[edge.target], above))
            if is_new:
                shown.add(edge.target)
                grow(edge.target, twig)

    grow(first, tree)
    return tree


def few(edges: Sequence[Edge]) -> Iterator[tuple[Edge, int]]:
    """The edges, where of many alike only the first and the last are shown, and how many are left out between."""
    for _, group in groupby(edges, key=lambda edge: edge.relation):
        alike = list(group)
        cut = len(alike) - 2 * ENDS if len(alike) > ALIKE_MAX else 0
        yield from ((edge, 0) for edge in alike[: ENDS if cut else None])
        if cut:
            yield alike[ENDS], cut
            yield from ((edge, 0) for edge in alike[-ENDS:])
