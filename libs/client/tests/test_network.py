"""What the list of providers says of their capacity."""

from assay.client.commands.events import shown_of


def test_what_was_measured_stands_beside_what_is_claimed() -> None:
    found = {"provider": "p", "measured": {"units_per_s": 580, "block": 7, "claimed": 9_000}}
    assert shown_of(found) == {"claimed": 9_000, "measured": 580}


def test_a_newcomer_was_not_measured_yet() -> None:
    assert shown_of({"provider": "p", "measured": None}) == {"measured": "not yet"}
