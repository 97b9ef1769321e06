// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PaymentEpochs} from "../src/PaymentEpochs.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {PaymentFixture} from "./PaymentFixture.sol";
import {same, vm} from "./Vm.sol";

contract PaymentEpochsTest is PaymentFixture {
    function setUp() public override {
        super.setUp();
        fund(requester, 100_000);
    }

    function test_a_provider_is_paid_of_a_final_epoch() public {
        IPayment.Epoch memory epoch = finalOne(JOB, 1000, 50);
        vm.expectEmit(address(payment));
        emit IPayment.Paid(PROVIDER, 1000, 1000);
        payment.pay(epoch, one(leafOf(PROVIDER)));
        same(stable.balanceOf(PROVIDER), 1000);
        payment.payFees(epoch);
        same(stable.balanceOf(TREASURY), 50);
    }

    function test_nobody_is_paid_twice() public {
        IPayment.Epoch memory epoch = finalOne(JOB, 1000, 50);
        IPayment.Leaf[] memory twice = new IPayment.Leaf[](2);
        (twice[0], twice[1]) = (leafOf(PROVIDER), leafOf(PROVIDER));
        payment.pay(epoch, twice);
        payment.pay(epoch, twice);
        payment.payFees(epoch);
        payment.payFees(epoch);
        same(stable.balanceOf(PROVIDER), 1000);
        same(stable.balanceOf(TREASURY), 50);
    }

    function test_what_epochs_add_is_paid_at_once_and_an_older_root_adds_nothing() public {
        IPayment.Epoch memory first = finalOne(JOB, 1000, 0);
        IPayment.Leaf[] memory old = one(leafOf(PROVIDER));
        IPayment.Epoch memory second = finalOne("other", 500, 0);
        payment.pay(second, one(leafOf(PROVIDER)));
        payment.pay(first, old);
        same(stable.balanceOf(PROVIDER), 1500);
    }

    function test_one_transaction_pays_many() public {
        charge(JOB, 700, 0);
        (address a, address b) = (PROVIDER, OTHER);
        chargeTo("second", b, 300);
        IPayment.Epoch memory epoch = post();
        vm.warp(block.timestamp + 1 days + 1);
        IPayment.Leaf[] memory list = new IPayment.Leaf[](2);
        (list[0], list[1]) = (leafOf(a), leafOf(b));
        payment.pay(epoch, list);
        same(stable.balanceOf(a), 700);
        same(stable.balanceOf(b), 300);
    }

    function test_nothing_is_paid_before_the_window_is_over() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 0);
        IPayment.Leaf[] memory list = one(leafOf(PROVIDER));
        vm.warp(block.timestamp + 1 days);
        vm.expectPartialRevert(IPayment.NotFinal.selector);
        payment.pay(epoch, list);
        vm.warp(block.timestamp + 1);
        payment.pay(epoch, list);
        same(stable.balanceOf(PROVIDER), 1000);
    }

    function test_a_leaf_of_another_amount_is_not_paid() public {
        IPayment.Epoch memory epoch = finalOne(JOB, 1000, 50);
        IPayment.Leaf memory leaf = leafOf(PROVIDER);
        leaf.credit += 1;
        vm.expectPartialRevert(IPayment.WrongProof.selector);
        payment.pay(epoch, one(leaf));
        leaf = leafOf(PROVIDER);
        leaf.account = OTHER;
        vm.expectPartialRevert(IPayment.WrongProof.selector);
        payment.pay(epoch, one(leaf));
    }

    function test_an_epoch_that_was_not_posted_is_unknown() public {
        IPayment.Epoch memory epoch = finalOne(JOB, 1000, 50);
        IPayment.Leaf[] memory list = one(leafOf(PROVIDER));
        epoch.state.credits += 1;
        vm.expectPartialRevert(IPayment.UnknownEpoch.selector);
        payment.pay(epoch, list);
    }

    function test_only_a_poster_with_its_bond_posts() public {
        IPayment.State memory state = stateOf();
        vm.expectPartialRevert(IPayment.NotPoster.selector);
        payment.post(placeOf(1, 1), nodeOf(state), 0);
        payment.appoint(OTHER, true);
        bondFor(OTHER, BOND - 1);
        vm.prank(OTHER);
        vm.expectPartialRevert(IPayment.NotPoster.selector);
        payment.post(placeOf(1, 1), nodeOf(state), 0);
        bondFor(OTHER, 1);
        vm.prank(OTHER);
        payment.post(placeOf(1, 1), nodeOf(state), 0);
        payment.appoint(poster, false);
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.NotPoster.selector);
        payment.post(placeOf(2, 1), nodeOf(state), 0);
    }

    function test_a_root_that_does_not_balance_is_refused() public {
        refused(1001, 1000, IPayment.Unbalanced.selector);
        refused(949, 1000, IPayment.Unbalanced.selector);
        refused(100_001, 100_001, IPayment.Overdrawn.selector);
        IPayment.State memory state = IPayment.State(0, 950, 1000);
        vm.prank(poster);
        payment.post(placeOf(1, 1), nodeOf(state), 0);
    }

    function test_an_epoch_without_steps_is_refused() public {
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.NoSteps.selector);
        payment.post(placeOf(1, 0), nodeOf(IPayment.State(0, 0, 0)), 0);
    }

    function test_an_epoch_is_posted_once_and_in_its_order() public {
        IPayment.Epoch memory epoch = postOne(JOB, 10, 0);
        vm.warp(uint256(epoch.postedAt) + 240);
        for (uint64 number = 1; number < 4; number += 2) {
            vm.prank(poster);
            vm.expectPartialRevert(IPayment.WrongNumber.selector);
            payment.post(placeOf(number, epoch.steps), nodeOf(epoch.state), epoch.stepsRoot);
        }
    }

    function test_epochs_keep_their_distance_so_that_no_digest_is_forgotten_early() public {
        IPayment.Epoch memory epoch = postOne(JOB, 10, 0);
        IPayment.State memory state = stateOf();
        vm.warp(uint256(epoch.postedAt) + 239);
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.TooSoon.selector);
        payment.post(placeOf(2, 1), nodeOf(state), 0);
        uint256 kept = payment.RING() * payment.INTERVAL();
        if (kept < challenges.ORDER_LIFE() + challenges.GRACE() + payment.WINDOW() + 7 days) revert("too short");
    }

    function test_both_contracts_mean_the_same() public view {
        same(payment.WINDOW(), challenges.WINDOW());
        same(payment.FEE_PART_MAX(), challenges.FEE_PART_MAX());
        if (payment.BOND_DELAY() < 5 * (payment.WINDOW() + challenges.ANSWER())) revert("too short");
        if (challenges.KEY_DELAY() < payment.NOTICE() + payment.WINDOW() + challenges.ANSWER()) revert("too short");
    }

    function test_a_bond_leaves_once_all_that_was_posted_is_final() public {
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.NotPoster.selector);
        payment.withdrawBond();
        IPayment.Epoch memory epoch = postOne(JOB, 10, 0);
        vm.prank(poster);
        payment.leaveBond();
        vm.warp(block.timestamp + 14 days - 1);
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.TooSoon.selector);
        payment.withdrawBond();
        vm.warp(block.timestamp + 1);
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.NotFinal.selector);
        payment.withdrawBond();
        payment.finalise(epoch);
        vm.prank(poster);
        payment.withdrawBond();
        same(native.balanceOf(poster), BOND);
    }

    function test_who_leaves_its_bond_posts_no_more() public {
        vm.prank(poster);
        payment.leaveBond();
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.NotPoster.selector);
        payment.post(placeOf(1, 1), nodeOf(IPayment.State(0, 0, 0)), 0);
    }

    function test_a_refund_is_a_tenth_of_the_bond_at_most() public {
        vm.expectPartialRevert(PaymentEpochs.RefundTooHigh.selector);
        this.deployWithRefund(BOND / 10 + 1);
    }

    function test_nothing_waits_longer_than_the_other_delays_are_set_for() public {
        IPayment.Windows[5] memory bad = [
            IPayment.Windows(1 days + 1, 1 days, 240, 7 days),
            IPayment.Windows(1 days, 1 days + 1, 240, 7 days),
            IPayment.Windows(1 days, 1 days, 241, 7 days),
            IPayment.Windows(1 days, 1 days, 240, 7 days + 1),
            IPayment.Windows(10, 10, 1, 9)
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectPartialRevert(PaymentEpochs.BadWindows.selector);
            this.deployWithWindows(bad[i]);
        }
        same(deployWith(REFUND, IPayment.Windows(10, 5, 1, 10)).CHALLENGES().ANSWER(), 5);
    }

    function test_only_challenges_void_and_doubt() public {
        IPayment.Epoch memory epoch = postOne(JOB, 10, 0);
        vm.expectPartialRevert(PaymentEpochs.NotChallenges.selector);
        payment.voidEpoch(epoch, IPayment.VoidReason.WRONG_STEP, address(this));
        vm.expectPartialRevert(PaymentEpochs.NotChallenges.selector);
        payment.doubt(epoch.number, true);
    }

    function test_the_ring_forgets_what_is_long_final() public {
        IPayment.Epoch memory epoch = finalOne(JOB, 10, 0);
        same(uint256(payment.digestOf(epoch.number + 1)), 0);
        if (payment.digestOf(epoch.number) == 0 || payment.digestOf(0) == 0) revert("forgotten");
    }

    function chargeTo(bytes32 jobId, address provider, uint128 amount) private {
        charge(chargeOf(jobId, 0, provider, amount, amount));
    }

    function refused(uint128 credits_, uint128 debits_, bytes4 reason) private {
        vm.prank(poster);
        vm.expectPartialRevert(reason);
        payment.post(placeOf(1, 1), nodeOf(IPayment.State(0, credits_, debits_)), 0);
    }

    function deployWithRefund(uint256 refund) external {
        deploy(refund);
    }

    function deployWithWindows(IPayment.Windows calldata windows) external {
        deployWith(REFUND, windows);
    }
}
