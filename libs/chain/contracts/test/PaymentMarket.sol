// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChallenges} from "../src/interfaces/IChallenges.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {PaymentFixture} from "./PaymentFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice Does what parties do to Payment, in whatever order the fuzzer likes, and keeps its own books.
contract PaymentMarket is PaymentFixture {
    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public slashed;
    uint256 private _jobs;
    IPayment.Epoch private _pending;
    uint128[8] private _credits;
    uint128[8] private _debits;

    constructor() {
        setUp();
    }

    function deposit(uint64 amount, bool isOther) external {
        fund(isOther ? OTHER : requester, amount);
        deposited += amount;
    }

    /// @dev An epoch of one or two jobs, within what each requester has.
    function settle(uint64 first, uint64 second, uint8 fee) external {
        if (_pending.number != 0) return;
        _credits = credits;
        _debits = debits;
        _job(requester, PROVIDER, first, fee);
        _job(OTHER, first % 2 == 0 ? PROVIDER : OTHER, second, fee);
        if (steps.length == 0) return;
        vm.warp(block.timestamp + 240);
        if (payment.posterOf(poster).bond < BOND) bondFor(poster, BOND);
        _pending = post();
    }

    function becomeFinal() external {
        if (_pending.number == 0) return;
        vm.warp(block.timestamp + 1 days + 1);
        payment.finalise(_pending);
        next(_pending);
        delete _pending;
    }

    function fall(uint8 index) external {
        if (_pending.number == 0) return;
        native.mint(CHALLENGER, DEMAND_BOND);
        demand(_pending, uint32(index % steps.length));
        vm.warp(block.timestamp + 1 days + 1);
        challenges.expire(_pending, IChallenges.Demanded.STEP, uint32(index % steps.length));
        slashed += BOND;
        credits = _credits;
        debits = _debits;
        next(before);
        delete _pending;
    }

    function pay(bool isOther) external {
        if (_pending.number != 0 || before.number == 0) return;
        payment.pay(before, one(leafOf(isOther ? OTHER : PROVIDER)));
    }

    function payFees() external {
        payment.payFees(before);
    }

    function askToLeave(uint64 amount, bool isOther) external {
        address who = isOther ? OTHER : requester;
        uint256 left = payment.fundsOf(who, block.timestamp);
        if (left == 0 || payment.accountOf(who).leaving != 0) return;
        vm.prank(who);
        payment.requestExit(amount % left + 1);
    }

    function withdraw(bool isOther) external {
        address who = isOther ? OTHER : requester;
        if (_pending.number != 0 || payment.accountOf(who).leaving == 0) return;
        vm.warp(block.timestamp + 7 days);
        IPayment.Leaf memory leaf = leafOf(who);
        uint256 had = stable.balanceOf(who);
        vm.prank(who);
        payment.withdraw(before, before, leaf);
        withdrawn += stable.balanceOf(who) - had;
    }

    function checkConserved() external view {
        uint256 out = payment.outflow().paid + uint256(payment.outflow().fees);
        same(stable.balanceOf(address(payment)) + withdrawn + out, deposited);
        same(payment.head().funds, deposited - withdrawn);
        same(stable.balanceOf(TREASURY), payment.outflow().fees);
        same(uint256(payment.accountOf(PROVIDER).paid) + payment.accountOf(OTHER).paid, payment.outflow().paid);
    }

    /// @dev What is credited to anybody is there, and so is what every requester has left.
    function checkSolvent() external view {
        uint256 credited = 0;
        uint256 debited = 0;
        uint256 owed = 0;
        for (uint256 i = 1; i < 4; ++i) {
            (credited, debited) = (credited + credits[i], debited + debits[i]);
            owed += payment.fundsOf(names[i], 0) - debits[i];
        }
        uint256 out = payment.outflow().paid + uint256(payment.outflow().fees);
        same(stable.balanceOf(address(payment)), owed + debited - out);
        if (credited > debited) revert("more credited than debited");
    }

    function checkBonds() external view {
        uint256 refunds = slashed / BOND * REFUND;
        same(native.balanceOf(address(pool)), slashed - refunds);
        same(native.balanceOf(address(payment)), payment.posterOf(poster).bond);
        same(native.balanceOf(address(challenges)), 0);
    }

    function _job(address from, address to, uint64 amount, uint8 fee) private {
        uint256 index = payment.indexOf(from);
        uint256 funds = payment.fundsOf(from, block.timestamp + 1 days);
        if (funds <= debits[index]) return;
        uint256 cost = amount % (funds - debits[index]) + 1;
        uint256 share = fee % (cost / 20 + 1);
        charge(
            IChallenges.Charge(
                bytes32(++_jobs), 0, from, to, uint128(cost - share), uint128(share), uint128(cost), "receipt"
            )
        );
    }
}
