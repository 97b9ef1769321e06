// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChallenges} from "../src/interfaces/IChallenges.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {PaymentFixture} from "./PaymentFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice Epochs that tools/settlement.py built are posted, every step of them is found right, and everyone is paid.
contract PaymentVectorsTest is PaymentFixture {
    error DeployedElsewhere(address payment);

    function setUp() public override {
        super.setUp();
        // A contract of its own, whose first accounts are those of the vectors.
        payment = deploy(REFUND);
        challenges = payment.CHALLENGES();
    }

    function test_epochs_built_in_python_hold_on_chain() public {
        bytes memory content = vm.readFileBinary("test/vectors/settlement.bin");
        (address place, address[] memory accounts, bytes[] memory epochs) =
            abi.decode(content, (address, address[], bytes[]));
        // Then PAYMENT in tools/settlement.py has to change.
        if (place != address(payment)) revert DeployedElsewhere(address(payment));
        poster = address(uint160(type(uint160).max / 255 * 0x90));
        bondFor(poster, BOND);
        payment.appoint(poster, true);
        stable.approve(address(payment), type(uint256).max);
        for (uint256 i = 0; i < accounts.length; ++i) {
            same(payment.register(accounts[i]), i + 1);
            if (i < 3) fund(accounts[i], 1e12);
        }
        IPayment.Epoch memory last;
        for (uint256 i = 0; i < epochs.length; ++i) {
            last = check(epochs[i]);
        }
        payment.payFees(last);
        same(payment.outflow().paid + uint256(payment.outflow().fees), last.state.debits);
        same(stable.balanceOf(address(payment)), 3e12 - last.state.debits);
    }

    function check(bytes memory content) private returns (IPayment.Epoch memory epoch) {
        bytes[] memory proofs;
        bytes memory rest;
        (epoch, proofs, rest) = abi.decode(content, (IPayment.Epoch, bytes[], bytes));
        vm.warp(epoch.postedAt);
        vm.prank(epoch.poster);
        payment.post(placeOf(epoch.number, epoch.steps), nodeOf(epoch.state), epoch.stepsRoot);
        if (!isKnown(epoch)) revert("another digest");
        same(proofs.length, epoch.steps);
        for (uint256 i = 0; i < proofs.length; ++i) {
            IChallenges.Proof memory proof = abi.decode(proofs[i], (IChallenges.Proof));
            vm.expectPartialRevert(IChallenges.NothingWrong.selector);
            challenges.proveStep(epoch, proof);
        }
        vm.warp(uint256(epoch.postedAt) + 1 days + 1);
        IPayment.Leaf[] memory list = abi.decode(rest, (IPayment.Leaf[]));
        payment.pay(epoch, list);
        for (uint256 i = 0; i < list.length; ++i) {
            same(payment.accountOf(list[i].account).paid, list[i].credit);
        }
    }
}
