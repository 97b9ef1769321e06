// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IEscrow} from "../src/interfaces/IEscrow.sol";
import {Fixture} from "./Fixture.sol";
import {same, vm} from "./Vm.sol";

contract EscrowAuditsTest is Fixture {
    bytes32 private constant JOB = "job";
    bytes32 private constant AUDIT = "audit";

    function setUp() public override {
        super.setUp();
        fund(requester, 1000);
        open(JOB, 600);
    }

    function refused(bytes32 auditId, address verifier, uint256 amount, IEscrow.AuditRefusal reason) private {
        uint256 left = escrow.auditFund();
        uint256 earned = escrow.balanceOf(VERIFIER);
        vm.expectEmit(address(escrow));
        emit IEscrow.AuditRefused(auditId, reason);
        payAudit(auditId, verifier, amount);
        same(escrow.auditFund(), left);
        same(escrow.balanceOf(VERIFIER), earned);
    }

    function test_the_fee_of_a_settlement_goes_to_the_fund() public {
        vm.expectEmit(address(escrow));
        emit IEscrow.Settled(JOB, 380, 20, 200, keccak256("receipt"));
        settle(JOB, payouts(2, 190), 20);
        same(escrow.auditFund(), 20);
        same(escrow.balanceOf(PROVIDER), 380);
        same(escrow.balanceOf(requester), 600);
        same(stable.balanceOf(address(escrow)), 1000);
    }

    function test_a_fee_above_a_twentieth_is_refused() public {
        vm.expectEmit(address(escrow));
        emit IEscrow.SettlementRefused(JOB, IEscrow.SettlementRefusal.FEE_TOO_HIGH);
        settle(JOB, payouts(2, 190), 21);
        same(escrow.lockedOf(JOB), 600);
        same(escrow.auditFund(), 0);
        settle(JOB, payouts(2, 190), 20);
        same(escrow.auditFund(), 20);
    }

    function test_payouts_and_fee_over_the_lock_are_refused() public {
        vm.expectEmit(address(escrow));
        emit IEscrow.SettlementRefused(JOB, IEscrow.SettlementRefusal.OVER_LIMIT);
        settle(JOB, payouts(1, 590), 11);
        settle(JOB, payouts(1, 590), 10);
        same(escrow.auditFund(), 10);
        same(escrow.balanceOf(requester), 400);
    }

    function test_a_refused_settlement_of_a_batch_gives_no_fee() public {
        fundAudits(5);
        open("second", 400);
        IEscrow.Settlement[] memory batch = new IEscrow.Settlement[](3);
        batch[0] = IEscrow.Settlement(JOB, payouts(1, 570), 30, 0);
        batch[1] = IEscrow.Settlement(JOB, payouts(1, 570), 30, 0);
        batch[2] = IEscrow.Settlement("second", payouts(1, 190), 10, 0);
        vm.prank(SETTLER);
        escrow.settle(batch);
        same(escrow.auditFund(), 45);
    }

    function test_anyone_can_add_to_the_fund() public {
        stable.mint(OTHER, 70);
        vm.prank(OTHER);
        stable.approve(address(escrow), 70);
        vm.expectEmit(address(escrow));
        emit IEscrow.AuditsFunded(OTHER, 70);
        vm.prank(OTHER);
        escrow.fundAudits(70);
        same(escrow.auditFund(), 70);
        same(stable.balanceOf(address(escrow)), 1070);
        same(escrow.balanceOf(OTHER), 0);
    }

    function test_an_audit_is_paid_out_of_the_fund_and_withdrawn_like_any_balance() public {
        fundAudits(100);
        vm.expectEmit(address(escrow));
        emit IEscrow.AuditPaid(AUDIT, VERIFIER, 30);
        payAudit(AUDIT, VERIFIER, 30);
        same(escrow.auditFund(), 70);
        same(escrow.isAuditPaid(AUDIT) ? 1 : 0, 1);
        vm.prank(VERIFIER);
        escrow.withdraw(30);
        same(stable.balanceOf(VERIFIER), 30);
    }

    function test_an_audit_is_paid_once() public {
        fundAudits(100);
        payAudit(AUDIT, VERIFIER, 30);
        refused(AUDIT, VERIFIER, 30, IEscrow.AuditRefusal.KNOWN);
        refused(AUDIT, OTHER, 0, IEscrow.AuditRefusal.KNOWN);
    }

    function test_nobody_is_no_verifier() public {
        fundAudits(100);
        refused(AUDIT, address(0), 30, IEscrow.AuditRefusal.NO_VERIFIER);
    }

    function test_no_audit_is_paid_beyond_the_fund_and_it_can_be_paid_later() public {
        fundAudits(100);
        refused(AUDIT, VERIFIER, 101, IEscrow.AuditRefusal.INSUFFICIENT);
        same(escrow.isAuditPaid(AUDIT) ? 1 : 0, 0);
        fundAudits(1);
        payAudit(AUDIT, VERIFIER, 101);
        same(escrow.auditFund(), 0);
    }

    function test_a_batch_pays_what_it_can() public {
        fundAudits(100);
        IEscrow.AuditPayment[] memory batch = new IEscrow.AuditPayment[](4);
        batch[0] = IEscrow.AuditPayment("one", VERIFIER, 60);
        batch[1] = IEscrow.AuditPayment("two", VERIFIER, 60);
        batch[2] = IEscrow.AuditPayment("one", VERIFIER, 10);
        batch[3] = IEscrow.AuditPayment("three", OTHER, 40);
        vm.prank(SETTLER);
        escrow.payAudits(batch);
        same(escrow.balanceOf(VERIFIER), 60);
        same(escrow.balanceOf(OTHER), 40);
        same(escrow.auditFund(), 0);
    }

    function test_the_fund_pays_nothing_but_audits() public {
        fundAudits(100);
        vm.prank(requester);
        vm.expectPartialRevert(IEscrow.BalanceTooLow.selector);
        escrow.withdraw(401);
        settle(JOB, payouts(0, 0));
        same(escrow.auditFund(), 100);
    }

    function test_a_stranger_cannot_pay_audits() public {
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.payAudits(new IEscrow.AuditPayment[](0));
    }

    function testFuzz_payouts_fee_and_refund_are_what_was_locked(uint96 limit, uint96 cost, uint96 fee) public {
        fund(requester, limit);
        open("fuzz", limit);
        uint256 before = escrow.balanceOf(requester);
        cost = uint96(uint256(cost) % (uint256(limit) + 2));
        fee = uint96(uint256(fee) % (uint256(cost) / 18 + 2));
        settle("fuzz", payouts(1, cost), fee);
        bool paid = uint256(cost) + fee <= limit && fee <= (uint256(cost) + fee) / 20;
        same(escrow.lockedOf("fuzz"), paid ? 0 : limit);
        same(escrow.auditFund(), paid ? fee : 0);
        same(escrow.balanceOf(PROVIDER), paid ? cost : 0);
        same(escrow.balanceOf(requester) - before, paid ? uint256(limit) - cost - fee : 0);
    }
}
