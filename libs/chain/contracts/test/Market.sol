// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow} from "../src/interfaces/IEscrow.sol";
import {Fixture} from "./Fixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice Does what parties do to the contracts, in whatever order the fuzzer likes, and keeps its own books.
contract Market is Fixture {
    uint256 private constant JOBS = 12;
    address[3] private _providers = [PROVIDER, OTHER, address(0x9999)];

    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public paid;
    uint256 public fees;
    uint256 public donated;
    uint256 public audited;
    uint256 public staked;
    uint256 public unbonded;
    uint256 public slashed;

    constructor() {
        setUp();
    }

    function deposit(uint64 amount) external {
        fund(requester, amount);
        deposited += amount;
    }

    function order(uint8 job, uint64 limit) external {
        open(_job(job), limit % (escrow.balanceOf(requester) * 2 + 1));
    }

    function settleJob(uint8 job, uint64 each, uint8 leases, uint64 fee) external {
        bytes32 jobId = _job(job);
        uint256 locked = escrow.lockedOf(jobId);
        uint256 count = leases % 4;
        uint256 amount = each % (locked + 2);
        uint256 share = fee % (amount * count / 19 + 2);
        uint256 cost = amount * count + share;
        if (escrow.stateOf(jobId) == IEscrow.JobState.FUNDED && cost <= locked && share <= cost / 20) {
            paid += amount * count;
            fees += share;
        }
        settle(jobId, payouts(uint64(count), amount), share);
    }

    function donate(uint64 amount) external {
        fundAudits(amount);
        donated += amount;
    }

    function payFor(uint8 audit, uint64 amount) external {
        bytes32 auditId = _job(audit);
        uint256 fund = escrow.auditFund();
        uint256 fee = amount % (fund + 2);
        bool isDue = !escrow.isAuditPaid(auditId) && fee <= fund;
        payAudit(auditId, VERIFIER, fee);
        if (isDue) audited += fee;
    }

    function reclaim(uint8 job) external {
        bytes32 jobId = _job(job);
        if (escrow.stateOf(jobId) != IEscrow.JobState.FUNDED) return;
        vm.warp(block.timestamp + 9 days);
        escrow.reclaim(jobId);
    }

    function withdraw(uint64 amount, uint8 who) external {
        address party = [requester, PROVIDER, VERIFIER][who % 3];
        uint256 taken = amount % (escrow.balanceOf(party) + 1);
        vm.prank(party);
        escrow.withdraw(taken);
        withdrawn += taken;
    }

    function stake(uint8 who, uint64 amount) external {
        bond(_provider(who), amount);
        staked += amount;
    }

    function unstake(uint8 who, uint64 amount) external {
        address provider = _provider(who);
        uint256 active = bonds.stakeOf(provider);
        if (active == 0) return;
        vm.prank(provider);
        try bonds.unstake(amount % active + 1) {} catch {}
    }

    function leave(uint8 who) external {
        address provider = _provider(who);
        uint256 unbonding = bonds.unbondingOf(provider);
        if (unbonding == 0) return;
        vm.warp(block.timestamp + 14 days);
        vm.prank(provider);
        bonds.withdraw();
        same(bonds.unbondingOf(provider), 0);
        unbonded += unbonding;
    }

    function slashProvider(uint8 who, uint64 amount, uint8 job, uint8 fence) external {
        uint256 before = native.balanceOf(address(pool));
        slash(_provider(who), amount, _job(job), fence);
        slashed += native.balanceOf(address(pool)) - before;
    }

    function checkEscrow() external view {
        uint256 locked = 0;
        for (uint256 i = 0; i < JOBS; ++i) {
            locked += escrow.lockedOf(_job(i));
        }
        uint256 owed = escrow.balanceOf(requester) + escrow.balanceOf(PROVIDER) + escrow.balanceOf(VERIFIER) + locked;
        same(stable.balanceOf(address(escrow)), owed + escrow.auditFund());
        same(owed + escrow.auditFund() + withdrawn, deposited + donated);
        same(escrow.auditFund() + audited, donated + fees);
        same(escrow.balanceOf(PROVIDER) + stable.balanceOf(PROVIDER), paid);
        same(escrow.balanceOf(VERIFIER) + stable.balanceOf(VERIFIER), audited);
    }

    function checkStake() external view {
        uint256 held = 0;
        for (uint256 i = 0; i < _providers.length; ++i) {
            held += bonds.stakeOf(_providers[i]) + bonds.unbondingOf(_providers[i]);
        }
        same(native.balanceOf(address(bonds)), held);
        same(native.balanceOf(address(pool)), slashed);
        same(held + slashed + unbonded, staked);
    }

    function _job(uint256 number) private pure returns (bytes32) {
        return bytes32(number % JOBS + 1);
    }

    function _provider(uint256 number) private view returns (address) {
        return _providers[number % _providers.length];
    }
}
