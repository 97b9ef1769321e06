// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What forge draws its random histories of: one market, and which of its functions are moves.
abstract contract Histories {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    address private _market;
    bytes4[] private _moves;

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = _market;
    }

    /// @dev None is named where all that a market can be told is a move.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        if (_moves.length == 0) return targets;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(_market, _moves);
    }

    function drawnFrom(address market) internal {
        _market = market;
    }

    function drawnFrom(address market, bytes4[] memory moves) internal {
        (_market, _moves) = (market, moves);
    }
}
