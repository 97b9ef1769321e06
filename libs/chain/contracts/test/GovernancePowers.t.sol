// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MedianOracle} from "../src/MedianOracle.sol";
import {Penalties} from "../src/Penalties.sol";
import {RewardFormula} from "../src/RewardFormula.sol";
import {Rewards} from "../src/Rewards.sol";
import {Treasury} from "../src/Treasury.sol";
import {IRewards} from "../src/interfaces/IRewards.sol";
import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {IStakeVault} from "../src/interfaces/IStakeVault.sol";
import {ITreasury} from "../src/interfaces/ITreasury.sol";
import {BondFixture} from "./BondFixture.sol";
import {OracleFixture} from "./OracleFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice The governor itself tries whatever it can against those who leave and against what is settled.
contract GovernancePowersTest is BondFixture, OracleFixture {
    Rewards private rewards;
    Treasury private treasury;

    function setUp() public override {
        super.setUp();
        makeOracle();
        stay(100, 30);
        RewardFormula.Terms memory terms = RewardFormula.Terms(200_000, 250_000, 1e6);
        rewards = new Rewards(native, GOVERNOR, PROPOSER, ARBITER, 1000e18, terms);
        native.mint(address(rewards), 1000e18);
        ITreasury.Terms memory rules = ITreasury.Terms(2_500, 950_000, 900_000, 500_000, 200_000, 1e12);
        treasury = new Treasury(native, oracle, slashing, address(pool), GOVERNOR, rules);
        bond(PROVIDER, 1000e18);
        vm.prank(PROVIDER);
        vault.claim(900_000);
    }

    /// @dev Everything that the governor can set, as hostile as its range allows.
    function oppress() private {
        vm.prank(GOVERNOR);
        vault.setTerms(IStakeVault.Terms(1e23, 1e18));
        vm.prank(GOVERNOR);
        slashing.setShares(Penalties.Shares(0, 1e21, 0, 500_000));
        for (uint8 i = 0; i < 7; ++i) {
            (,, uint256 most) = slashing.rangeOf(ISlashing.SlashReason(i));
            vm.prank(GOVERNOR);
            slashing.setRate(ISlashing.SlashReason(i), most);
        }
        vm.prank(GOVERNOR);
        slashing.appointProposer(GOVERNOR);
        vm.prank(GOVERNOR);
        slashing.appointArbiter(OTHER);
        vm.prank(GOVERNOR);
        rewards.setTerms(0, RewardFormula.Terms(1e6, 10_000, 1e24));
        vm.prank(GOVERNOR);
        rewards.setRoles(GOVERNOR, GOVERNOR);
        vm.prank(GOVERNOR);
        treasury.setTerms(ITreasury.Terms(10_000, 1_500_000, 1_500_000, 1e6, 0, 1e9));
    }

    function test_whoever_leaves_when_the_governor_turns_loses_nothing() public {
        uint256 shares = back(PROVIDER, DELEGATOR, 500e18);
        oppress();
        vm.prank(PROVIDER);
        vault.claim(0);
        unstake(1000e18);
        vm.prank(DELEGATOR);
        restaking.deallocate(PROVIDER, shares);
        for (uint256 i = 0; i < 21; ++i) {
            ISlashing.Accusation memory what = accusation(ISlashing.SlashReason.INVALID_RESULT, bytes32(i));
            vm.prank(GOVERNOR);
            vm.expectPartialRevert(ISlashing.NotAllowed.selector);
            slashing.propose(what);
            pass(1 days);
        }
        withdrawStake();
        same(native.balanceOf(PROVIDER), 1000e18);
        vm.prank(DELEGATOR);
        if (restaking.withdraw(PROVIDER) + 1e3 < 500e18) revert("backing lost");
    }

    function test_the_governor_neither_takes_nor_locks_stake() public {
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(IStakeVault.NotAllowed.selector);
        vault.slash(PROVIDER, 1);
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(IStakeVault.NotAllowed.selector);
        vault.lock("", PROVIDER, 1, uint64(block.timestamp));
        bytes32 id = propose(ISlashing.SlashReason.INVALID_RESULT, "lease");
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.rule(id, false, "");
        // What was proposed before costs what it cost then.
        oppress();
        pass(3 days + 1);
        slashing.execute(id);
        same(vault.slashableOf(PROVIDER), 500e18);
    }

    function test_settled_periods_stay_as_they_are() public {
        IRewards.Leaf memory leaf = IRewards.Leaf(PROVIDER, "", 100, RewardFormula.Inputs(100, 100, 100));
        bytes32 root = rewards.leafHash(1, leaf);
        pass(7 days);
        vm.prank(PROPOSER);
        rewards.post(1, root, 1000, 95e18, "");
        pass(3 days);
        oppress();
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(IRewards.WindowOver.selector);
        rewards.voidPeriod(1);
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(IRewards.WrongPeriod.selector);
        rewards.post(1, "", 1000, 0, "");
        pass(3650 days);
        same(rewards.claim(1, leaf, new bytes32[](0)), 95e18);
    }

    function test_credits_are_redeemed_whatever_is_set() public {
        native.mint(PROVIDER, 100e18);
        vm.prank(PROVIDER);
        native.approve(address(treasury), 100e18);
        vm.prank(PROVIDER);
        uint256 credits = treasury.mint(100e18, 0);
        oppress();
        uint256 before = native.balanceOf(PROVIDER);
        vm.prank(PROVIDER);
        treasury.redeem(credits, 99.75e18);
        same(native.balanceOf(PROVIDER) - before, 99.75e18);
    }
}
