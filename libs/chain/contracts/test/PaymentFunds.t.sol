// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPayment} from "../src/interfaces/IPayment.sol";
import {PaymentFixture} from "./PaymentFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice How money comes in, and how it leaves whoever is gone.
contract PaymentFundsTest is PaymentFixture {
    function test_an_account_has_one_place() public {
        uint256 index = payment.indexOf(PROVIDER);
        same(payment.register(PROVIDER), index);
        same(payment.register(address(0xbeef)), 4);
        vm.expectPartialRevert(IPayment.UnknownAccount.selector);
        payment.register(address(0));
    }

    function test_a_requester_leaves_alone_though_nothing_was_ever_posted() public {
        fund(requester, 1000);
        IPayment.Leaf memory leaf = leafOf(requester);
        asksFor(1000);
        vm.warp(block.timestamp + 7 days - 1);
        vm.prank(requester);
        vm.expectPartialRevert(IPayment.TooSoon.selector);
        payment.withdraw(before, before, leaf);
        vm.warp(block.timestamp + 1);
        vm.prank(requester);
        payment.withdraw(before, before, leaf);
        same(stable.balanceOf(requester), 1000);
        same(stable.balanceOf(address(payment)), 0);
    }

    function test_a_requester_leaves_with_what_is_not_debited() public {
        fund(requester, 1000);
        IPayment.Epoch memory epoch = finalOne(JOB, 300, 10);
        asksFor(1000);
        IPayment.Leaf memory leaf = leafOf(requester);
        vm.warp(block.timestamp + 7 days);
        vm.prank(requester);
        payment.withdraw(epoch, epoch, leaf);
        same(stable.balanceOf(requester), 690);
        payment.pay(epoch, one(leafOf(PROVIDER)));
        payment.payFees(epoch);
        same(stable.balanceOf(address(payment)), 0);
    }

    function test_a_withdrawal_waits_for_what_was_posted_before_its_cutoff() public {
        fund(requester, 1000);
        asksFor(1000);
        IPayment.Leaf memory untouched = leafOf(requester);
        IPayment.Epoch memory genesis = before;
        vm.warp(block.timestamp + 7 days - 1);
        IPayment.Epoch memory epoch = postOne(JOB, 300, 0);
        vm.warp(block.timestamp + 1);
        vm.prank(requester);
        vm.expectPartialRevert(IPayment.NotFinal.selector);
        payment.withdraw(genesis, epoch, untouched);
        vm.warp(block.timestamp + 1 days);
        IPayment.Leaf memory leaf = leafOf(requester);
        vm.prank(requester);
        payment.withdraw(epoch, epoch, leaf);
        same(stable.balanceOf(requester), 700);
    }

    function test_no_epoch_holds_up_a_withdrawal_after_its_cutoff() public {
        fund(requester, 1000);
        fund(OTHER, 1000);
        asksFor(400);
        IPayment.Leaf memory leaf = leafOf(requester);
        IPayment.Epoch memory genesis = before;
        vm.warp(block.timestamp + 7 days);
        same(payment.fundsOf(requester, block.timestamp - 1), 1000);
        same(payment.fundsOf(requester, block.timestamp), 600);
        IPayment.Epoch memory epoch = postOne(JOB, 300, 0);
        vm.prank(requester);
        payment.withdraw(genesis, epoch, leaf);
        same(stable.balanceOf(requester), 400);
        same(payment.fundsOf(requester, epoch.postedAt), 600);
    }

    function test_a_withdrawal_is_announced_once_at_a_time_and_can_be_taken_back() public {
        fund(requester, 1000);
        asksFor(1000);
        vm.prank(requester);
        vm.expectPartialRevert(IPayment.AlreadyLeaving.selector);
        payment.requestExit(1);
        vm.prank(requester);
        payment.cancelExit();
        same(payment.fundsOf(requester, block.timestamp + 30 days), 1000);
        vm.prank(requester);
        vm.expectPartialRevert(IPayment.Overdrawn.selector);
        payment.requestExit(1001);
        IPayment.Leaf memory leaf = leafOf(requester);
        vm.prank(requester);
        vm.expectPartialRevert(IPayment.NothingLeaving.selector);
        payment.withdraw(before, before, leaf);
    }

    function test_nobody_leaves_by_the_leaf_of_another_or_an_older_epoch() public {
        fund(requester, 1000);
        asksFor(1000);
        IPayment.Leaf memory old = leafOf(requester);
        IPayment.Epoch memory genesis = before;
        IPayment.Epoch memory epoch = finalOne(JOB, 300, 0);
        IPayment.Leaf memory other = leafOf(OTHER);
        vm.warp(block.timestamp + 7 days);
        vm.prank(requester);
        vm.expectPartialRevert(IPayment.NotFinal.selector);
        payment.withdraw(genesis, epoch, old);
        other.account = requester;
        vm.expectPartialRevert(IPayment.WrongProof.selector);
        payment.withdraw(epoch, epoch, other);
        vm.prank(requester);
        vm.expectPartialRevert(IPayment.WrongProof.selector);
        payment.withdraw(epoch, epoch, old);
        old.account = OTHER;
        vm.expectPartialRevert(IPayment.NothingLeaving.selector);
        payment.withdraw(epoch, epoch, old);
        // The money is its own, whoever sends for it.
        payment.withdraw(epoch, epoch, leafOf(requester));
        same(stable.balanceOf(requester), 700);
    }

    function asksFor(uint256 amount) private {
        vm.prank(requester);
        payment.requestExit(amount);
    }
}
