// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RewardFormula} from "../src/RewardFormula.sol";
import {same} from "./Vm.sol";

/// @notice Splitting never pays and merging pays no more than the stake carries, whatever else the network does.
contract RewardFormulaTest {
    struct World {
        uint96 emission;
        uint96 neighbours;
        uint96 elsewhere;
        uint32 target;
        uint32 cap;
        uint64 stakePerMegaUnit;
    }

    function termsOf(World memory world) private pure returns (RewardFormula.Terms memory) {
        return RewardFormula.Terms(
            world.target % 990_001 + 10_000,
            world.cap % 490_001 + 10_000,
            uint128(world.stakePerMegaUnit) + 1
        );
    }

    /// @dev What somebody of this weight gets.
    function earned(World memory world, uint256 own, uint256 ofWhich) private pure returns (uint256) {
        uint256 place = own + world.neighbours;
        RewardFormula.Terms memory terms = termsOf(world);
        return RewardFormula.rewardOf(world.emission, ofWhich, place, place + world.elsewhere, terms);
    }

    function part(RewardFormula.Inputs memory whole, uint256[3] memory shares, uint256 count) private pure returns (RewardFormula.Inputs memory) {
        return RewardFormula.Inputs(
            uint112(whole.available * (shares[0] % 1025) / 1024 / count),
            uint112(whole.verified * (shares[1] % 1025) / 1024 / count),
            uint112(whole.stake * (shares[2] % 1025) / 1024 / count)
        );
    }

    function minus(RewardFormula.Inputs memory a, RewardFormula.Inputs memory b) private pure returns (RewardFormula.Inputs memory) {
        return RewardFormula.Inputs(a.available - b.available, a.verified - b.verified, a.stake - b.stake);
    }

    function bounded(RewardFormula.Inputs memory any) private pure returns (RewardFormula.Inputs memory) {
        return RewardFormula.Inputs(any.available % 2 ** 96, any.verified % 2 ** 96, any.stake % 2 ** 96);
    }

    function testFuzz_splitting_in_two_never_pays(World memory world, RewardFormula.Inputs memory any, uint256[3] memory shares)
        public
        pure
    {
        RewardFormula.Inputs memory whole = bounded(any);
        RewardFormula.Inputs memory one = part(whole, shares, 1);
        RewardFormula.Terms memory terms = termsOf(world);
        uint256 first = RewardFormula.weightOf(one, terms);
        uint256 second = RewardFormula.weightOf(minus(whole, one), terms);
        uint256 together = RewardFormula.weightOf(whole, terms);
        if (first + second > together) revert("splitting adds weight");
        uint256 split = earned(world, first + second, first) + earned(world, first + second, second);
        if (split > earned(world, together, together)) revert("splitting pays");
    }

    function testFuzz_splitting_in_many_never_pays(World memory world, RewardFormula.Inputs memory any, uint8 many) public pure {
        RewardFormula.Inputs memory whole = bounded(any);
        uint256 count = uint256(many) + 2;
        uint256 each = RewardFormula.weightOf(part(whole, [uint256(1024), 1024, 1024], count), termsOf(world));
        uint256 together = RewardFormula.weightOf(whole, termsOf(world));
        uint256 split = count * earned(world, count * each, each);
        if (split > earned(world, together, together)) revert("splitting pays");
    }

    /// @dev Two that are both at the limit of their stake get together what they got apart.
    function testFuzz_merging_beyond_the_cap_never_pays(World memory world, uint96 first, uint96 second) public pure {
        uint256 perMega = termsOf(world).stakePerMegaUnit;
        (uint256 a, uint256 b) = (uint256(first) * perMega / 1e6, uint256(second) * perMega / 1e6);
        RewardFormula.Terms memory terms = termsOf(world);
        if (a + b >= 2 ** 112) return;
        uint112 full = 2 ** 112 - 1;
        uint256 one = RewardFormula.weightOf(RewardFormula.Inputs(full, full, uint112(a)), terms);
        uint256 two = RewardFormula.weightOf(RewardFormula.Inputs(full, full, uint112(b)), terms);
        uint256 both = RewardFormula.weightOf(RewardFormula.Inputs(full, full, uint112(a + b)), terms);
        if (both > one + two + 1) revert("merging adds weight");
    }

    function testFuzz_more_weight_never_earns_less(World memory world, uint96 weight, uint96 more) public pure {
        uint256 all = uint256(weight) + more;
        if (earned(world, weight, weight) > earned(world, all, all)) revert("hiding capacity pays");
    }

    function testFuzz_places_get_the_emission_at_most_and_none_more_than_its_cap(World memory world, uint96[4] memory places)
        public
        pure
    {
        RewardFormula.Terms memory terms = termsOf(world);
        uint256 network = uint256(places[0]) + places[1] + places[2] + places[3];
        if (network == 0) return;
        uint256 total = 0;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 budget = RewardFormula.budgetOf(world.emission, places[i], network, terms);
            if (budget > uint256(world.emission) * terms.capPpm / 1e6) revert("above the cap");
            total += budget;
        }
        if (total > world.emission) revert("more than is emitted");
    }

    function test_a_place_with_half_of_all_gets_less_than_two_with_a_quarter() public pure {
        RewardFormula.Terms memory terms = RewardFormula.Terms(200_000, 500_000, 1);
        same(RewardFormula.budgetOf(1000, 50, 100, terms), 375);
        same(RewardFormula.budgetOf(1000, 25, 100, terms), 218);
    }

    function test_what_was_not_challenged_or_did_not_work_or_is_not_staked_for_earns_nothing() public pure {
        RewardFormula.Terms memory terms = RewardFormula.Terms(200_000, 250_000, 1e6);
        same(RewardFormula.weightOf(RewardFormula.Inputs(0, 1e9, 1e9), terms), 0);
        same(RewardFormula.weightOf(RewardFormula.Inputs(1e9, 0, 1e9), terms), 0);
        same(RewardFormula.weightOf(RewardFormula.Inputs(1e9, 1e9, 0), terms), 0);
        same(RewardFormula.weightOf(RewardFormula.Inputs(1e9, 1e8, 1e9), terms), 5e8);
    }
}
