// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Histories} from "./Histories.sol";
import {PaymentMarket} from "./PaymentMarket.sol";

/// @notice Whatever the parties do, Payment holds exactly what it owes, and everyone can be paid.
contract PaymentConservationTest is Histories {
    PaymentMarket private _market;

    function setUp() public {
        _market = new PaymentMarket();
        bytes4[] memory selectors = new bytes4[](8);
        selectors[0] = PaymentMarket.deposit.selector;
        selectors[1] = PaymentMarket.settle.selector;
        selectors[2] = PaymentMarket.becomeFinal.selector;
        selectors[3] = PaymentMarket.fall.selector;
        selectors[4] = PaymentMarket.pay.selector;
        selectors[5] = PaymentMarket.payFees.selector;
        selectors[6] = PaymentMarket.askToLeave.selector;
        selectors[7] = PaymentMarket.withdraw.selector;
        drawnFrom(address(_market), selectors);
    }

    function invariant_what_came_in_is_held_or_was_sent_to_whom_it_belongs() public view {
        _market.checkConserved();
    }

    function invariant_everybody_can_be_paid() public view {
        _market.checkSolvent();
    }

    function invariant_bonds_are_held_slashed_or_refunded() public view {
        _market.checkBonds();
    }
}
