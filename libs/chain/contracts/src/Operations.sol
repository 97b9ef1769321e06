// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The closed table of primitives: their numbers, what each takes, and how wide its output is
library Operations {
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

    /// @dev An offset, and a size and a stride of each of six sides.
    uint256 internal constant MAP_PARAMETERS = 13;

    /// @dev How wide an element of the output is, in bytes.
    function widthOf(uint8 op) internal pure returns (uint256) {
        return op == uint8(Op.DOT) || op == uint8(Op.SUM_AT) || op == uint8(Op.DOT_PARTS) ? 8 : 4;
    }

    /// @dev How many inputs and parameters a primitive has; GATHER may have more inputs.
    function takes(Op op) internal pure returns (uint256 inputs, uint256 parameters) {
        if (op == Op.SELECT) return (3, 0);
        if (op == Op.LAYOUT) return (1, MAP_PARAMETERS);
        if (op == Op.DOT_PARTS) return (2, 2);
        if (op == Op.SHIFT_RIGHT || op > Op.DOT_PARTS) return (1, 1);
        if (op == Op.COMPARE || op == Op.DOT) return (2, 1);
        bool isUnary = op == Op.SQRT || op == Op.NEG || op == Op.ROUND_INT || op == Op.POW2;
        return (isUnary || op == Op.ROW_MAX || op == Op.ROW_EXPONENT ? 1 : 2, 0);
    }
}
