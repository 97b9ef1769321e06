// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Operations} from "./Operations.sol";
import {SoftFloat} from "./SoftFloat.sol";

/// @title What a primitive makes of the elements at one place of its inputs
library Elementwise {
    uint256 private constant WORD = 0xFFFFFFFF;

    function unary(Operations.Op op, uint256 a, int64[] calldata parameters) internal pure returns (uint256) {
        if (op == Operations.Op.SQRT) return SoftFloat.sqrt(a);
        if (op == Operations.Op.NEG) return SoftFloat.neg(a);
        if (op == Operations.Op.ROUND_INT) return SoftFloat.roundInt(a);
        if (op == Operations.Op.POW2) return SoftFloat.descale(1, -signed(a));
        int64 places = parameters[0];
        return places < 0 ? 0 : a >> uint64(places);
    }

    function binary(Operations.Op op, uint256 a, uint256 b, int64[] calldata parameters)
        internal
        pure
        returns (uint256)
    {
        if (op == Operations.Op.ADD) return SoftFloat.add(a, b);
        if (op == Operations.Op.SUB) return SoftFloat.sub(a, b);
        if (op == Operations.Op.MUL) return SoftFloat.mul(a, b);
        if (op == Operations.Op.DIV) return SoftFloat.div(a, b);
        if (op == Operations.Op.MAX) return SoftFloat.max(a, b);
        if (op == Operations.Op.COMPARE) return _compare(parameters[0], a, b) ? 1 : 0;
        if (op == Operations.Op.QUANTISE) return SoftFloat.quantise(a, signed(b));
        if (op == Operations.Op.DESCALE) return SoftFloat.descale(int64(uint64(a)), signed(b));
        if (op == Operations.Op.IADD) return (a + b) & WORD;
        if (op == Operations.Op.ISUB) return (a + (1 << 32) - b) & WORD;
        if (op == Operations.Op.MUL_HI) return (a * b) >> 32;
        if (op == Operations.Op.MUL_LO) return (a * b) & WORD;
        return a ^ b;
    }

    /// @dev Less, at most, greater, at least, equal, unequal.
    function _compare(int64 relation, uint256 a, uint256 b) private pure returns (bool) {
        if (relation < 0 || relation > 5) revert Operations.BadOperation();
        if (relation >= 4) return SoftFloat.isEqual(a, b) == (relation == 4);
        if (relation >= 2) (a, b) = (b, a);
        return SoftFloat.isLess(a, b) || (relation & 1 == 1 && SoftFloat.isEqual(a, b));
    }

    /// @dev A word as the signed number of 32 bits that it is.
    function signed(uint256 word) internal pure returns (int256) {
        return int32(uint32(word));
    }
}
