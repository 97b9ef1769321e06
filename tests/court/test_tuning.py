"""A real LoRA fine-tuning step before the contract on an EVM node: a lie about an operator of it is found."""

from collections.abc import AsyncIterator

import pytest
from bench.court.chain import gas_of, judge_on
from bench.court.tuning import Tuning, hear_tuning, prepare

from assay.chain.client import ChainClient
from assay.chain.judge import judge_domain
from assay.proof.court.moves import Party
from assay.proof.court.primitives import Op
from assay.proof.keys import Key

pytestmark = pytest.mark.server
BYTES_MAX = 10_000
GAS_MAX = 1_000_000
KEY = Key.generate()


@pytest.fixture(scope="module")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    return prepare(tmp_path_factory.mktemp("tuning"))


@pytest.fixture(scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChainClient]:
    async with judge_on(tmp_path_factory.mktemp("chain"), KEY) as found:
        yield found


@pytest.mark.parametrize("op", [Op.DOT, Op.ROW_EXPONENT, Op.DESCALE, Op.MUL_LO, Op.SELECT, Op.DIV, Op.SUB], ids=str)
async def test_a_lie_about_one_operator_of_a_fine_tuning_step_is_judged_on_chain(
    tuning: Tuning, chain: ChainClient, op: Op
) -> None:
    heard = hear_tuning(tuning, op, judge_domain(chain.deployment))
    assert (heard.account.dispute.at_fault, heard.account.dispute.cause) == ({Party.WORKER}, "judged")
    leaf = heard.account.dispute.leaf
    assert leaf is not None and leaf.operator is not None and leaf.operator.operation.op is op
    assert await gas_of(chain, KEY, heard) <= GAS_MAX
    assert heard.account.move_bytes <= BYTES_MAX
