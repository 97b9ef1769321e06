// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow} from "../src/interfaces/IEscrow.sol";
import {Fixture} from "./Fixture.sol";
import {same, vm} from "./Vm.sol";

contract EscrowOpenTest is Fixture {
    bytes32 private constant JOB = "job";

    function setUp() public override {
        super.setUp();
        fund(requester, 1000);
    }

    function refused(IEscrow.Order memory order, bytes memory signed, IEscrow.OpenRefusal reason) private {
        vm.expectEmit(address(escrow));
        emit IEscrow.Refused(order.jobId, reason);
        relay(order, signed);
    }

    function test_a_signed_order_locks_its_price_limit() public {
        vm.expectEmit(address(escrow));
        emit IEscrow.Opened(JOB, requester, 600);
        open(JOB, 600);
        same(escrow.balanceOf(requester), 400);
        same(escrow.lockedOf(JOB), 600);
        same(uint256(escrow.stateOf(JOB)), uint256(IEscrow.JobState.FUNDED));
    }

    function test_an_order_opens_once() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signature(order);
        relay(order, signed);
        refused(order, signed, IEscrow.OpenRefusal.KNOWN);
        same(escrow.balanceOf(requester), 700);
    }

    function test_a_settled_job_does_not_open_again() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signature(order);
        relay(order, signed);
        settle(JOB, payouts(0, 0));
        refused(order, signed, IEscrow.OpenRefusal.KNOWN);
    }

    function test_an_order_past_its_deadline_is_refused() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signature(order);
        vm.warp(uint256(order.deadline) + 1);
        refused(order, signed, IEscrow.OpenRefusal.PAST_DEADLINE);
        vm.warp(order.deadline);
        relay(order, signed);
        same(escrow.lockedOf(JOB), 300);
    }

    function test_more_than_the_balance_is_refused() public {
        IEscrow.Order memory order = orderOf(JOB, 1001);
        refused(order, signature(order), IEscrow.OpenRefusal.INSUFFICIENT);
    }

    function test_an_order_for_another_chain_is_refused() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signatureBy(KEY, digest(order, block.chainid + 1, address(escrow)));
        refused(order, signed, IEscrow.OpenRefusal.BAD_SIGNATURE);
    }

    function test_an_order_stays_on_the_old_chain_after_a_fork() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signature(order);
        vm.chainId(block.chainid + 7);
        refused(order, signed, IEscrow.OpenRefusal.BAD_SIGNATURE);
    }

    function test_an_order_for_another_contract_is_refused() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signatureBy(KEY, digest(order, block.chainid, address(bonds)));
        refused(order, signed, IEscrow.OpenRefusal.BAD_SIGNATURE);
    }

    function test_the_other_root_of_a_signature_is_refused() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest(order, block.chainid, address(escrow)));
        bytes memory high = abi.encodePacked(r, bytes32(CURVE - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        refused(order, high, IEscrow.OpenRefusal.BAD_SIGNATURE);
    }

    function test_a_stranger_cannot_sign_for_the_requester() public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signatureBy(KEY + 1, digest(order, block.chainid, address(escrow)));
        refused(order, signed, IEscrow.OpenRefusal.BAD_SIGNATURE);
    }

    function test_nobody_signs_for_the_zero_address() public {
        IEscrow.Order memory order = orderOf(JOB, 0);
        order.requester = address(0);
        refused(order, new bytes(65), IEscrow.OpenRefusal.BAD_SIGNATURE);
        refused(order, "", IEscrow.OpenRefusal.BAD_SIGNATURE);
    }

    function test_one_bad_order_does_not_hold_up_the_batch() public {
        IEscrow.Order[] memory orders = new IEscrow.Order[](3);
        bytes[] memory signatures = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            orders[i] = orderOf(bytes32(i + 1), 100);
            signatures[i] = i == 1 ? bytes("no signature") : signature(orders[i]);
        }
        escrow.open(orders, signatures);
        same(escrow.lockedOf(bytes32(uint256(1))), 100);
        same(escrow.lockedOf(bytes32(uint256(2))), 0);
        same(escrow.lockedOf(bytes32(uint256(3))), 100);
    }

    function test_orders_without_signatures_are_no_batch() public {
        vm.expectPartialRevert(IEscrow.LengthMismatch.selector);
        escrow.open(new IEscrow.Order[](2), new bytes[](1));
    }

    function testFuzz_any_changed_field_breaks_the_signature(uint8 field, uint64 by) public {
        IEscrow.Order memory order = orderOf(JOB, 300);
        bytes memory signed = signature(order);
        uint64 change = by % 100 + 1;
        if (field % 5 == 0) order.jobId = bytes32(uint256(JOB) ^ change);
        if (field % 5 == 1) order.requester = address(uint160(requester) ^ uint160(change));
        if (field % 5 == 2) order.priceLimit += change;
        if (field % 5 == 3) order.deadline += change;
        if (field % 5 == 4) order.specDigest = bytes32(uint256(order.specDigest) ^ change);
        refused(order, signed, IEscrow.OpenRefusal.BAD_SIGNATURE);
    }
}
