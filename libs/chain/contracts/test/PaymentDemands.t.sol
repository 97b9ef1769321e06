// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochHash} from "../src/EpochHash.sol";
import {IChallenges} from "../src/interfaces/IChallenges.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {SumTree} from "../src/SumTree.sol";
import {PaymentFixture} from "./PaymentFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice What has to be answered: an honest poster always can, and silence or a wrong answer ends the epoch.
contract PaymentDemandsTest is PaymentFixture {
    IChallenges.Demanded private constant STEP = IChallenges.Demanded.STEP;
    IChallenges.Demanded private constant LEAF = IChallenges.Demanded.LEAF;

    function setUp() public override {
        super.setUp();
        fund(requester, 100_000);
    }

    function test_every_honest_step_can_be_answered() public {
        finalOne("earlier", 500, 0);
        charge(JOB, 1000, 50);
        charge(chargeOf("second", 0, OTHER, 300, 300));
        charge(chargeOf("second", 1, PROVIDER, 200, 500));
        IPayment.Epoch memory epoch = post();
        for (uint32 i = 0; i < 3; ++i) {
            demand(epoch, i);
            answer(epoch, i, 1050);
        }
        same(native.balanceOf(poster), 3 * DEMAND_BOND);
        vm.warp(block.timestamp + 1 days + 1);
        payment.finalise(epoch);
    }

    function test_the_first_step_of_all_follows_on_nothing() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        demand(epoch, 0);
        answer(epoch, 0, 1050);
        same(challenges.demandOf(payment.digestOf(1), STEP, 0).deadline, 0);
    }

    function test_silence_voids_the_epoch_and_slashes_its_poster() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        uint256 had = native.balanceOf(CHALLENGER);
        demand(epoch, 0);
        vm.warp(block.timestamp + 1 days);
        vm.expectPartialRevert(IPayment.NotFinal.selector);
        payment.finalise(epoch);
        vm.expectPartialRevert(IChallenges.NotYet.selector);
        challenges.expire(epoch, STEP, 0);
        vm.warp(block.timestamp + 1);
        challenges.expire(epoch, STEP, 0);
        checkVoid(epoch);
        same(native.balanceOf(CHALLENGER), had + REFUND);
    }

    function test_a_debit_above_its_order_cannot_be_answered() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        demand(epoch, 0);
        refused(epoch, proofOf(1, 0), evidenceOf(0, 1049), IChallenges.BadOrder.selector);
    }

    function test_the_parts_of_a_job_are_charged_together_to_its_order() public {
        charge(chargeOf(JOB, 0, PROVIDER, 600, 600));
        charge(chargeOf(JOB, 1, OTHER, 500, 1100));
        IPayment.Epoch memory epoch = post();
        demand(epoch, 1);
        refused(epoch, proofOf(1, 1), evidenceOf(1, 1099), IChallenges.BadOrder.selector);
        answer(epoch, 1, 1100);
    }

    function test_a_debit_without_the_requesters_signature_cannot_be_answered() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        IChallenges.Evidence memory evidence = evidenceOf(0, 1050);
        demand(epoch, 0);
        evidence.orderSignature = signed(POSTER_KEY, orderOf(steps[0].charge, 1050, evidence.deadline));
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadOrder.selector);
        evidence.orderSignature = "";
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadOrder.selector);
    }

    function test_a_credit_without_a_verdict_cannot_be_answered() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        IChallenges.Evidence memory evidence = evidenceOf(0, 1050);
        demand(epoch, 0);
        evidence.verdictSignature = signed(POSTER_KEY, verdictOf(steps[0].charge));
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadVerdict.selector);
        IChallenges.Charge memory other = steps[0].charge;
        other.receiptDigest = keccak256("another");
        evidence.verdictSignature = signed(VERDICT_KEY, verdictOf(other));
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadVerdict.selector);
        evidence.verdictSignature = "";
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadVerdict.selector);
    }

    function test_an_order_is_charged_in_its_time() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        demand(epoch, 0);
        late(epoch, uint64(uint256(epoch.postedAt) - 7 days - 1));
        late(epoch, uint64(uint256(epoch.postedAt) + 30 days + 1));
    }

    function test_a_verdict_key_counts_for_epochs_within_its_term() public {
        uint256 key = 0xfee1;
        challenges.addVerdictKey(vm.addr(key));
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 0);
        IChallenges.Evidence memory evidence = evidenceOf(0, 1050);
        evidence.verdictSignature = signed(key, verdictOf(steps[0].charge));
        demand(epoch, 0);
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadVerdict.selector);
        challenges.endVerdictKey(vm.addr(VERDICT_KEY));
        answer(epoch, 0, 1000);
        vm.expectPartialRevert(IChallenges.BadKey.selector);
        challenges.addVerdictKey(vm.addr(key));
    }

    function test_withheld_accounts_are_demanded_too() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        uint32 index = uint32(payment.indexOf(PROVIDER));
        vm.prank(CHALLENGER);
        challenges.demand(epoch, LEAF, index);
        (IPayment.Leaf memory other, IPayment.Leaf memory right) = (leafOf(requester), leafOf(PROVIDER));
        vm.expectPartialRevert(IChallenges.WrongProof.selector);
        challenges.answerLeaf(epoch, index, other);
        challenges.answerLeaf(epoch, index, right);
        vm.prank(CHALLENGER);
        challenges.demand(epoch, LEAF, 1 << 31);
        IPayment.Leaf memory nobody = IPayment.Leaf(address(0), 0, 0, emptyAt(31));
        challenges.answerLeaf(epoch, 1 << 31, nobody);
        vm.warp(block.timestamp + 1 days + 1);
        payment.finalise(epoch);
    }

    function test_a_step_is_demanded_once_and_within_the_window() public {
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        demand(epoch, 0);
        vm.prank(CHALLENGER);
        vm.expectPartialRevert(IChallenges.KnownDemand.selector);
        challenges.demand(epoch, STEP, 0);
        answer(epoch, 0, 1050);
        vm.prank(CHALLENGER);
        vm.expectPartialRevert(IChallenges.KnownDemand.selector);
        challenges.demand(epoch, STEP, 0);
        vm.prank(CHALLENGER);
        vm.expectPartialRevert(SumTree.PathLength.selector);
        challenges.demand(epoch, STEP, 1);
        vm.warp(block.timestamp + 1 days + 1);
        vm.prank(CHALLENGER);
        vm.expectPartialRevert(IChallenges.WindowOver.selector);
        challenges.demand(epoch, LEAF, 1);
    }

    function test_many_demands_wait_for_one_another() public {
        for (uint32 i = 0; i < 5; ++i) {
            charge(bytes32(uint256(i + 1)), 10, 0);
        }
        IPayment.Epoch memory epoch = post();
        bytes32 digest = payment.digestOf(1);
        for (uint32 i = 0; i < 5; ++i) {
            demand(epoch, i);
            same(challenges.demandOf(digest, STEP, i).deadline, block.timestamp + 1 days + i * 1 minutes);
        }
        vm.warp(block.timestamp + 1 days + 1);
        for (uint32 i = 1; i < 5; ++i) {
            answer(epoch, i, 10);
        }
        vm.expectPartialRevert(IPayment.NotFinal.selector);
        payment.finalise(epoch);
        answer(epoch, 0, 10);
        payment.finalise(epoch);
    }

    function test_a_doubted_epoch_holds_up_those_after_it_and_not_those_before() public {
        IPayment.Epoch memory first = postOne(JOB, 10, 0);
        next(first);
        IPayment.Epoch memory second = postOne("second", 10, 0);
        next(second);
        IPayment.Epoch memory third = postOne("third", 10, 0);
        demand(second, 0);
        vm.warp(block.timestamp + 1 days + 1);
        vm.expectPartialRevert(IPayment.NotFinal.selector);
        payment.finalise(third);
        payment.finalise(first);
        challenges.expire(second, STEP, 0);
        same(payment.head().posted, 1);
        if (isKnown(second) || isKnown(third) || !isKnown(first)) revert("wrong end");
    }

    function test_a_demand_of_a_void_epoch_is_taken_back() public {
        IPayment.Epoch memory first = postOne(JOB, 10, 0);
        next(first);
        IPayment.Epoch memory second = postOne("second", 10, 0);
        bytes32 digest = payment.digestOf(2);
        demand(first, 0);
        demand(second, 0);
        vm.expectPartialRevert(IChallenges.AlreadyFinal.selector);
        challenges.takeBack(digest, 2, STEP, 0);
        vm.warp(block.timestamp + 1 days + 1);
        challenges.expire(first, STEP, 0);
        challenges.takeBack(digest, 2, STEP, 0);
        vm.expectPartialRevert(IChallenges.NoDemand.selector);
        challenges.takeBack(digest, 2, STEP, 0);
        same(native.balanceOf(CHALLENGER), 100 * DEMAND_BOND + REFUND);
        same(native.balanceOf(address(challenges)), 0);
    }

    function test_the_market_goes_on_after_a_void_epoch() public {
        IPayment.Epoch memory kept = finalOne("earlier", 100, 0);
        uint128[8] memory credits_ = credits;
        uint128[8] memory debits_ = debits;
        IPayment.Epoch memory wrong = postOne(JOB, 1000, 0);
        demand(wrong, 0);
        vm.warp(block.timestamp + 1 days + 1);
        challenges.expire(wrong, STEP, 0);
        (credits, debits) = (credits_, debits_);
        next(kept);
        bondFor(poster, BOND);
        IPayment.Epoch memory right = finalOne(JOB, 900, 0);
        same(right.number, 2);
        payment.pay(right, one(leafOf(PROVIDER)));
        same(stable.balanceOf(PROVIDER), 1000);
    }

    function answer(IPayment.Epoch memory epoch, uint32 index, uint256 limit) private {
        IChallenges.Proof memory proof = proofOf(epoch.number, index);
        IChallenges.Evidence memory evidence = evidenceOf(index, limit);
        vm.prank(poster);
        challenges.answerStep(epoch, proof, evidence);
    }

    function refused(
        IPayment.Epoch memory epoch,
        IChallenges.Proof memory proof,
        IChallenges.Evidence memory evidence,
        bytes4 reason
    ) private {
        vm.expectPartialRevert(reason);
        challenges.answerStep(epoch, proof, evidence);
    }

    function late(IPayment.Epoch memory epoch, uint64 deadline) private {
        IChallenges.Evidence memory evidence = evidenceOf(0, 1050);
        evidence.deadline = deadline;
        evidence.orderSignature = signed(KEY, orderOf(steps[0].charge, 1050, deadline));
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadOrder.selector);
    }

    function checkVoid(IPayment.Epoch memory epoch) private view {
        if (isKnown(epoch)) revert("not void");
        same(payment.posterOf(poster).bond, 0);
        same(native.balanceOf(address(pool)), BOND - REFUND);
    }

    /// @dev The way up of an index whose only neighbour is the tree's other half, on that level.
    function emptyAt(uint256 level) private view returns (SumTree.Branch memory branch) {
        branch = SumTree.Branch(1 << level, new SumTree.Node[](1));
        SumTree.Node[] memory row = leaves();
        for (uint256 depth = 0; depth < level; ++depth) {
            row = above(row);
        }
        branch.siblings[0] = row[0];
    }
}
