"""Calibrations: what honest work was seen to differ by, signed, and looked up without a guess."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.calibration import (
    CEILINGS,
    BadCalibration,
    Calibration,
    NoCalibration,
    calibrate_pair,
    find_tolerance,
    open_calibration,
    seal_calibration,
)
from assay.proof.dsse import seal_payload
from assay.proof.keys import Key

ONE, OTHER = "11" * 32, "22" * 32
KEY = Key.from_hex("42" * 32)
TRUSTED = frozenset({KEY.address})


def record(worst: float = 1e-5, dtype: str = "float32", now_ms: int = 1_000) -> Calibration:
    return calibrate_pair(ONE, OTHER, dtype, "finetune", [worst / 2, worst, 0.0], now_ms, 5_000)


def find(*records: Calibration, dtype: str = "float32", now_ms: int = 2_000) -> float:
    return find_tolerance(records, "finetune", OTHER, ONE, dtype, now_ms)


def test_a_tolerance_is_twenty_times_the_worst_honest_distance() -> None:
    assert find(record(1e-5)) == pytest.approx(2e-4)


@given(st.floats(min_value=0, max_value=CEILINGS["float32"] / 4))
def test_a_tolerance_is_wider_than_honest_work_and_narrower_than_a_cheat(worst: float) -> None:
    assert worst <= find(record(worst)) <= 3e-4


def test_between_machines_that_agree_to_the_bit_equality_is_asked() -> None:
    assert find(record(0.0)) == 0.0


def test_the_narrowest_of_several_measurements_counts() -> None:
    assert find(record(1e-5), record(1e-6)) == pytest.approx(2e-5)


def test_what_nobody_measured_has_no_tolerance() -> None:
    for records in ([], [record(now_ms=9_000)], [record(dtype="bfloat16")], [record(worst=1e-4)]):
        with pytest.raises(NoCalibration):
            find(*records)
    with pytest.raises(NoCalibration):
        find(record(), now_ms=6_000)
    with pytest.raises(NoCalibration):
        find(record(dtype="bfloat16"), dtype="bfloat16")
    with pytest.raises(NoCalibration):
        find_tolerance([record()], "noop", ONE, OTHER, "float32", 2_000)


@pytest.mark.parametrize("distances", [[], [1e-6] * 2, [1e-6, 1e-6, float("nan")], [1e-6, -1.0, 0.0]])
def test_too_few_distances_or_none_at_all_make_no_calibration(distances: list[float]) -> None:
    with pytest.raises(BadCalibration):
        calibrate_pair(ONE, OTHER, "float32", "finetune", distances, 0, 1)


def test_a_sealed_calibration_is_taken_from_those_who_are_trusted_and_nobody_else() -> None:
    sealed = seal_calibration(record(), KEY)
    assert open_calibration(sealed, TRUSTED) == record()
    for text, trusted in ((sealed, frozenset[str]()), (seal_calibration(record(), Key.generate()), TRUSTED)):
        with pytest.raises(BadCalibration):
            open_calibration(text, trusted)


@pytest.mark.parametrize("text", ["", "{}", "null", '{"payload":"e30="}', "\x00" * 100])
def test_what_is_no_sealed_calibration_is_refused(text: str) -> None:
    with pytest.raises(BadCalibration):
        open_calibration(text, TRUSTED)


def test_a_changed_byte_is_refused() -> None:
    with pytest.raises(BadCalibration):
        open_calibration(seal_payload(record().model_dump_json().encode() + b" x", KEY), TRUSTED)
    other = json.loads(seal_calibration(record(worst=2e-5), KEY))
    forged = json.loads(seal_calibration(record(), KEY)) | {"payload": other["payload"]}
    with pytest.raises(BadCalibration):
        open_calibration(json.dumps(forged, separators=(",", ":")), TRUSTED)
    swapped = record().model_dump(mode="json") | {"classes": [OTHER, ONE]}
    with pytest.raises(ValueError, match="order of their digests"):
        Calibration.model_validate(swapped)
