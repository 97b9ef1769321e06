// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Elementwise} from "./Elementwise.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {Openings} from "./Openings.sol";
import {Operations} from "./Operations.sol";
import {SoftFloat} from "./SoftFloat.sol";

/// @title How far each primitive reaches, and what an element of its output is
library Primitives {
    using Openings for Openings.Tensor;

    uint256 private constant LONG = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant SIDE_MAX = 1 << 31;
    uint256 private constant GATHERED_MAX = 9;
    /// @dev So many elements of a row, whole chunks, are a part of it.
    uint256 private constant PART = 512;

    /// @dev The word at `row` and `column` of the output, from openings of its operands.
    function evaluate(IJudge.Case calldata what, uint256 row, uint256 column, IJudge.Opening[] calldata openings)
        internal
        pure
        returns (uint256)
    {
        Operations.Op op = _checked(what);
        if (op == Operations.Op.DOT) return _dot(what, row, column, openings);
        if (op == Operations.Op.ROW_MAX || op == Operations.Op.ROW_EXPONENT) return _row(what, op, row, openings);
        if (op >= Operations.Op.DOT_PARTS) return _parts(what, op, column, openings);
        if (op == Operations.Op.SUM_AT) return _sumAt(what, row, column, openings);
        if (op == Operations.Op.GATHER) return _gather(what, row, column, openings);
        if (op == Operations.Op.LAYOUT) return _layout(what, row, column, openings);
        if (openings.length != what.roots.length) revert Openings.BadOpening();
        uint256 a = _same(what, 0, row, column, openings[0]);
        if (what.roots.length == 1) return Elementwise.unary(op, a, what.parameters);
        uint256 b = _same(what, 1, row, column, openings[1]);
        if (op != Operations.Op.SELECT) return Elementwise.binary(op, a, b, what.parameters);
        uint256 c = _same(what, 2, row, column, openings[2]);
        return a != 0 ? b : c;
    }

    function _checked(IJudge.Case calldata what) private pure returns (Operations.Op op) {
        if (what.op == 0 || what.op > uint8(type(Operations.Op).max)) revert Operations.BadOperation();
        op = Operations.Op(what.op);
        (uint256 least, uint256 parameters) = Operations.takes(op);
        uint256 most = op == Operations.Op.GATHER ? GATHERED_MAX : least;
        uint256 count = what.roots.length;
        if (count < least || count > most || what.sides.length != 2 * count) revert Operations.BadOperation();
        if (what.parameters.length != parameters) revert Operations.BadOperation();
        _checkSides(what.rows, what.columns);
        for (uint256 i = 0; i < count; ++i) {
            _checkSides(what.sides[2 * i], what.sides[2 * i + 1]);
        }
    }

    function _checkSides(uint256 rows, uint256 columns) private pure {
        if (rows == 0 || columns == 0 || rows >= SIDE_MAX || columns >= SIDE_MAX) revert Operations.BadOperation();
    }

    function _input(IJudge.Case calldata what, uint256 number) private pure returns (Openings.Tensor memory) {
        uint256 width = what.op == uint8(Operations.Op.DESCALE) && number == 0 ? 8 : 4;
        return Openings.Tensor(what.roots[number], what.sides[2 * number], what.sides[2 * number + 1], width);
    }

    /// @dev The element at the same place of an input; one that is smaller than the output repeats.
    function _same(
        IJudge.Case calldata what,
        uint256 number,
        uint256 row,
        uint256 column,
        IJudge.Opening calldata opening
    ) private pure returns (uint256) {
        Openings.Tensor memory input = _input(what, number);
        bool isWhole = what.rows % input.rows == 0 && what.columns % input.columns == 0;
        if (!isWhole) revert Operations.BadOperation();
        return input.element(row % input.rows, column % input.columns, opening);
    }

    function _dot(IJudge.Case calldata what, uint256 row, uint256 column, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        (Openings.Tensor memory left, Openings.Tensor memory right) = (_input(what, 0), _input(what, 1));
        int64 batches = what.parameters[0];
        if (batches <= 0 || what.rows % uint64(batches) != 0) revert Operations.BadOperation();
        if (left.rows != what.rows || right.rows != uint64(batches) * uint256(what.columns)) revert Operations.BadOperation();
        if (left.columns != right.columns || openings.length != 2) revert Operations.BadOperation();
        uint256 batch = row / (what.rows / uint64(batches));
        uint256[] memory a = left.rowWords(row, openings[0]);
        uint256[] memory b = right.rowWords(batch * what.columns + column, openings[1]);
        return _product(a, b);
    }

    /// @dev The sum over products of signed words, modulo 2**64.
    function _product(uint256[] memory a, uint256[] memory b) private pure returns (uint256 sum) {
        assembly ("memory-safe") {
            let end := shl(5, add(mload(a), 1))
            for { let i := 32 } lt(i, end) { i := add(i, 32) } {
                sum := add(sum, mul(signextend(3, mload(add(a, i))), signextend(3, mload(add(b, i)))))
            }
            sum := and(sum, LONG)
        }
    }

    function _row(IJudge.Case calldata what, Operations.Op op, uint256 row, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        Openings.Tensor memory input = _input(what, 0);
        if (input.rows != what.rows || what.columns != 1 || openings.length != 1) revert Operations.BadOperation();
        return _largest(op == Operations.Op.ROW_EXPONENT, input.rowWords(row, openings[0]));
    }

    /// @dev The sum of products, the largest or the exponent of one part of the rows that the parameters name: which
    /// part, the column says, for the output is one row of all.
    function _parts(IJudge.Case calldata what, Operations.Op op, uint256 column, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        if (openings.length != what.roots.length) revert Openings.BadOpening();
        uint256[] memory a = _part(what, 0, column, openings[0]);
        if (op != Operations.Op.DOT_PARTS) return _largest(op == Operations.Op.EXPONENT_PARTS, a);
        if (what.sides[1] != what.sides[3]) revert Operations.BadOperation();
        return _product(a, _part(what, 1, column, openings[1]));
    }

    function _part(IJudge.Case calldata what, uint256 number, uint256 part, IJudge.Opening calldata opening)
        private
        pure
        returns (uint256[] memory)
    {
        Openings.Tensor memory input = _input(what, number);
        int64 row = what.parameters[number];
        if (row < 0 || uint64(row) >= input.rows) revert Operations.BadOperation();
        if (what.rows != 1 || what.columns != (input.columns + PART - 1) / PART) revert Operations.BadOperation();
        uint256 end = (part + 1) * PART;
        return input.words(uint64(row), part * PART, end < input.columns ? end : input.columns, opening);
    }

    /// @dev The largest of some elements, or the scale of the largest size.
    function _largest(bool isScale, uint256[] memory words) private pure returns (uint256 largest) {
        if (isScale) {
            for (uint256 i = 0; i < words.length; ++i) {
                if (words[i] & SoftFloat.SIZE > largest) largest = words[i] & SoftFloat.SIZE;
            }
            return SoftFloat.scaleOf(largest);
        }
        largest = words[0];
        for (uint256 i = 0; i < words.length; ++i) {
            largest = SoftFloat.max(largest, words[i]);
        }
    }

    /// @dev The sum, over all rows that the index names `row`, of the elements in this column, modulo 2**64.
    function _sumAt(IJudge.Case calldata what, uint256 row, uint256 column, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256 sum)
    {
        (Openings.Tensor memory names, Openings.Tensor memory values) = (_input(what, 0), _input(what, 1));
        if (names.rows != 1 || values.rows != names.columns || values.columns != what.columns) revert Operations.BadOperation();
        if (openings.length == 0) revert Openings.BadOpening();
        uint256[] memory index = names.rowWords(0, openings[0]);
        uint256 used = 1;
        for (uint256 i = 0; i < index.length; ++i) {
            if (index[i] != row) continue;
            if (used == openings.length) revert Openings.BadOpening();
            int256 value = Elementwise.signed(values.element(i, column, openings[used++]));
            unchecked {
                sum = (sum + uint256(value)) & LONG;
            }
        }
        if (used != openings.length) revert Openings.BadOpening();
    }

    /// @dev The element that the index counts to over all further inputs end to end; zero for -1.
    function _gather(IJudge.Case calldata what, uint256 row, uint256 column, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        if (openings.length == 0) revert Openings.BadOpening();
        int256 named = Elementwise.signed(_same(what, 0, row, column, openings[0]));
        if (openings.length != (named == -1 ? 1 : 2)) revert Openings.BadOpening();
        if (named == -1) return 0;
        if (named < 0) revert Operations.BadOperation();
        uint256 index = uint256(named);
        for (uint256 i = 1; i < what.roots.length; ++i) {
            Openings.Tensor memory input = _input(what, i);
            uint256 size = input.rows * input.columns;
            if (index < size) return input.element(index / input.columns, index % input.columns, openings[1]);
            index -= size;
        }
        revert Operations.BadOperation();
    }

    /// @dev The element whose place follows from an offset and a (size, stride) of each side, the innermost first.
    function _layout(IJudge.Case calldata what, uint256 row, uint256 column, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        Openings.Tensor memory input = _input(what, 0);
        if (openings.length != 1) revert Openings.BadOpening();
        int256 place = int256(row * what.columns + column);
        int256 index = what.parameters[0];
        for (uint256 i = 1; i < Operations.MAP_PARAMETERS; i += 2) {
            int256 size = what.parameters[i];
            if (size < 2) continue;
            index += (place % size) * what.parameters[i + 1];
            place /= size;
        }
        if (index < 0 || uint256(index) >= input.rows * input.columns) revert Operations.BadOperation();
        return input.element(uint256(index) / input.columns, uint256(index) % input.columns, openings[0]);
    }
}
