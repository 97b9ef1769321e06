// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "./interfaces/IJudge.sol";
import {Openings} from "./Openings.sol";
import {SoftFloat} from "./SoftFloat.sol";

/// @title The closed table of primitives: what each takes, how far it reaches, what an element of its output is
library Primitives {
    using Openings for Openings.Tensor;

    /// @notice No such primitive, or inputs and parameters that do not fit it.
    error BadOperation();

    /// @dev The numbers are part of what the parties sign. NATIVE is judged by a committee, not here.
    enum Op {
        NATIVE,
        ADD,
        SUB,
        MUL,
        DIV,
        SQRT,
        NEG,
        MAX,
        ROW_MAX,
        COMPARE,
        SELECT,
        ROUND_INT,
        POW2,
        ROW_EXPONENT,
        QUANTISE,
        DOT,
        DESCALE,
        SUM_AT,
        IADD,
        ISUB,
        MUL_HI,
        MUL_LO,
        XOR,
        SHIFT_RIGHT,
        GATHER,
        LAYOUT,
        DOT_PARTS,
        MAX_PARTS,
        EXPONENT_PARTS
    }

    uint256 private constant WORD = 0xFFFFFFFF;
    uint256 private constant LONG = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant SIDE_MAX = 1 << 31;
    uint256 private constant GATHERED_MAX = 9;
    uint256 private constant MAP_PARAMETERS = 13;
    /// @dev So many elements of a row, whole chunks, are a part of it.
    uint256 private constant PART = 512;

    /// @dev The word at `row` and `column` of the output, from openings of its operands.
    function evaluate(IJudge.Case calldata what, uint256 row, uint256 column, IJudge.Opening[] calldata openings)
        internal
        pure
        returns (uint256)
    {
        Op op = _checked(what);
        if (op == Op.DOT) return _dot(what, row, column, openings);
        if (op == Op.ROW_MAX || op == Op.ROW_EXPONENT) return _row(what, op, row, openings);
        if (op >= Op.DOT_PARTS) return _parts(what, op, column, openings);
        if (op == Op.SUM_AT) return _sumAt(what, row, column, openings);
        if (op == Op.GATHER) return _gather(what, row, column, openings);
        if (op == Op.LAYOUT) return _layout(what, row, column, openings);
        if (openings.length != what.roots.length) revert Openings.BadOpening();
        uint256 a = _same(what, 0, row, column, openings[0]);
        if (what.roots.length == 1) return _unary(op, a, what.parameters);
        uint256 b = _same(what, 1, row, column, openings[1]);
        if (op != Op.SELECT) return _binary(op, a, b, what.parameters);
        uint256 c = _same(what, 2, row, column, openings[2]);
        return a != 0 ? b : c;
    }

    /// @dev How wide an element of the output is, in bytes.
    function widthOf(uint8 op) internal pure returns (uint256) {
        return op == uint8(Op.DOT) || op == uint8(Op.SUM_AT) || op == uint8(Op.DOT_PARTS) ? 8 : 4;
    }

    function _checked(IJudge.Case calldata what) private pure returns (Op op) {
        if (what.op == 0 || what.op > uint8(type(Op).max)) revert BadOperation();
        op = Op(what.op);
        (uint256 least, uint256 parameters) = _takes(op);
        uint256 most = op == Op.GATHER ? GATHERED_MAX : least;
        uint256 count = what.roots.length;
        if (count < least || count > most || what.sides.length != 2 * count) revert BadOperation();
        if (what.parameters.length != parameters) revert BadOperation();
        _checkSides(what.rows, what.columns);
        for (uint256 i = 0; i < count; ++i) {
            _checkSides(what.sides[2 * i], what.sides[2 * i + 1]);
        }
    }

    function _checkSides(uint256 rows, uint256 columns) private pure {
        if (rows == 0 || columns == 0 || rows >= SIDE_MAX || columns >= SIDE_MAX) revert BadOperation();
    }

    /// @dev How many inputs and parameters a primitive has; GATHER may have more inputs.
    function _takes(Op op) private pure returns (uint256 inputs, uint256 parameters) {
        if (op == Op.SELECT) return (3, 0);
        if (op == Op.LAYOUT) return (1, MAP_PARAMETERS);
        if (op == Op.DOT_PARTS) return (2, 2);
        if (op == Op.SHIFT_RIGHT || op > Op.DOT_PARTS) return (1, 1);
        if (op == Op.COMPARE || op == Op.DOT) return (2, 1);
        bool isUnary = op == Op.SQRT || op == Op.NEG || op == Op.ROUND_INT || op == Op.POW2;
        return (isUnary || op == Op.ROW_MAX || op == Op.ROW_EXPONENT ? 1 : 2, 0);
    }

    function _input(IJudge.Case calldata what, uint256 number) private pure returns (Openings.Tensor memory) {
        uint256 width = what.op == uint8(Op.DESCALE) && number == 0 ? 8 : 4;
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
        if (what.rows % input.rows != 0 || what.columns % input.columns != 0) revert BadOperation();
        return input.element(row % input.rows, column % input.columns, opening);
    }

    function _unary(Op op, uint256 a, int64[] calldata parameters) private pure returns (uint256) {
        if (op == Op.SQRT) return SoftFloat.sqrt(a);
        if (op == Op.NEG) return SoftFloat.neg(a);
        if (op == Op.ROUND_INT) return SoftFloat.roundInt(a);
        if (op == Op.POW2) return SoftFloat.descale(1, -_signed(a));
        int64 places = parameters[0];
        return places < 0 ? 0 : a >> uint64(places);
    }

    function _binary(Op op, uint256 a, uint256 b, int64[] calldata parameters) private pure returns (uint256) {
        if (op == Op.ADD) return SoftFloat.add(a, b);
        if (op == Op.SUB) return SoftFloat.sub(a, b);
        if (op == Op.MUL) return SoftFloat.mul(a, b);
        if (op == Op.DIV) return SoftFloat.div(a, b);
        if (op == Op.MAX) return SoftFloat.max(a, b);
        if (op == Op.COMPARE) return _compare(parameters[0], a, b) ? 1 : 0;
        if (op == Op.QUANTISE) return SoftFloat.quantise(a, _signed(b));
        if (op == Op.DESCALE) return SoftFloat.descale(int64(uint64(a)), _signed(b));
        if (op == Op.IADD) return (a + b) & WORD;
        if (op == Op.ISUB) return (a + (1 << 32) - b) & WORD;
        if (op == Op.MUL_HI) return (a * b) >> 32;
        if (op == Op.MUL_LO) return (a * b) & WORD;
        return a ^ b;
    }

    /// @dev Less, at most, greater, at least, equal, unequal.
    function _compare(int64 relation, uint256 a, uint256 b) private pure returns (bool) {
        if (relation < 0 || relation > 5) revert BadOperation();
        if (relation >= 4) return SoftFloat.isEqual(a, b) == (relation == 4);
        if (relation >= 2) (a, b) = (b, a);
        return SoftFloat.isLess(a, b) || (relation & 1 == 1 && SoftFloat.isEqual(a, b));
    }

    function _dot(IJudge.Case calldata what, uint256 row, uint256 column, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        (Openings.Tensor memory left, Openings.Tensor memory right) = (_input(what, 0), _input(what, 1));
        int64 batches = what.parameters[0];
        if (batches <= 0 || what.rows % uint64(batches) != 0) revert BadOperation();
        if (left.rows != what.rows || right.rows != uint64(batches) * uint256(what.columns)) revert BadOperation();
        if (left.columns != right.columns || openings.length != 2) revert BadOperation();
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

    function _row(IJudge.Case calldata what, Op op, uint256 row, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        Openings.Tensor memory input = _input(what, 0);
        if (input.rows != what.rows || what.columns != 1 || openings.length != 1) revert BadOperation();
        return _largest(op == Op.ROW_EXPONENT, input.rowWords(row, openings[0]));
    }

    /// @dev The sum of products, the largest or the exponent of one part of the rows that the parameters name: which
    /// part, the column says, for the output is one row of all.
    function _parts(IJudge.Case calldata what, Op op, uint256 column, IJudge.Opening[] calldata openings)
        private
        pure
        returns (uint256)
    {
        if (openings.length != what.roots.length) revert Openings.BadOpening();
        uint256[] memory a = _part(what, 0, column, openings[0]);
        if (op != Op.DOT_PARTS) return _largest(op == Op.EXPONENT_PARTS, a);
        if (what.sides[1] != what.sides[3]) revert BadOperation();
        return _product(a, _part(what, 1, column, openings[1]));
    }

    function _part(IJudge.Case calldata what, uint256 number, uint256 part, IJudge.Opening calldata opening)
        private
        pure
        returns (uint256[] memory)
    {
        Openings.Tensor memory input = _input(what, number);
        int64 row = what.parameters[number];
        if (row < 0 || uint64(row) >= input.rows) revert BadOperation();
        if (what.rows != 1 || what.columns != (input.columns + PART - 1) / PART) revert BadOperation();
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
        if (names.rows != 1 || values.rows != names.columns || values.columns != what.columns) revert BadOperation();
        if (openings.length == 0) revert Openings.BadOpening();
        uint256[] memory index = names.rowWords(0, openings[0]);
        uint256 used = 1;
        for (uint256 i = 0; i < index.length; ++i) {
            if (index[i] != row) continue;
            if (used == openings.length) revert Openings.BadOpening();
            int256 value = _signed(values.element(i, column, openings[used++]));
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
        int256 named = _signed(_same(what, 0, row, column, openings[0]));
        if (openings.length != (named == -1 ? 1 : 2)) revert Openings.BadOpening();
        if (named == -1) return 0;
        if (named < 0) revert BadOperation();
        uint256 index = uint256(named);
        for (uint256 i = 1; i < what.roots.length; ++i) {
            Openings.Tensor memory input = _input(what, i);
            uint256 size = input.rows * input.columns;
            if (index < size) return input.element(index / input.columns, index % input.columns, openings[1]);
            index -= size;
        }
        revert BadOperation();
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
        for (uint256 i = 1; i < MAP_PARAMETERS; i += 2) {
            int256 size = what.parameters[i];
            if (size < 2) continue;
            index += (place % size) * what.parameters[i + 1];
            place /= size;
        }
        if (index < 0 || uint256(index) >= input.rows * input.columns) revert BadOperation();
        return input.element(uint256(index) / input.columns, uint256(index) % input.columns, openings[0]);
    }

    function _signed(uint256 word) private pure returns (int256) {
        return int32(uint32(word));
    }
}
