"""The vectors that the contract is held to are those of the generator, and the court's own floats agree with them."""

import importlib.util
from pathlib import Path

from assay.proof.court import integers, softfloat

GENERATOR = Path(__file__).parents[1] / "contracts/tools/vectors.py"
OPERATIONS = {
    1: softfloat.add,
    2: softfloat.subtract,
    3: softfloat.multiply,
    4: softfloat.divide,
    5: lambda a, _: softfloat.root(a),
    6: lambda a, _: softfloat.negate(a),
    7: softfloat.greater,
    11: lambda a, _: integers.round_int(a),
    14: integers.quantise,
    16: integers.descale,
}


def test_the_file_is_what_the_generator_writes_and_the_twin_agrees():
    spec = importlib.util.spec_from_file_location("vectors", GENERATOR)
    vectors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vectors)
    content = vectors.TARGET.read_bytes()
    assert vectors.write() == content, "run contracts/tools/vectors.py"
    assert len(content) > 5000 * 17
    for at in range(0, len(content), 17):
        number, a, b, result = (
            int.from_bytes(content[at + start : at + end], "big") for start, end in ((0, 1), (1, 9), (9, 13), (13, 17))
        )
        assert OPERATIONS[number](a, b) == result, (number, a, b)
