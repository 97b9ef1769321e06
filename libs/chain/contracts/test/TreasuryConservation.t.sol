// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Histories} from "./Histories.sol";
import {TreasuryMarket} from "./TreasuryMarket.sol";

/// @notice Whatever the price does, the treasury holds what it says it locked, and everyone gets out.
contract TreasuryConservationTest is Histories {
    TreasuryMarket private _market;

    function setUp() public {
        _market = new TreasuryMarket();
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = TreasuryMarket.move.selector;
        selectors[1] = TreasuryMarket.loseFeeds.selector;
        selectors[2] = TreasuryMarket.recover.selector;
        selectors[3] = TreasuryMarket.make.selector;
        selectors[4] = TreasuryMarket.leave.selector;
        selectors[5] = TreasuryMarket.payFee.selector;
        drawnFrom(address(_market), selectors);
    }

    function invariant_what_is_locked_is_there() public view {
        _market.checkLocked();
    }
}
