"""A contest round by round: what is sealed in time counts, and nothing else does."""

import json

import pytest

from assay.proof.keys import Key
from assay.workloads.contest.standings import Standings
from assay.workloads.contest.statements import Opened, Round, seal, write
from assay.workloads.contest.workload import Contest
from assay.workloads.contest.yuma import WHOLE
from assay.workloads.errors import BadCheckpoint, BadData, BadParams
from assay.workloads.models import ModelStore
from assay.workloads.registry import read_params, workload
from assay.workloads.workload import HeldInputs, ignore_progress

CONTRACT = "0x" + "11" * 20
GOOD, BAD, JUDGE = (Key.from_hex(f"{number:064x}") for number in (1, 2, 3))
STAKES = {JUDGE.address: 10**18}
PREDICTED = [
    Opened(by=GOOD.address, role="model", salt="0a" * 32, answers=[900_000, 100_000]),
    Opened(by=BAD.address, role="model", salt="0b" * 32, answers=[500_000, 500_000]),
]
WEIGHED = [Opened(by=JUDGE.address, role="validator", salt="0c" * 32, weights={GOOD.address: 3, BAD.address: 1})]
KEYS = {key.address: key for key in (GOOD, BAD, JUDGE)}


@pytest.fixture
def hall(tmp_path):
    return Hall(HeldInputs(ModelStore(tmp_path), {}))


class Hall:
    """Files by digest, and the rounds that were played with them."""

    def __init__(self, inputs):
        self.inputs = inputs

    def keep(self, raw):
        digest = f"{len(self.inputs.contents):064x}"
        self.inputs.contents[digest] = raw
        return digest

    def play(self, **given):
        work = workload("contest")
        params = read_params("contest", {"contest": "rain", "chain_id": 1, "contract": CONTRACT, **given})
        before = work.start(params, self.inputs)
        closed = work.run(params, self.inputs, before, 0, ignore_progress)
        assert closed.state_digest == work.digest(closed.state) != work.digest(before)
        return work.result(params, closed.state)

    def seals(self, number, opened):
        place = Round(contest="rain", number=number, chain_id=1, contract=CONTRACT)
        return [seal(each, KEYS[each.by], place) for each in opened]

    def begin(self, seals):
        """The first round binds the seals; what comes is the file of it and the digest of the standings."""
        sealed = self.keep(write(seals))
        return sealed, self.keep(self.play(next_sealed=sealed))


def test_models_answer_validators_weigh_and_the_prize_is_shared_out(hall):
    sealed, previous = hall.begin(hall.seals(2, PREDICTED))
    judged = hall.keep(write(hall.seals(3, WEIGHED)))
    second = hall.play(previous=previous, sealed=sealed, opened=hall.keep(write(PREDICTED)), next_sealed=judged)
    assert Standings.read(second).entered == tuple(sorted((GOOD.address, BAD.address)))
    third = hall.play(previous=hall.keep(second), sealed=judged, opened=hall.keep(write(WEIGHED)), stakes=STAKES)
    shares = Standings.read(third)
    assert shares.incentives == {GOOD.address: 3 * WHOLE // 4, BAD.address: WHOLE // 4}
    assert shares.dividends == {JUDGE.address: WHOLE} and shares.number == 3


def test_seals_that_were_not_bound_by_the_round_before_are_refused(hall):
    _, previous = hall.begin(hall.seals(2, PREDICTED))
    late = hall.keep(write(hall.seals(2, PREDICTED[:1])))
    with pytest.raises(BadData, match="bound"):
        hall.play(previous=previous, sealed=late, opened=hall.keep(write(PREDICTED)))


@pytest.mark.parametrize(
    "change",
    [{"answers": [900_001, 100_000]}, {"salt": "0d" * 32}, {"role": "validator"}, {"by": BAD.address}],
    ids=["answers", "salt", "role", "speaker"],
)
def test_what_is_opened_otherwise_than_sealed_does_not_count(hall, change):
    sealed, previous = hall.begin(hall.seals(2, PREDICTED[:1]))
    opened = hall.keep(write([PREDICTED[0].model_copy(update=change)]))
    assert Standings.read(hall.play(previous=previous, sealed=sealed, opened=opened)).entered == ()


def test_a_seal_of_another_round_or_of_another_key_does_not_count(hall):
    stolen = hall.seals(2, PREDICTED)[0].model_copy(update={"by": JUDGE.address})
    sealed, previous = hall.begin([*hall.seals(3, PREDICTED[:1]), stolen])
    opened = hall.keep(write([PREDICTED[0], PREDICTED[0].model_copy(update={"by": JUDGE.address})]))
    assert Standings.read(hall.play(previous=previous, sealed=sealed, opened=opened)).entered == ()


def test_who_seals_twice_has_no_say(hall):
    twice = PREDICTED[0].model_copy(update={"salt": "0e" * 32})
    sealed, previous = hall.begin(hall.seals(2, [PREDICTED[0], twice, twice]))
    opened = hall.keep(write([PREDICTED[0], twice]))
    assert Standings.read(hall.play(previous=previous, sealed=sealed, opened=opened)).entered == ()


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"[" * 5_000, b"\xff", b"[]" + b" " * (17 << 20)])
def test_a_file_that_is_no_list_of_statements_is_bad_data(hall, raw):
    sealed, previous = hall.begin(hall.seals(2, PREDICTED))
    with pytest.raises(BadData):
        hall.play(previous=previous, sealed=sealed, opened=hall.keep(raw))


@pytest.mark.parametrize("given", [{}, {"previous": "00" * 32}, {"next_sealed": "x"}])
def test_half_a_round_is_refused(hall, given):
    with pytest.raises(BadParams):
        hall.play(**given)


def test_standings_have_one_form(hall):
    raw = hall.play(next_sealed="00" * 32)
    for other in (raw + b" ", json.dumps(json.loads(raw)).encode(), b"null"):
        with pytest.raises(BadCheckpoint):
            Contest().digest(other)
