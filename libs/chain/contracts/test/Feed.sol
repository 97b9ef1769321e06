// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFeed} from "../src/interfaces/IPriceOracle.sol";

/// @notice A feed that says what it is told, or fails, or says too much.
contract Feed is IFeed {
    enum Mood {
        FAIR,
        REVERTING,
        SHORT,
        BURNING
    }

    uint8 public immutable decimals;
    int256 private _answer;
    uint256 private _updatedAt;
    Mood private _mood;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function say(int256 answer, uint256 updatedAt) external {
        (_answer, _updatedAt) = (answer, updatedAt);
    }

    function turn(Mood mood) external {
        _mood = mood;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        if (_mood == Mood.REVERTING) revert("down");
        if (_mood == Mood.BURNING) {
            for (uint256 i = 0;; ++i) {}
        }
        if (_mood == Mood.SHORT) {
            assembly {
                return(0, 32)
            }
        }
        return (1, _answer, _updatedAt, _updatedAt, 1);
    }
}
