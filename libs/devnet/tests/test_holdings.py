"""What one person holds is what stands in the row of all."""

from assay.chain import wallet
from assay.chain.memory import MemoryChain
from assay.devnet.holdings import held_by, holdings, totals
from assay.proof.keys import Key

ADMIN, ANN, BOB, OPERATOR = (Key.from_hex(f"{number:064x}") for number in range(1, 5))
PEOPLE = {"ann": ANN.address, "bob": BOB.address}
SUMS = {ANN.address.lower(): (0, 30), BOB.address.lower(): (20, 0)}


async def test_what_one_person_holds_is_the_row_of_its_own_and_all_rows_are_all_there_is() -> None:
    chain = MemoryChain(ADMIN.address, OPERATOR.address, OPERATOR.address)
    await wallet.mint_stable(chain, ADMIN, ANN.address, 500)
    await wallet.deposit(chain, ANN, 100)
    await wallet.mint_native(chain, ADMIN, BOB.address, 70)
    rows = await holdings(chain, PEOPLE, OPERATOR.address, SUMS)
    for name, address in PEOPLE.items():
        assert await held_by(chain, address, SUMS) == rows[name]
    assert rows["ann"] == {"stable": 400, "deposit": 70, "earned": 0, "native": 0, "stake": 0}
    assert (rows["bob"]["earned"], rows["bob"]["native"], rows["treasury"]["fees"]) == (20, 70, 10)
    assert totals(rows) == {"stable": 500, "native": 70}
