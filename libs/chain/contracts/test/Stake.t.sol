// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IInsurancePool} from "../src/interfaces/IInsurancePool.sol";
import {IStake} from "../src/interfaces/IStake.sol";
import {Fixture} from "./Fixture.sol";
import {same, vm} from "./Vm.sol";

contract StakeTest is Fixture {
    bytes32 private constant JOB = "job";

    function setUp() public override {
        super.setUp();
        bond(PROVIDER, 1000);
    }

    function unstake(uint256 amount) private {
        vm.prank(PROVIDER);
        bonds.unstake(amount);
    }

    function test_stake_leaves_after_the_delay_and_not_before() public {
        unstake(400);
        vm.warp(block.timestamp + 14 days - 1);
        vm.prank(PROVIDER);
        vm.expectPartialRevert(IStake.NothingReady.selector);
        bonds.withdraw();
        vm.warp(block.timestamp + 1);
        vm.prank(PROVIDER);
        bonds.withdraw();
        same(native.balanceOf(PROVIDER), 400);
        same(bonds.stakeOf(PROVIDER), 600);
        same(bonds.unbondingOf(PROVIDER), 0);
    }

    function test_only_the_ready_parts_leave() public {
        unstake(100);
        vm.warp(block.timestamp + 14 days);
        unstake(200);
        vm.prank(PROVIDER);
        bonds.withdraw();
        same(native.balanceOf(PROVIDER), 100);
        same(bonds.unbondingOf(PROVIDER), 200);
    }

    function test_more_than_is_active_or_nothing_does_not_unbond() public {
        vm.prank(PROVIDER);
        vm.expectPartialRevert(IStake.StakeTooLow.selector);
        bonds.unstake(1001);
        vm.prank(PROVIDER);
        vm.expectPartialRevert(IStake.NothingToUnstake.selector);
        bonds.unstake(0);
    }

    function test_the_parts_that_unbond_are_bounded() public {
        for (uint256 i = 0; i < 16; ++i) {
            unstake(1);
        }
        vm.prank(PROVIDER);
        vm.expectPartialRevert(IStake.TooManyUnbonding.selector);
        bonds.unstake(1);
        vm.warp(block.timestamp + 14 days);
        vm.prank(PROVIDER);
        bonds.withdraw();
        unstake(1);
    }

    function test_a_slash_takes_active_stake_first() public {
        unstake(400);
        vm.expectEmit(address(bonds));
        emit IStake.Slashed(PROVIDER, 700, IStake.SlashReason.INVALID_RESULT, JOB, 1);
        slash(PROVIDER, 700, JOB, 1);
        same(bonds.stakeOf(PROVIDER), 0);
        same(bonds.unbondingOf(PROVIDER), 300);
        same(native.balanceOf(address(pool)), 700);
    }

    function test_unstaking_does_not_escape_a_slash() public {
        unstake(600);
        unstake(400);
        vm.warp(block.timestamp + 15 days);
        slash(PROVIDER, 5000, JOB, 1);
        same(native.balanceOf(address(pool)), 1000);
        vm.prank(PROVIDER);
        vm.expectPartialRevert(IStake.NothingReady.selector);
        bonds.withdraw();
    }

    function test_an_offence_is_slashed_once() public {
        slash(PROVIDER, 100, JOB, 1);
        vm.expectEmit(address(bonds));
        emit IStake.SlashRefused(PROVIDER, JOB, 1);
        slash(PROVIDER, 100, JOB, 1);
        same(bonds.stakeOf(PROVIDER), 900);
        slash(PROVIDER, 100, JOB, 2);
        same(bonds.stakeOf(PROVIDER), 800);
    }

    function test_one_provider_does_not_answer_for_another() public {
        bond(OTHER, 50);
        slash(OTHER, 1000, JOB, 1);
        same(bonds.stakeOf(PROVIDER), 1000);
        same(native.balanceOf(address(pool)), 50);
    }

    function test_a_stranger_cannot_slash() public {
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        bonds.slash(new IStake.Slash[](0));
    }

    function test_the_pool_compensates_only_through_its_role() public {
        slash(PROVIDER, 300, JOB, 1);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        pool.compensate(OTHER, 1, JOB);
        vm.expectEmit(address(pool));
        emit IInsurancePool.Compensated(OTHER, 120, JOB);
        vm.prank(SETTLER);
        pool.compensate(OTHER, 120, JOB);
        same(native.balanceOf(OTHER), 120);
    }

    function testFuzz_a_slash_takes_the_smaller_of_penalty_and_stake(uint96 amount, uint96 penalty, uint96[4] memory parts)
        public
    {
        bond(OTHER, amount);
        uint256 active = amount;
        for (uint256 i = 0; i < 4; ++i) {
            if (parts[i] == 0 || parts[i] > active) continue;
            vm.prank(OTHER);
            bonds.unstake(parts[i]);
            active -= parts[i];
        }
        slash(OTHER, penalty, JOB, 9);
        uint256 taken = penalty < amount ? penalty : amount;
        same(native.balanceOf(address(pool)), taken);
        same(bonds.stakeOf(OTHER) + bonds.unbondingOf(OTHER), amount - taken);
        same(bonds.stakeOf(OTHER), taken < active ? active - taken : 0);
    }
}
