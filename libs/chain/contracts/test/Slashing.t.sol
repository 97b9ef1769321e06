// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Penalties} from "../src/Penalties.sol";
import {Ranges} from "../src/Ranges.sol";
import {Slashing} from "../src/Slashing.sol";
import {IJudge} from "../src/interfaces/IJudge.sol";
import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {BondFixture} from "./BondFixture.sol";
import {same, vm} from "./Vm.sol";

contract SlashingTest is BondFixture {
    ISlashing.SlashReason private constant INVALID = ISlashing.SlashReason.INVALID_RESULT;
    bytes32 private constant LEASE = "lease";

    function setUp() public override {
        super.setUp();
        bond(PROVIDER, 1000e18);
        give(address(this), 100e18, address(slashing));
        slashing.fundBounties(100e18);
    }

    function appeal(bytes32 id) private {
        give(PROVIDER, 5e18, address(slashing));
        vm.prank(PROVIDER);
        slashing.appeal(id, "evidence");
    }

    function rule(bytes32 id, bool isUpheld) private {
        vm.prank(ARBITER);
        slashing.rule(id, isUpheld, "grounds");
    }

    function phaseIs(bytes32 id, ISlashing.Phase phase) private view {
        same(uint256(slashing.proposalOf(id).phase), uint256(phase));
    }

    function test_a_slash_waits_for_an_appeal_and_is_burned_and_pooled() public {
        bytes32 id = propose(INVALID, LEASE);
        same(vault.lockedOf(PROVIDER), 500e18);
        pass(3 days);
        vm.expectPartialRevert(ISlashing.TooSoon.selector);
        slashing.execute(id);
        pass(1);
        uint256 supply = native.totalSupply();
        slashing.execute(id);
        same(vault.stakeOf(PROVIDER), 500e18);
        same(vault.lockedOf(PROVIDER), 0);
        same(supply - native.totalSupply(), 100e18);
        same(native.balanceOf(address(pool)), 400e18);
        same(native.balanceOf(ACCUSER), 10e18);
        same(slashing.bountyFund(), 90e18);
        vm.expectPartialRevert(ISlashing.WrongPhase.selector);
        slashing.execute(id);
    }

    function test_a_victim_is_refunded_from_the_pool_as_far_as_it_goes() public {
        bytes32 id = propose(INVALID, LEASE);
        pass(3 days + 1);
        slashing.execute(id);
        pool.compensate(OTHER, 300e18, "");
        slashing.refund(id);
        same(native.balanceOf(VICTIM), 100e18);
        same(slashing.dueOf(id), 150e18);
        vm.expectPartialRevert(ISlashing.NothingDue.selector);
        slashing.refund(id);
        native.mint(address(pool), 1000e18);
        slashing.refund(id);
        same(native.balanceOf(VICTIM), 250e18);
        vm.expectPartialRevert(ISlashing.NothingDue.selector);
        slashing.refund(id);
    }

    function test_an_upheld_appeal_costs_nobody_anything() public {
        bytes32 id = propose(INVALID, LEASE);
        appeal(id);
        rule(id, true);
        phaseIs(id, ISlashing.Phase.DISMISSED);
        same(native.balanceOf(PROVIDER), 5e18);
        same(vault.lockedOf(PROVIDER), 0);
        vm.expectPartialRevert(ISlashing.WrongPhase.selector);
        slashing.execute(id);
        vm.prank(PROPOSER);
        vm.expectPartialRevert(ISlashing.KnownOffence.selector);
        slashing.propose(accusation(INVALID, LEASE));
    }

    function test_a_rejected_appeal_costs_its_bond_and_is_executed() public {
        bytes32 id = propose(INVALID, LEASE);
        appeal(id);
        vm.expectPartialRevert(ISlashing.WrongPhase.selector);
        slashing.execute(id);
        rule(id, false);
        same(native.balanceOf(address(pool)), 5e18);
        pass(2 days);
        slashing.execute(id);
        same(vault.stakeOf(PROVIDER), 500e18);
    }

    function test_an_appeal_that_nobody_rules_on_frees_the_accused() public {
        bytes32 id = propose(INVALID, LEASE);
        pass(3 days);
        appeal(id);
        pass(4 days);
        vm.expectPartialRevert(ISlashing.TooSoon.selector);
        slashing.lapse(id);
        pass(10 days);
        // Even if somebody ended the lock first.
        vault.unlock(id);
        vm.prank(ARBITER);
        vm.expectPartialRevert(ISlashing.TooLate.selector);
        slashing.rule(id, false, "");
        slashing.lapse(id);
        same(native.balanceOf(PROVIDER), 5e18);
        phaseIs(id, ISlashing.Phase.DISMISSED);
    }

    function test_what_nobody_executes_lapses() public {
        bytes32 id = propose(INVALID, LEASE);
        pass(5 days + 1);
        vm.expectPartialRevert(ISlashing.TooLate.selector);
        slashing.execute(id);
        slashing.lapse(id);
        vm.expectPartialRevert(ISlashing.WrongPhase.selector);
        slashing.lapse(id);
    }

    function test_appeals_are_the_accused_s_and_in_time() public {
        bytes32 id = propose(INVALID, LEASE);
        vm.prank(OTHER);
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.appeal(id, "");
        vm.prank(PROPOSER);
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.rule(id, true, "");
        pass(3 days + 1);
        vm.prank(PROVIDER);
        vm.expectPartialRevert(ISlashing.TooLate.selector);
        slashing.appeal(id, "");
    }

    function test_accusations_are_the_proposers_and_in_time() public {
        ISlashing.Accusation memory what = accusation(INVALID, LEASE);
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.propose(what);
        what.happenedAt = uint64(block.timestamp + 1);
        vm.prank(PROPOSER);
        vm.expectPartialRevert(ISlashing.TooSoon.selector);
        slashing.propose(what);
        pass(7 days + 2);
        vm.prank(PROPOSER);
        vm.expectPartialRevert(ISlashing.TooLate.selector);
        slashing.propose(what);
        what.accused = OTHER;
        what.happenedAt = uint64(block.timestamp);
        vm.prank(PROPOSER);
        vm.expectPartialRevert(ISlashing.NothingAtStake.selector);
        slashing.propose(what);
    }

    /// @dev Who does wrong and leaves at once still pays at the last moment of the last window.
    function test_leaving_right_after_an_offence_escapes_nothing() public {
        back(PROVIDER, DELEGATOR, 1000e18);
        uint256 shares = restaking.sharesOf(PROVIDER, DELEGATOR);
        ISlashing.Accusation memory what = accusation(INVALID, LEASE);
        unstake(1000e18);
        vm.prank(DELEGATOR);
        restaking.deallocate(PROVIDER, shares);
        pass(7 days);
        vm.prank(PROPOSER);
        bytes32 id = slashing.propose(what);
        pass(3 days);
        appeal(id);
        pass(4 days);
        rule(id, false);
        pass(2 days);
        slashing.execute(id);
        same(vault.slashableOf(PROVIDER), 500e18);
        same(restaking.slashableOf(PROVIDER), 500e18);
    }

    function test_a_delegator_who_left_is_not_paid_for_by_the_others() public {
        back(PROVIDER, DELEGATOR, 900e18);
        back(PROVIDER, OTHER, 100e18);
        uint256 shares = restaking.sharesOf(PROVIDER, DELEGATOR);
        vm.prank(DELEGATOR);
        restaking.deallocate(PROVIDER, shares);
        pass(DELAY - 1 days);
        bytes32 id = propose(INVALID, LEASE);
        pass(3 days + 1);
        vm.prank(DELEGATOR);
        restaking.withdraw(PROVIDER);
        slashing.execute(id);
        same(restaking.backingOf(PROVIDER), 50e18);
    }

    function test_a_worker_that_the_judge_found_wrong_is_slashed_by_anyone() public {
        vm.expectPartialRevert(ISlashing.NotRuled.selector);
        slashing.proposeRuled("dispute", PROVIDER, ACCUSER);
        ruling = IJudge.Ruling.WORKER_FAULT;
        bytes32 id = slashing.proposeRuled("dispute", PROVIDER, ACCUSER);
        vm.expectPartialRevert(ISlashing.KnownOffence.selector);
        slashing.proposeRuled("dispute", PROVIDER, ACCUSER);
        pass(3 days + 1);
        slashing.execute(id);
        same(vault.stakeOf(PROVIDER), 500e18);
        same(slashing.dueOf(id), 0);
    }

    function test_windows_longer_than_a_delay_are_refused() public {
        uint256 windows = slashing.WINDOWS();
        deploy(windows + 1, windows + 1);
        (bool isSettled,) = address(this).call(abi.encodeCall(this.deployWith, (windows, DELAY)));
        if (isSettled) revert("stake leaves too soon");
        (isSettled,) = address(this).call(abi.encodeCall(this.deployWith, (DELAY, windows)));
        if (isSettled) revert("backing leaves too soon");
    }

    function test_windows_can_be_shorter_and_never_longer() public {
        windows = ISlashing.Windows(60, 2, 10, 60);
        deploy(133, 133);
        same(slashing.WINDOWS(), 132);
        windows = ISlashing.Windows(7 days, 3 days + 1, 4 days, 2 days);
        (bool isMade,) = address(this).call(abi.encodeCall(this.deployWith, (DELAY, DELAY)));
        if (isMade) revert("an appeal waits too long");
        windows = ISlashing.Windows(7 days, 0, 4 days, 2 days);
        (isMade,) = address(this).call(abi.encodeCall(this.deployWith, (DELAY, DELAY)));
        if (isMade) revert("nobody can appeal");
        (windows, lockMax) = (ISlashing.Windows(7 days, 3 days, 4 days, 2 days), 9 days - 1);
        (isMade,) = address(this).call(abi.encodeCall(this.deployWith, (DELAY, DELAY)));
        if (isMade) revert("a lock ends too soon");
    }

    function deployWith(uint256 delay, uint256 lent) external {
        deploy(delay, lent);
    }

    function test_only_the_holders_slasher_is_made() public {
        Slashing.Terms memory terms = termsOf(GOVERNOR);
        vm.expectPartialRevert(ISlashing.NotSlasher.selector);
        new Slashing(terms);
    }

    function test_whoever_is_appointed_waits_until_all_who_distrust_it_are_gone() public {
        vm.prank(GOVERNOR);
        slashing.appointProposer(OTHER);
        unstake(1000e18);
        pass(slashing.NOTICE() - 1);
        ISlashing.Accusation memory what = accusation(INVALID, LEASE);
        vm.prank(OTHER);
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.propose(what);
        withdrawStake();
        same(native.balanceOf(PROVIDER), 1000e18);
        pass(1);
        if (!slashing.isProposer(OTHER)) revert("not appointed");
        vm.prank(GOVERNOR);
        vm.expectPartialRevert(Penalties.BothAtOnce.selector);
        slashing.appointArbiter(OTHER);
        vm.prank(GOVERNOR);
        slashing.revoke(OTHER);
        if (slashing.isProposer(OTHER)) revert("still appointed");
    }

    function test_parameters_are_the_governors() public {
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.setRate(INVALID, 100_000);
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.setShares(Penalties.Shares(0, 5e18, 0, 0));
        vm.expectPartialRevert(ISlashing.NotAllowed.selector);
        slashing.appointArbiter(OTHER);
    }

    function testFuzz_rates_stay_in_their_ranges(uint8 reason, uint32 ppm) public {
        ISlashing.SlashReason which = ISlashing.SlashReason(reason % 7);
        (uint256 least, uint256 usual, uint256 most) = slashing.rangeOf(which);
        if (least > usual || usual > most || most > 1e6) revert("no range");
        if (ppm < least || ppm > most) vm.expectPartialRevert(Ranges.OutOfRange.selector);
        vm.prank(GOVERNOR);
        slashing.setRate(which, ppm);
        same(slashing.rateOf(which), ppm < least || ppm > most ? usual : ppm);
    }

    function test_backing_brings_neither_accuser_nor_victim_more() public {
        unstake(980e18);
        pass(22 days);
        withdrawStake();
        back(PROVIDER, DELEGATOR, 80e18);
        give(address(this), 100e18, address(slashing));
        slashing.fundBounties(100e18);
        bytes32 id = propose(ISlashing.SlashReason.INVALID_RESULT, LEASE);
        pass(3 days + 1);
        slashing.execute(id);
        same(vault.stakeOf(PROVIDER) + restaking.slashableOf(PROVIDER), 50e18);
        same(native.balanceOf(ACCUSER), 0.5e18);
        same(slashing.dueOf(id), 5e18);
    }

    /// @dev Accuser, victim and accused are one: whatever the parameters, and whoever backs it, it is poorer afterwards.
    function testFuzz_accusing_oneself_never_pays(
        uint96 stake,
        uint96 lent,
        uint32[4] memory shares,
        uint128 bounty,
        uint128 loss,
        uint8 reason
    ) public {
        address self = address(0x5e1f);
        Penalties.Shares memory set = Penalties.Shares(uint128(bounty % 1e24), 1e18, shares[0] % 100_001, shares[1] % 500_001);
        ISlashing.SlashReason which = ISlashing.SlashReason(reason % 7);
        (uint256 least,, uint256 most) = slashing.rangeOf(which);
        vm.prank(GOVERNOR);
        slashing.setShares(set);
        vm.prank(GOVERNOR);
        slashing.setRate(which, least + shares[2] % (most - least + 1));
        uint256 amount = uint256(stake) + 1e4;
        bond(self, amount);
        back(self, DELEGATOR, uint256(lent) + 1);
        give(address(this), 1e25, address(slashing));
        slashing.fundBounties(1e25);
        vm.prank(PROPOSER);
        bytes32 id = slashing.propose(
            ISlashing.Accusation(self, which, LEASE, uint64(block.timestamp), self, self, loss, "")
        );
        pass(3 days + 1);
        slashing.execute(id);
        if (slashing.dueOf(id) > 0) slashing.refund(id);
        uint256 taken = amount - vault.slashableOf(self);
        if (taken == 0 || taken > amount) revert("slashed nothing, or more than there was");
        if (native.balanceOf(self) * 10 > taken * 6) revert("accusing oneself pays");
    }
}
