"""Many leaves of one Merkle-sum tree, proven at once: what their ways to the root share is shown once.

The nodes that lack stand level by level from the leaves up, each level's in the order of places: whoever knows which
leaves are shown knows where each belongs, so no place of a node is said.
"""

from collections.abc import Iterable, Mapping, Sequence

from assay.proof.merkle_sum import SUM_END, Leaf, Node, SumRoot, check_costs, crown, join, levels, tagged
from assay.schema.errors import Reject


class SumTree:
    """A tree with all of its nodes: what is proven from it costs as much as is shown. Raises Reject as `root` does."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        check_costs(leaves)
        if not leaves:
            raise Reject("A tree has at least one leaf.")
        self._levels = list(levels(leaves))
        self.size = len(leaves)
        self.root = crown(self.size, self._levels[-1][0])

    def prove(self, places: Iterable[int]) -> tuple[Node, ...]:
        """The nodes that lead from the leaves at these places to the root. Raises IndexError."""
        shown, lacking = set(places), list[Node]()
        if not shown or not all(0 <= place < self.size for place in shown):
            raise IndexError(f"not all of {sorted(shown)[:4]} are among {self.size} leaves")
        for level in self._levels[:-1]:
            lacking += [level[place] for place in siblings(shown, len(level))]
            shown = {place // 2 for place in shown}
        return tuple(lacking)


def siblings(shown: set[int], width: int) -> list[int]:
    """The places beside those that are shown, in order, that are not shown themselves, on a level so wide."""
    return sorted({place ^ 1 for place in shown if place ^ 1 < width} - shown)


def starts_of(
    root: SumRoot, size: int, leaves: Mapping[int, Leaf], lacking: Sequence[Node]
) -> Mapping[int, int] | None:
    """Where the range of each leaf begins on the line, if they stand at those very places; None if they do not."""
    costs = [*(cost for _, cost in leaves.values()), *(node.cost for node in lacking)]
    if not leaves or not all(0 <= place < size < SUM_END for place in leaves):
        return None
    if not all(0 <= cost < SUM_END for cost in costs) or sum(costs) >= SUM_END:
        return None
    climbed = climb(size, {place: tagged(*leaf) for place, leaf in leaves.items()}, lacking)
    if climbed is None or crown(size, climbed[-1][0]) != root:
        return None
    return {place: start_in(climbed, place) for place in leaves}


def climb(size: int, shown: dict[int, Node], lacking: Sequence[Node]) -> list[dict[int, Node]] | None:
    """The known nodes of each level up to the top; None if the nodes that lack are not as many as were needed."""
    left, width, found = list(reversed(lacking)), size, list[dict[int, Node]]()
    while width > 1:
        beside = siblings(set(shown), width)
        if len(beside) > len(left):
            return None
        known = shown | {place: left.pop() for place in beside}
        found.append(known)
        pairs = ((place // 2, node, known.get(place + 1)) for place, node in known.items() if place % 2 == 0)
        shown = {above: join(node, right) if right else node for above, node, right in pairs}
        width = (width + 1) // 2
    return None if left else [*found, shown]


def start_in(climbed: Sequence[Mapping[int, Node]], place: int) -> int:
    """What all leaves to the left of one cost, as the nodes beside its way say."""
    start = 0
    for level in climbed[:-1]:
        start += level[place - 1].cost if place % 2 else 0
        place //= 2
    return start
