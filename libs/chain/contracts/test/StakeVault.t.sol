// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ranges} from "../src/Ranges.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {IStakeVault} from "../src/interfaces/IStakeVault.sol";
import {BondFixture} from "./BondFixture.sol";
import {same, vm} from "./Vm.sol";

/// @dev The test is the slasher here.
contract StakeVaultTest is BondFixture {
    function setUp() public override {
        super.setUp();
        vault = new StakeVault(native, restaking, address(this), GOVERNOR, DELAY, 14 days, IStakeVault.Terms(100e18, 1e15));
        bond(PROVIDER, 1000e18);
    }

    function claim(uint64 unitsPerS) private {
        vm.prank(PROVIDER);
        vault.claim(unitsPerS);
    }

    function test_what_is_claimed_has_to_be_staked() public {
        claim(900_000);
        if (!vault.isCovered(PROVIDER)) revert("not covered");
        vm.expectPartialRevert(IStakeVault.StakeTooLow.selector);
        claim(900_001);
        vm.expectPartialRevert(IStakeVault.StakeTooLow.selector);
        unstake(1);
        claim(100_000);
        unstake(800e18);
        same(vault.stakeOf(PROVIDER), 200e18);
    }

    function test_whoever_claims_nothing_takes_everything_out() public {
        claim(900_000);
        claim(0);
        unstake(1000e18);
        pass(DELAY);
        withdrawStake();
        same(native.balanceOf(PROVIDER), 1000e18);
        if (vault.isCovered(PROVIDER)) revert("nothing is covered");
    }

    function test_backing_counts_but_a_fifth_is_own() public {
        back(PROVIDER, DELEGATOR, 10_000e18);
        claim(4_900_000);
        vm.expectPartialRevert(IStakeVault.StakeTooLow.selector);
        claim(4_900_001);
    }

    function test_dearer_terms_hold_nobody_back() public {
        claim(900_000);
        vm.prank(GOVERNOR);
        vault.setTerms(IStakeVault.Terms(1e23, 1e18));
        if (vault.isCovered(PROVIDER)) revert("covered");
        claim(0);
        unstake(1000e18);
    }

    function test_stake_leaves_after_the_delay_and_not_before() public {
        unstake(400e18);
        pass(DELAY - 1);
        vm.expectPartialRevert(IStakeVault.NothingReady.selector);
        withdrawStake();
        pass(1);
        withdrawStake();
        same(native.balanceOf(PROVIDER), 400e18);
        vm.expectPartialRevert(IStakeVault.NothingReady.selector);
        withdrawStake();
    }

    function test_a_lock_holds_what_unbonds_until_it_ends() public {
        unstake(1000e18);
        pass(DELAY - 1 days);
        vault.lock("a", PROVIDER, 300e18, uint64(block.timestamp + 3 days));
        pass(1 days);
        withdrawStake();
        same(native.balanceOf(PROVIDER), 700e18);
        vm.prank(OTHER);
        vm.expectPartialRevert(IStakeVault.BadTime.selector);
        vault.unlock("a");
        pass(2 days + 1);
        vm.prank(OTHER);
        vault.unlock("a");
        withdrawStake();
        same(native.balanceOf(PROVIDER), 1000e18);
    }

    function test_locks_without_end_hold_a_part_a_fortnight_at_most() public {
        unstake(1000e18);
        for (uint256 day = 0; day < 35; day += 7) {
            vault.lock(bytes32(day), PROVIDER, 1000e18, uint64(block.timestamp + 14 days));
            vm.expectPartialRevert(IStakeVault.NothingReady.selector);
            withdrawStake();
            pass(7 days);
        }
        withdrawStake();
        same(native.balanceOf(PROVIDER), 1000e18);
    }

    function test_a_lock_is_bounded_and_made_once() public {
        vm.expectPartialRevert(IStakeVault.BadTime.selector);
        vault.lock("a", PROVIDER, 1, uint64(block.timestamp + 14 days + 1));
        vault.lock("a", PROVIDER, 1, uint64(block.timestamp));
        vault.unlock("a");
        vault.unlock("a");
        same(vault.lockedOf(PROVIDER), 0);
        vm.expectPartialRevert(IStakeVault.KnownLock.selector);
        vault.lock("a", PROVIDER, 1, uint64(block.timestamp));
    }

    function test_only_the_slasher_slashes_and_locks_and_only_the_governor_sets() public {
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(IStakeVault.NotAllowed.selector);
        vault.slash(PROVIDER, 1);
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(IStakeVault.NotAllowed.selector);
        vault.lock("a", PROVIDER, 1, 0);
        vm.expectPartialRevert(IStakeVault.NotAllowed.selector);
        vault.setTerms(IStakeVault.Terms(1e18, 1));
    }

    function test_the_parts_that_unbond_are_bounded() public {
        for (uint256 i = 0; i < 16; ++i) {
            unstake(1);
        }
        vm.expectPartialRevert(IStakeVault.TooManyUnbonding.selector);
        unstake(1);
        pass(DELAY);
        withdrawStake();
        unstake(1);
        vm.expectPartialRevert(IStakeVault.NothingToUnstake.selector);
        unstake(0);
        vm.expectPartialRevert(IStakeVault.StakeTooLow.selector);
        unstake(1000e18);
    }

    function testFuzz_terms_stay_in_their_ranges(uint128 base, uint128 perUnit, uint64 units) public {
        bool isIn = base >= 1e18 && base <= 1e23 && perUnit >= 1 && perUnit <= 1e18;
        if (!isIn) vm.expectPartialRevert(Ranges.OutOfRange.selector);
        vm.prank(GOVERNOR);
        vault.setTerms(IStakeVault.Terms(base, perUnit));
        if (isIn && units > 0) same(vault.minimumFor(units), base + uint256(perUnit) * units);
    }

    function testFuzz_splitting_a_claim_asks_for_more(uint64 units, uint64 part) public view {
        if (units < 2) return;
        uint64 one = part % (units - 1) + 1;
        uint256 split = vault.minimumFor(one) + vault.minimumFor(units - one);
        if (split <= vault.minimumFor(units)) revert("splitting pays");
    }

    function testFuzz_a_slash_takes_the_smaller_of_penalty_and_stake(uint96 amount, uint96 penalty, uint96[4] memory parts)
        public
    {
        bond(OTHER, amount);
        uint256 active = amount;
        for (uint256 i = 0; i < 4; ++i) {
            if (parts[i] == 0 || parts[i] > active) continue;
            vm.prank(OTHER);
            vault.unstake(parts[i]);
            active -= parts[i];
        }
        uint256 taken = penalty < amount ? penalty : amount;
        same(vault.slash(OTHER, penalty), taken);
        same(native.balanceOf(address(this)), taken);
        same(vault.slashableOf(OTHER), amount - taken);
        same(vault.stakeOf(OTHER), taken < active ? active - taken : 0);
        pass(DELAY);
        uint256 left = vault.unbondingOf(OTHER);
        if (left == 0) return;
        vm.prank(OTHER);
        vault.withdraw();
        same(native.balanceOf(OTHER), left);
    }
}
