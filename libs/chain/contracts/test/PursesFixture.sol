// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Purses} from "../src/Purses.sol";
import {IPurses} from "../src/interfaces/IPurses.sol";
import {BondFixture} from "./BondFixture.sol";

/// @notice A victim that answers no call.
contract Mute {
    fallback() external payable {
        revert();
    }
}

/// @notice The contracts of stake, with the purses beside them.
abstract contract PursesFixture is BondFixture {
    bytes32 internal constant ID = "accusation";
    Purses internal purses;

    function setUp() public virtual override {
        super.setUp();
        purses = new Purses(native, pool);
    }

    /// @dev The victims at these places, from 1 on, in their order.
    function listOf(uint128[] memory amounts) internal pure returns (IPurses.Loss[] memory losses) {
        losses = new IPurses.Loss[](amounts.length);
        for (uint256 i = 0; i < amounts.length; ++i) losses[i] = IPurses.Loss(victim(i), amounts[i]);
    }

    function victim(uint256 turn) internal pure returns (address) {
        return address(uint160(0x71c700 + turn));
    }

    function two(uint128 first, uint128 second) internal pure returns (IPurses.Loss[] memory losses) {
        uint128[] memory amounts = new uint128[](2);
        (amounts[0], amounts[1]) = (first, second);
        return listOf(amounts);
    }
}
