// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NativeToken} from "../src/NativeToken.sol";
import {RewardFormula} from "../src/RewardFormula.sol";
import {Rewards} from "../src/Rewards.sol";
import {IRewards} from "../src/interfaces/IRewards.sol";
import {same, vm} from "./Vm.sol";

/// @notice A period that tools/rewards.py built is posted, and every leaf earns what Python says.
contract RewardsVectorsTest {
    NativeToken private native;
    Rewards private rewards;

    error DeployedElsewhere(address rewards);

    function setUp() public {
        vm.warp(1_800_000_000);
        native = new NativeToken(address(this));
        RewardFormula.Terms memory terms = RewardFormula.Terms(200_000, 250_000, 1e15);
        rewards = new Rewards(native, address(this), address(this), address(this), 1000e18, terms);
        native.mint(address(rewards), 1000e18);
    }

    function test_a_period_built_in_python_earns_the_same_on_chain() public {
        bytes memory content = vm.readFileBinary("test/vectors/rewards.bin");
        (address place, uint256 network, uint256 total, bytes32 root, bytes[] memory claims) =
            abi.decode(content, (address, uint256, uint256, bytes32, bytes[]));
        // Then REWARDS in tools/rewards.py has to change.
        if (place != address(rewards)) revert DeployedElsewhere(address(rewards));
        vm.warp(block.timestamp + 7 days);
        rewards.post(1, root, uint112(network), uint128(total), "");
        vm.warp(block.timestamp + 3 days);
        for (uint256 i = 0; i < claims.length; ++i) {
            (IRewards.Leaf memory leaf, bytes32[] memory path, uint256 amount) =
                abi.decode(claims[i], (IRewards.Leaf, bytes32[], uint256));
            same(rewards.claim(1, leaf, path), amount);
        }
        same(rewards.reserved(), 0);
        same(native.balanceOf(address(rewards)), 1000e18 - total);
    }
}
