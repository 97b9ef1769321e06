// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BondMarket} from "./BondMarket.sol";
import {Histories} from "./Histories.sol";

/// @notice Whatever the parties do, stake is held, slashed or withdrawn, bonds come back or go to the pool, and nobody who
/// leaves is kept.
contract BondConservationTest is Histories {
    BondMarket private _market;

    function setUp() public {
        _market = new BondMarket();
        bytes4[] memory selectors = new bytes4[](11);
        selectors[0] = BondMarket.stake.selector;
        selectors[1] = BondMarket.unstakeSome.selector;
        selectors[2] = BondMarket.leave.selector;
        selectors[3] = BondMarket.lend.selector;
        selectors[4] = BondMarket.takeBack.selector;
        selectors[5] = BondMarket.collect.selector;
        selectors[6] = BondMarket.accuse.selector;
        selectors[7] = BondMarket.appeal.selector;
        selectors[8] = BondMarket.end.selector;
        selectors[9] = BondMarket.refund.selector;
        selectors[10] = BondMarket.fundBounties.selector;
        drawnFrom(address(_market), selectors);
    }

    function invariant_the_holders_hold_what_they_owe() public view {
        _market.checkVault();
        _market.checkRestaking();
        _market.checkSlashing();
    }
}
