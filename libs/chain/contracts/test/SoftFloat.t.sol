// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SoftFloat} from "../src/SoftFloat.sol";
import {same, vm} from "./Vm.sol";

/// @notice Floats agree bit for bit with a processor's, on what tools/vectors.py wrote, and with themselves.
contract SoftFloatTest {
    uint256 private constant RECORD = 17;

    error Wrong(uint256 op, uint256 a, uint256 b, uint256 got, uint256 wanted);

    function test_every_vector_of_the_processor() public view {
        bytes memory vectors = vm.readFileBinary("test/vectors/softfloat.bin");
        same(vectors.length % RECORD, 0);
        if (vectors.length < 5000 * RECORD) revert("too few vectors");
        for (uint256 from = 0; from < vectors.length; from += RECORD) {
            uint256 word;
            assembly ("memory-safe") {
                word := shr(120, mload(add(add(vectors, 32), from)))
            }
            (uint256 op, uint256 a, uint256 b) = (word >> 128, uint64(word >> 64), uint32(word >> 32));
            uint256 got = apply_(op, a, b);
            if (got != uint32(word)) revert Wrong(op, a, b, got, uint32(word));
        }
    }

    function testFuzz_adding_commutes(uint32 a, uint32 b) public pure {
        same(SoftFloat.add(a, b), SoftFloat.add(b, a));
        same(SoftFloat.mul(a, b), SoftFloat.mul(b, a));
        same(SoftFloat.max(a, b), SoftFloat.max(b, a));
    }

    function testFuzz_what_is_added_can_be_taken_away_if_nothing_was_rounded(uint16 a, uint16 b) public pure {
        (a, b) = (a & 0xFFF, b & 0xFFF);
        (uint256 x, uint256 y) = (SoftFloat.descale(int256(uint256(a)), 0), SoftFloat.descale(int256(uint256(b)), 0));
        same(SoftFloat.sub(SoftFloat.add(x, y), y), x);
        if (b != 0) same(SoftFloat.div(SoftFloat.mul(x, y), y), x);
        same(SoftFloat.sqrt(SoftFloat.mul(x, x)), x);
    }

    function testFuzz_comparison_is_one_of_three(uint32 a, uint32 b) public pure {
        uint256 count = (SoftFloat.isLess(a, b) ? 1 : 0) + (SoftFloat.isLess(b, a) ? 1 : 0)
            + (SoftFloat.isEqual(a, b) ? 1 : 0);
        same(count, SoftFloat.isNan(a) || SoftFloat.isNan(b) ? 0 : 1);
    }

    function test_zeros_are_equal_and_neither_is_less() public pure {
        same(SoftFloat.isEqual(0, 0x80000000) ? 1 : 0, 1);
        same(SoftFloat.isLess(0x80000000, 0) ? 1 : 0, 0);
        same(SoftFloat.max(0x80000000, 0x80000000), 0);
    }

    function test_the_scale_of_a_row_is_held_within_its_bounds() public pure {
        same(SoftFloat.scaleOf(0), 21 + 105);
        same(SoftFloat.scaleOf(0x00000001), 21 + 105);
        same(SoftFloat.scaleOf(0x3F800000), 20);
        same(SoftFloat.scaleOf(0x3F7FFFFF), 21);
        same(SoftFloat.scaleOf(0x7F7FFFFF), 0xFFFFFFFF - 106);
        same(SoftFloat.scaleOf(0x7FC00000), 0xFFFFFFFF - 106);
    }

    function apply_(uint256 op, uint256 a, uint256 b) private pure returns (uint256) {
        if (op == 1) return SoftFloat.add(a, b);
        if (op == 2) return SoftFloat.sub(a, b);
        if (op == 3) return SoftFloat.mul(a, b);
        if (op == 4) return SoftFloat.div(a, b);
        if (op == 5) return SoftFloat.sqrt(a);
        if (op == 6) return SoftFloat.neg(a);
        if (op == 7) return SoftFloat.max(a, b);
        if (op == 11) return SoftFloat.roundInt(a);
        if (op == 14) return SoftFloat.quantise(a, int32(uint32(b)));
        return SoftFloat.descale(int64(uint64(a)), int32(uint32(b)));
    }
}
