// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Market} from "./Market.sol";

/// @notice Whatever the parties do, the contracts hold exactly what they owe and nothing appears or is lost.
contract ConservationTest {
    Market private _market;

    function setUp() public {
        _market = new Market();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_market);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev Only what parties do: not the market's own set-up and checks.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](11);
        selectors[0] = Market.deposit.selector;
        selectors[1] = Market.order.selector;
        selectors[2] = Market.settleJob.selector;
        selectors[3] = Market.reclaim.selector;
        selectors[4] = Market.withdraw.selector;
        selectors[5] = Market.stake.selector;
        selectors[6] = Market.unstake.selector;
        selectors[7] = Market.leave.selector;
        selectors[8] = Market.slashProvider.selector;
        selectors[9] = Market.donate.selector;
        selectors[10] = Market.payFor.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_market), selectors);
    }

    function invariant_the_escrow_holds_exactly_what_it_owes() public view {
        _market.checkEscrow();
    }

    function invariant_stake_is_held_slashed_or_withdrawn() public view {
        _market.checkStake();
    }
}
