// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a parameter may be: a hard range in code that no vote goes beyond.
library Ranges {
    error OutOfRange(uint256 value, uint256 least, uint256 most);

    /// @notice Reverts unless `least` <= `value` <= `most`.
    function check(uint256 value, uint256 least, uint256 most) internal pure {
        if (value < least || value > most) revert OutOfRange(value, least, most);
    }
}
