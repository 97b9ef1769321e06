"""What is agreed binds the operator in question: its place in the program, its inputs, the chunks of its output."""

from dataclasses import replace

import pytest

from assay.proof.court.holding import open_span
from assay.proof.court.judge import Opening
from assay.proof.court.leaf import Agreed, leaf_of
from assay.proof.court.machine import Tensor
from assay.proof.court.moves import Found
from assay.proof.court.operations import Operation
from assay.proof.court.primitives import Op
from assay.proof.court.program import Operator, Place, Program, Source
from assay.proof.court.trace import EMPTY
from assay.proof.court.tree import HASH_BYTES, Shape, chunk_hashes, hash_leaf, prove, root_of_list, told, top_of
from assay.schema.errors import Refused

STEP, NUMBER = 1, 3
STATE, TRACE, DATA = ([bytes([kind, at]) * 16 for at in range(count)] for kind, count in ((1, 2), (2, 3), (3, 12)))
SOUND = Operator(Operation(Op.ADD, 4, 4, ((4, 4), (4, 4))), (Source(Place.STATE), Source(Place.STATE, 1)))
BROKEN = Operator(Operation(Op.ADD, 4, 4, ((4, 4),)), (Source(Place.STATE),))
OTHER = Operator(Operation(Op.SUB, 4, 4, ((4, 4), (4, 4))), SOUND.sources)
OPERATORS = (SOUND, BROKEN, OTHER, SOUND)
CONSTANT = Source(Place.CONSTANT, root=bytes([9]) * 32)


def path_in(entries, index):
    return prove([hash_leaf(entry) for entry in entries], index, index + 1)


@pytest.fixture(scope="module")
def agreed(make_court):
    """The second step of four with three slots of data each, before operator 3."""
    program = Program(OPERATORS, (Source(Place.TRACE), Source(Place.STATE, 1)))
    sizes = {"segments": 2, "steps": 2, "operators": 4, "slots": 2, "data_slots": 3}
    record = replace(make_court("true", 5).terms.record, program=program.root, data=root_of_list(DATA), **sizes)
    return Agreed(record, STEP, root_of_list(STATE), NUMBER, root_of_list(TRACE)), program


def refuses(code, check, *arguments):
    with pytest.raises(Refused) as caught:
        check(*arguments)
    assert caught.value.code == code


def test_every_source_is_found_in_its_own_list_at_its_own_place(agreed):
    at, _ = agreed
    lists = {Place.STATE: (STATE, 0, 2), Place.TRACE: (TRACE, 0, 3), Place.DATA: (DATA, 3 * STEP, 3)}
    for place, (entries, first, count) in lists.items():
        for index in range(count):
            found = Found(entries[first + index], path_in(entries, first + index))
            at.check_found(Source(place, index), found)
            refuses("court.bad_opening", at.check_found, Source(place, (index + 1) % count), found)
        for index in (-1, count):
            near = min(max(first + index, 0), len(entries) - 1)
            found = Found(entries[near], path_in(entries, near))
            refuses("court.bad_opening", at.check_found, Source(place, index), found)
    at.check_found(CONSTANT, Found(CONSTANT.root))
    refuses("court.bad_opening", at.check_found, CONSTANT, Found(bytes(32)))
    refuses("court.bad_opening", at.check_found, CONSTANT, Found(CONSTANT.root, (bytes(32),)))


def test_an_operator_is_the_programs_own_of_shapes_that_fit_with_all_its_inputs(agreed):
    at, program = agreed
    inputs = [Found(entry, path_in(STATE, index)) for index, entry in enumerate(STATE)]
    here = [replace(at, number=number) for number in range(4)]
    paths = [path_in(program.entries, number) for number in range(4)]
    here[0].check_operator(SOUND, paths[0], inputs)
    here[3].check_operator(SOUND, paths[3], inputs)
    refuses("court.operation", here[1].check_operator, BROKEN, paths[1], inputs[:1])
    refuses("court.bad_opening", here[0].check_operator, SOUND, paths[0], inputs[:1])
    refuses("court.bad_opening", here[0].check_operator, SOUND, paths[0], inputs[::-1])
    refuses("court.bad_opening", here[1].check_operator, SOUND, paths[0], inputs)
    refuses("court.bad_opening", here[2].check_operator, SOUND, paths[2], inputs)


def test_the_output_extends_the_agreed_trace_and_no_other(agreed):
    first = replace(agreed[0], number=0, trace=EMPTY.root)
    output = bytes([7]) * 32
    first.check_extended((), output, root_of_list([output]))
    refuses("court.bad_opening", first.check_extended, (), output, root_of_list([output, output]))
    refuses("court.bad_opening", first.check_extended, (), bytes(32), root_of_list([output]))


WIDE = Tensor(Shape(2, 300, 4), bytes(range(240)) * 10)


def wide_leaf(agreed):
    wide = Operator(Operation(Op.NEG, 2, 300, ((2, 300),)), (Source(Place.STATE),))
    return leaf_of(agreed[0], wide, (bytes(32),), WIDE.root)


def test_a_chunk_is_whole_and_of_the_output(agreed):
    leaf = wide_leaf(agreed)
    for chunk in range(6):
        opening = open_span(WIDE, chunk, chunk + 1)
        leaf.check_chunk(WIDE.root, chunk, opening)
        for other in (chunk - 1, chunk + 1):
            refuses("court.bad_opening", leaf.check_chunk, WIDE.root, other, opening)
        cut = Opening(opening.data[:-4], opening.path)
        refuses("court.bad_opening", leaf.check_chunk, WIDE.root, chunk, cut)
    hashes = chunk_hashes(WIDE.shape, WIDE.data)
    assert leaf.descent.size == 6 and leaf.is_top(top_of(hashes)) and not leaf.is_top(top_of(hashes[::-1]))


def test_the_first_element_that_differs_is_named_by_its_place_in_the_whole(agreed):
    chunks = [open_span(WIDE, chunk, chunk + 1).data for chunk in range(6)]
    places = {(0, 0): 0, (0, 127): 127, (1, 5): 133, (2, 43): 299, (3, 0): 300, (5, 43): 599}
    for (chunk, index), place in places.items():
        leaf, mine = replace(wide_leaf(agreed), chunk=chunk), chunks[chunk]
        theirs = bytearray(mine)
        theirs[4 * index + 3] ^= 1
        theirs[-1] ^= 1 if index < len(mine) // 4 - 1 else 0
        words = tuple(int.from_bytes(each[4 * index : 4 * index + 4], "little") for each in (mine, theirs))
        assert leaf.first_difference(mine, bytes(theirs)) == (place, words)
        assert leaf.first_difference(mine, mine) is None


def test_a_slot_of_a_state_is_a_root(agreed):
    leaf = replace(leaf_of(agreed[0], None, (), told(root_of_list(STATE))), chunk=1)
    assert leaf.width == HASH_BYTES
    root = root_of_list(STATE)
    leaf.check_chunk(root, 1, Opening(STATE[1], path_in(STATE, 1)))
    refuses("court.bad_opening", leaf.check_chunk, root, 0, Opening(STATE[1], path_in(STATE, 1)))
    refuses("court.bad_opening", leaf.check_chunk, root, 1, Opening(STATE[1][:31], path_in(STATE, 1)))
    assert leaf.descent.size == 2 and leaf.is_top(top_of([hash_leaf(entry) for entry in STATE]))
    assert not leaf.is_top(top_of([hash_leaf(entry) for entry in STATE[:1]]))
    place, _ = leaf.first_difference(STATE[1], bytes(32))
    assert place == 1
