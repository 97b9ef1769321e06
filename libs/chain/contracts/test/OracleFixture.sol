// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MedianOracle} from "../src/MedianOracle.sol";
import {IFeed} from "../src/interfaces/IPriceOracle.sol";
import {Feed} from "./Feed.sol";
import {vm} from "./Vm.sol";

/// @notice Three feeds of 8 decimals and the oracle over them, by the figures of AEP-76.
abstract contract OracleFixture {
    Feed[3] internal feeds;
    MedianOracle internal oracle;

    function makeOracle() internal {
        IFeed[] memory list = new IFeed[](3);
        for (uint256 i = 0; i < 3; ++i) {
            feeds[i] = new Feed(8);
            list[i] = feeds[i];
        }
        oracle = new MedianOracle(list, 30, 15_000);
    }

    /// @dev All feeds say so many cents now.
    function say(uint256 cents) internal {
        for (uint256 i = 0; i < 3; ++i) {
            feeds[i].say(int256(cents * 1e6), block.timestamp);
        }
    }

    /// @dev So many minutes at a price, noted every five.
    function stay(uint256 cents, uint256 minutes_) internal {
        for (uint256 i = 0; i <= minutes_; i += 5) {
            say(cents);
            oracle.poke();
            if (i < minutes_) vm.warp(block.timestamp + 5 minutes);
        }
        say(cents);
    }
}
