// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IEscrow} from "../src/interfaces/IEscrow.sol";
import {Fixture} from "./Fixture.sol";
import {same, vm} from "./Vm.sol";

contract EscrowSettleTest is Fixture {
    bytes32 private constant JOB = "job";

    function setUp() public override {
        super.setUp();
        fund(requester, 1000);
        open(JOB, 600);
    }

    function refused(bytes32 jobId, IEscrow.Payout[] memory list, IEscrow.SettlementRefusal reason) private {
        uint256 locked = escrow.lockedOf(jobId);
        uint256 earned = escrow.balanceOf(PROVIDER);
        vm.expectEmit(address(escrow));
        emit IEscrow.SettlementRefused(jobId, reason);
        settle(jobId, list);
        same(escrow.lockedOf(jobId), locked);
        same(escrow.balanceOf(PROVIDER), earned);
    }

    function test_a_settlement_pays_leases_and_gives_the_rest_back() public {
        vm.expectEmit(address(escrow));
        emit IEscrow.Paid(JOB, PROVIDER, 1, 200);
        vm.expectEmit(address(escrow));
        emit IEscrow.Paid(JOB, PROVIDER, 2, 200);
        vm.expectEmit(address(escrow));
        emit IEscrow.Settled(JOB, 400, 0, 200, keccak256("receipt"));
        settle(JOB, payouts(2, 200));
        same(escrow.balanceOf(PROVIDER), 400);
        same(escrow.balanceOf(requester), 600);
        same(escrow.lockedOf(JOB), 0);
    }

    function test_a_job_settles_once() public {
        settle(JOB, payouts(1, 200));
        refused(JOB, payouts(1, 200), IEscrow.SettlementRefusal.ALREADY_SETTLED);
    }

    function test_an_unknown_job_is_refused() public {
        refused("other", payouts(1, 0), IEscrow.SettlementRefusal.UNKNOWN);
    }

    function test_payouts_over_the_lock_are_refused() public {
        refused(JOB, payouts(2, 301), IEscrow.SettlementRefusal.OVER_LIMIT);
        refused(JOB, payouts(2, type(uint256).max), IEscrow.SettlementRefusal.OVER_LIMIT);
    }

    function test_fences_must_rise() public {
        IEscrow.Payout[] memory list = payouts(2, 10);
        list[1].fence = 1;
        refused(JOB, list, IEscrow.SettlementRefusal.FENCE_ORDER);
        list[0].fence = 0;
        refused(JOB, list, IEscrow.SettlementRefusal.FENCE_ORDER);
    }

    function test_nobody_is_no_provider() public {
        IEscrow.Payout[] memory list = payouts(1, 10);
        list[0].provider = address(0);
        refused(JOB, list, IEscrow.SettlementRefusal.NO_PROVIDER);
    }

    function test_a_refused_settlement_does_not_hold_up_the_batch() public {
        IEscrow.Settlement[] memory batch = new IEscrow.Settlement[](2);
        batch[0] = IEscrow.Settlement("other", payouts(1, 5), 0, 0);
        batch[1] = IEscrow.Settlement(JOB, payouts(1, 600), 0, 0);
        vm.prank(SETTLER);
        escrow.settle(batch);
        same(escrow.balanceOf(PROVIDER), 600);
    }

    function test_a_stranger_cannot_settle() public {
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.settle(new IEscrow.Settlement[](0));
    }

    function test_reclaim_waits_for_deadline_and_grace() public {
        uint256 end = block.timestamp + 1 days + escrow.GRACE();
        vm.warp(end);
        vm.expectPartialRevert(IEscrow.TooEarly.selector);
        escrow.reclaim(JOB);
        vm.warp(end + 1);
        vm.prank(OTHER);
        escrow.reclaim(JOB);
        same(escrow.balanceOf(requester), 1000);
        refused(JOB, payouts(1, 1), IEscrow.SettlementRefusal.RECLAIMED);
        vm.expectPartialRevert(IEscrow.NotFunded.selector);
        escrow.reclaim(JOB);
    }

    function test_a_job_can_be_settled_until_somebody_reclaims() public {
        vm.warp(block.timestamp + 30 days);
        settle(JOB, payouts(1, 600));
        same(escrow.balanceOf(PROVIDER), 600);
    }

    function test_a_balance_leaves_whatever_else_happens() public {
        settle(JOB, payouts(1, 600));
        escrow.revokeRole(escrow.SETTLER_ROLE(), SETTLER);
        escrow.renounceRole(escrow.DEFAULT_ADMIN_ROLE(), address(this));
        vm.prank(PROVIDER);
        escrow.withdraw(600);
        vm.prank(requester);
        escrow.withdraw(400);
        same(stable.balanceOf(PROVIDER), 600);
        same(stable.balanceOf(address(escrow)), 0);
    }

    function test_nobody_withdraws_more_than_the_balance() public {
        vm.prank(requester);
        vm.expectPartialRevert(IEscrow.BalanceTooLow.selector);
        escrow.withdraw(401);
    }

    function testFuzz_a_settlement_shares_out_exactly_what_was_locked(uint256 limit, uint64 count, uint256 each) public {
        limit = limit % 1e15;
        count = count % 12;
        each = each % (2 * limit / (count + 1) + 1);
        fund(requester, limit);
        open("fuzz", limit);
        uint256 before = escrow.balanceOf(requester);
        settle("fuzz", payouts(count, each));
        bool paid = count * each <= limit;
        same(escrow.balanceOf(PROVIDER), paid ? count * each : 0);
        same(escrow.balanceOf(requester), paid ? before + limit - count * each : before);
        same(escrow.lockedOf("fuzz"), paid ? 0 : limit);
    }
}
