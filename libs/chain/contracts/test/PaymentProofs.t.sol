// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "../src/SumTree.sol";
import {IChallenges} from "../src/interfaces/IChallenges.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {PaymentFixture} from "./PaymentFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice What the chain can see for itself voids an epoch at once, and nothing honest can be voided so.
contract PaymentProofsTest is PaymentFixture {
    function setUp() public override {
        super.setUp();
        fund(requester, 100_000);
    }

    function test_a_right_step_is_no_proof() public {
        finalOne("earlier", 500, 0);
        charge(JOB, 1000, 50);
        charge(chargeOf("second", 0, OTHER, 300, 300));
        charge(chargeOf("second", 1, PROVIDER, 200, 500));
        IPayment.Epoch memory epoch = post();
        for (uint32 i = 0; i < 3; ++i) {
            IChallenges.Proof memory proof = proofOf(2, i);
            vm.expectPartialRevert(IChallenges.NothingWrong.selector);
            challenges.proveStep(epoch, proof);
        }
    }

    function test_a_step_to_another_state_is_proven() public {
        charge(JOB, 1000, 50);
        charge("second", 10, 0);
        steps[0].state.credits += 1;
        voids(post(), 0);
    }

    function test_a_hidden_account_in_the_last_state_is_proven() public {
        charge(JOB, 1000, 50);
        credits[payment.indexOf(OTHER)] += 50;
        voids(posted(stateOf()), 0);
    }

    function test_a_fee_above_its_part_is_proven() public {
        charge(JOB, 950, 51);
        charge("second", 10_000, 0);
        voids(post(), 0);
    }

    function test_a_debit_above_the_deposit_is_proven() public {
        fund(OTHER, 1_000_000);
        charge(JOB, 100_001, 0);
        voids(post(), 0);
    }

    function test_a_wrong_running_cost_of_a_job_is_proven() public {
        charge(chargeOf(JOB, 0, PROVIDER, 600, 600));
        charge(chargeOf(JOB, 1, OTHER, 500, 500));
        voids(post(), 1);
    }

    function test_a_part_that_does_not_follow_is_proven() public {
        charge(chargeOf(JOB, 0, PROVIDER, 600, 600));
        charge(chargeOf(JOB, 2, OTHER, 500, 1100));
        voids(post(), 1);
    }

    function test_a_part_of_a_job_that_was_not_begun_is_proven() public {
        charge(chargeOf(JOB, 1, PROVIDER, 600, 600));
        voids(post(), 0);
    }

    function test_a_charge_for_somebody_unknown_is_proven() public {
        IChallenges.Charge memory item = chargeOf(JOB, 0, address(0xabcd), 600, 600);
        charge(item);
        voids(post(), 0);
    }

    function test_a_job_charged_twice_in_one_epoch_is_proven() public {
        charge(JOB, 100, 0);
        charge(JOB, 100, 0);
        IPayment.Epoch memory epoch = post();
        (IChallenges.Opening memory a, IChallenges.Opening memory b) = (openingOf(1, 0), openingOf(1, 1));
        vm.expectPartialRevert(IChallenges.NothingWrong.selector);
        challenges.proveTwice(epoch, a, epoch, a);
        challenges.proveTwice(epoch, a, epoch, b);
        checkVoid(epoch);
    }

    function test_a_job_charged_in_a_final_epoch_is_not_charged_again() public {
        charge(JOB, 100, 0);
        IPayment.Epoch memory first = post();
        IChallenges.Opening memory once = openingOf(1, 0);
        next(first);
        vm.warp(block.timestamp + 2 days);
        payment.finalise(first);
        charge(JOB, 100, 0);
        charge("second", 100, 0);
        IPayment.Epoch memory second = post();
        IChallenges.Opening memory other = openingOf(2, 1);
        vm.expectPartialRevert(IChallenges.NothingWrong.selector);
        challenges.proveTwice(first, once, second, other);
        challenges.proveTwice(first, once, second, openingOf(2, 0));
        checkVoid(second);
        if (!isKnown(first)) revert("void");
    }

    function test_a_sum_that_does_not_add_up_is_proven_from_the_root() public {
        charge(JOB, 1000, 50);
        (SumTree.Node memory left, SumTree.Node memory right) = (SumTree.Node("l", both(5)), SumTree.Node("r", both(7)));
        SumTree.Branch memory none;
        bytes32 hash = keccak256(abi.encode(left, right));
        IPayment.Epoch memory epoch = posted(IPayment.State(hash, 13, 13));
        challenges.proveSum(epoch, 32, 0, both(13), left, right, none);
        checkVoid(epoch);
    }

    function test_a_wrong_sum_deep_in_the_tree_is_proven() public {
        charge(JOB, 1000, 50);
        (SumTree.Node memory left, SumTree.Node memory right) = (SumTree.Node("l", both(5)), SumTree.Node("r", both(7)));
        SumTree.Node memory top = SumTree.Node(keccak256(abi.encode(left, right)), both(11));
        SumTree.Node memory empty;
        for (uint256 level = 3; level < 32; ++level) {
            top = SumTree.Node(keccak256(abi.encode(top, empty)), both(11));
        }
        IPayment.Epoch memory epoch = posted(IPayment.State(top.hash, 11, 11));
        SumTree.Branch memory none;
        vm.expectPartialRevert(IChallenges.WrongProof.selector);
        challenges.proveSum(epoch, 4, 0, both(11), left, right, none);
        challenges.proveSum(epoch, 3, 0, both(11), left, right, none);
        checkVoid(epoch);
    }

    function test_a_right_sum_is_no_proof() public {
        charge(JOB, 1000, 50);
        IPayment.Epoch memory epoch = post();
        SumTree.Node[] memory row = leaves();
        SumTree.Branch memory branch = SumTree.Branch(1, new SumTree.Node[](1));
        SumTree.Node[] memory up = above(row);
        branch.siblings[0] = up[1];
        vm.expectPartialRevert(IChallenges.NothingWrong.selector);
        challenges.proveSum(epoch, 1, 0, up[0].sums, row[0], row[1], branch);
    }

    function test_what_is_final_can_no_longer_be_voided() public {
        charge(JOB, 1000, 50);
        steps[0].state.credits += 1;
        IPayment.Epoch memory epoch = posted(stateOf());
        IChallenges.Proof memory proof = proofOf(1, 0);
        vm.warp(block.timestamp + 1 days + 1);
        payment.finalise(epoch);
        vm.expectPartialRevert(IChallenges.AlreadyFinal.selector);
        challenges.proveStep(epoch, proof);
    }

    function test_accusing_oneself_never_pays() public {
        charge(JOB, 1000, 50);
        steps[0].state.credits += 1;
        IPayment.Epoch memory epoch = post();
        IChallenges.Proof memory proof = proofOf(1, 0);
        uint256 had = payment.posterOf(poster).bond + native.balanceOf(poster);
        vm.prank(poster);
        challenges.proveStep(epoch, proof);
        same(payment.posterOf(poster).bond + native.balanceOf(poster), had - BOND + REFUND);
    }

    function voids(IPayment.Epoch memory epoch, uint32 index) private {
        IChallenges.Proof memory proof = proofOf(epoch.number, index);
        vm.prank(CHALLENGER);
        challenges.proveStep(epoch, proof);
        checkVoid(epoch);
        same(native.balanceOf(CHALLENGER), 100 * DEMAND_BOND + REFUND);
    }

    function both(uint256 sum) private pure returns (uint256) {
        return SumTree.pack(sum, sum);
    }

    function checkVoid(IPayment.Epoch memory epoch) private view {
        if (isKnown(epoch)) revert("not void");
        same(payment.head().posted, epoch.number - 1);
        same(payment.posterOf(poster).bond, 0);
        same(native.balanceOf(address(pool)), BOND - REFUND);
    }
}
