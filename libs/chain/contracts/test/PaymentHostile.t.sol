// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Payment} from "../src/Payment.sol";
import {StableToken} from "../src/StableToken.sol";
import {SumTree} from "../src/SumTree.sol";
import {IChallenges} from "../src/interfaces/IChallenges.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {PaymentFixture} from "./PaymentFixture.sol";
import {same, split, vm} from "./Vm.sol";

/// @notice A token that keeps a tenth of each transfer, refuses some receivers, and calls back what it is told to.
contract HostileStable is ERC20("Hostile", "H") {
    bool public keepsFee;
    address public barred;
    Payment public target;
    bytes public reply;

    error Barred();

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function arrange(bool fee, address bar, Payment callback, bytes calldata data) external {
        (keepsFee, barred, target, reply) = (fee, bar, callback, data);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (to == barred && to != address(0)) revert Barred();
        if (address(target) != address(0) && from == address(target)) {
            (bool done, bytes memory said) = address(target).call(reply);
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(said, 32), mload(said))
                }
            }
        }
        if (keepsFee && from != address(0) && to != address(0)) {
            super._update(from, address(this), amount / 10);
            amount -= amount / 10;
        }
        super._update(from, to, amount);
    }
}

contract PaymentHostileTest is PaymentFixture {
    HostileStable private _token;

    function setUp() public override {
        super.setUp();
        _token = new HostileStable();
        stable = StableToken(address(_token));
        payment = deploy(REFUND);
        challenges = payment.CHALLENGES();
        payment.appoint(poster, true);
        bondFor(poster, BOND);
        vm.prank(CHALLENGER);
        native.approve(address(challenges), type(uint256).max);
        _token.mint(address(this), 1_000_000);
        _token.approve(address(payment), type(uint256).max);
        join(requester);
        join(PROVIDER);
        join(OTHER);
    }

    function test_a_fee_on_transfer_is_the_depositors_loss() public {
        _token.arrange(true, address(0), Payment(address(0)), "");
        payment.depositFor(requester, 1000);
        same(payment.fundsOf(requester, block.timestamp), 900);
        same(payment.head().funds, 900);
        same(_token.balanceOf(address(payment)), 900);
    }

    function test_a_barred_payee_does_not_hold_up_another_and_is_paid_later() public {
        IPayment.Epoch memory epoch = finalTwo();
        _token.arrange(false, PROVIDER, Payment(address(0)), "");
        vm.expectEmit(address(payment));
        emit IPayment.PayFailed(PROVIDER, 700);
        payment.pay(epoch, two());
        same(_token.balanceOf(OTHER), 300);
        same(payment.outflow().paid, 300);
        _token.arrange(false, address(0), Payment(address(0)), "");
        payment.pay(epoch, two());
        same(_token.balanceOf(PROVIDER), 700);
    }

    function test_a_token_cannot_enter_again() public {
        IPayment.Epoch memory epoch = finalTwo();
        bytes memory again = abi.encodeCall(payment.pay, (epoch, two()));
        _token.arrange(false, address(0), payment, again);
        // The transfer that reenters fails, and nothing is booked for it.
        payment.pay(epoch, two());
        same(payment.outflow().paid, 0);
        same(_token.balanceOf(PROVIDER), 0);
        vm.expectPartialRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        payment.payFees(epoch);
    }

    function test_a_signature_of_another_chain_or_contract_answers_nothing() public {
        payment.depositFor(requester, 10_000);
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        demand(epoch, 0);
        IChallenges.Proof memory proof = proofOf(1, 0);
        IChallenges.Evidence memory evidence = evidenceOf(0, 1050);
        bytes32 order = orderOf(steps[0].charge, 1050, evidence.deadline);
        bytes memory right = evidence.orderSignature;
        evidence.orderSignature = signedIn(deploy(REFUND).domainSeparator(), KEY, order);
        refused(epoch, proof, evidence, IChallenges.BadOrder.selector);
        evidence.orderSignature = right;
        vm.chainId(block.chainid + 7);
        // On a fork nothing of before counts: neither the epoch nor what was signed.
        refused(epoch, proof, evidence, IPayment.UnknownEpoch.selector);
    }

    function test_only_the_low_form_of_a_signature_counts() public {
        payment.depositFor(requester, 10_000);
        IPayment.Epoch memory epoch = postOne(JOB, 1000, 50);
        demand(epoch, 0);
        IChallenges.Evidence memory evidence = evidenceOf(0, 1050);
        (bytes32 r, bytes32 s, uint8 v) = split(evidence.orderSignature);
        evidence.orderSignature = abi.encodePacked(r, bytes32(CURVE - uint256(s)), v == 27 ? 28 : 27);
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadOrder.selector);
        evidence.orderSignature = abi.encodePacked(r, s, v, bytes1(0));
        refused(epoch, proofOf(1, 0), evidence, IChallenges.BadOrder.selector);
    }

    function test_a_step_of_one_epoch_answers_nothing_in_another() public {
        payment.depositFor(requester, 10_000);
        IPayment.Epoch memory first = postOne(JOB, 1000, 50);
        IChallenges.Opening memory old = openingOf(1, 0);
        next(first);
        IPayment.Epoch memory second = postOne("second", 1000, 50);
        demand(second, 0);
        IChallenges.Proof memory proof = proofOf(2, 0);
        proof.opening = old;
        refused(second, proof, evidenceOf(0, 1050), IChallenges.WrongProof.selector);
    }

    function test_the_root_of_a_void_epoch_pays_nothing() public {
        payment.depositFor(requester, 10_000);
        charge(JOB, 1000, 50);
        charge("second", 10, 0);
        steps[0].state.credits += 1;
        IPayment.Epoch memory epoch = post();
        IPayment.Leaf[] memory list = one(leafOf(PROVIDER));
        challenges.proveStep(epoch, proofOf(1, 0));
        vm.warp(block.timestamp + 2 days);
        vm.expectPartialRevert(IPayment.UnknownEpoch.selector);
        payment.pay(epoch, list);
        vm.expectPartialRevert(IPayment.UnknownEpoch.selector);
        payment.payFees(epoch);
    }

    function test_even_if_nobody_looks_no_more_is_paid_than_one_root_says() public {
        payment.depositFor(requester, 10_000);
        IPayment.Epoch memory first = finalOne(JOB, 1000, 0);
        payment.pay(first, one(leafOf(PROVIDER)));
        credits[payment.indexOf(PROVIDER)] = 0;
        credits[payment.indexOf(OTHER)] = 1000;
        charge("second", 10, 0);
        IPayment.Epoch memory second = post();
        vm.warp(block.timestamp + 1 days + 1);
        IPayment.Leaf[] memory list = one(leafOf(OTHER));
        vm.expectPartialRevert(IPayment.Overdrawn.selector);
        payment.pay(second, list);
    }

    function test_an_inner_node_passes_for_no_leaf() public {
        IPayment.Epoch memory epoch = finalTwo();
        SumTree.Node[] memory row = leaves();
        IPayment.Leaf memory leaf = leafOf(PROVIDER);
        // The leaf's own sibling once more, one level up: as deep a path as the mask allows, and another root.
        leaf.branch.siblings[0] = above(row)[1];
        vm.expectPartialRevert(IPayment.WrongProof.selector);
        payment.pay(epoch, one(leaf));
    }

    function test_a_branch_of_any_other_length_is_refused() public {
        IPayment.Epoch memory epoch = finalTwo();
        IPayment.Leaf memory leaf = leafOf(PROVIDER);
        leaf.branch.mask |= 1 << 32;
        vm.expectPartialRevert(SumTree.BranchLength.selector);
        payment.pay(epoch, one(leaf));
        leaf = leafOf(PROVIDER);
        leaf.branch.siblings = new SumTree.Node[](9000);
        uint256 gas = gasleft();
        vm.expectPartialRevert(SumTree.BranchLength.selector);
        payment.pay(epoch, one(leaf));
        if (gas - gasleft() > 20_000_000) revert("gas");
    }

    function test_the_largest_answer_has_a_bound() public {
        payment.depositFor(requester, 1_000_000);
        IPayment.Epoch memory epoch = finalOne("earlier", 10, 0);
        for (uint32 i = 0; i < 40; ++i) {
            charge(bytes32(uint256(i + 1)), 10, 0);
        }
        epoch = post();
        demand(epoch, 39);
        IChallenges.Proof memory proof = proofOf(epoch.number, 39);
        IChallenges.Evidence memory evidence = evidenceOf(39, 10);
        uint256 gas = gasleft();
        challenges.answerStep(epoch, proof, evidence);
        if (gas - gasleft() > 200_000) revert("gas");
    }

    function finalTwo() private returns (IPayment.Epoch memory epoch) {
        payment.depositFor(requester, 10_000);
        charge(JOB, 700, 30);
        charge(chargeOf("second", 0, OTHER, 300, 300));
        epoch = post();
        vm.warp(block.timestamp + 1 days + 1);
        payment.finalise(epoch);
    }

    function two() private view returns (IPayment.Leaf[] memory list) {
        list = new IPayment.Leaf[](2);
        (list[0], list[1]) = (leafOf(PROVIDER), leafOf(OTHER));
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
}
