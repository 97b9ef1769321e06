"""What the axis `court` says where no EVM node is: what was not measured is not a nought."""

from types import SimpleNamespace
from typing import Any, cast

from bench.court.axis import compose, figures_of
from bench.court.tracing import Traced

from assay.proof.court.primitives import Op


def test_gas_that_was_not_measured_is_a_dash_and_no_number() -> None:
    account = SimpleNamespace(rounds=7, move_bytes=9, moves=3)
    heard = cast(Any, [SimpleNamespace(op=op, account=account, size_bytes=5, judging_s=1.0, clerk_s=1.0) for op in Op])
    tuning = cast(
        Any, SimpleNamespace(matter=SimpleNamespace(program=SimpleNamespace(operators=[1])), step_s=1.0, derived_s=1.0)
    )
    assert figures_of(tuning, heard, {})["tuning_gas"] is None
    result = compose(heard, {}, 1.0, cast(Traced, SimpleNamespace(over_step=2.0, operators=4)))
    assert result.figures["gas"] is None and "limit_over_gas" not in result.ratios
    (line,) = [line for line in result.table().splitlines() if line.split()[-2:-1] == ["gas"]]
    assert line.endswith(" -")
