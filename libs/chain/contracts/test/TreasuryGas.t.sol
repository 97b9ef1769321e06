// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RewardFormula} from "../src/RewardFormula.sol";
import {Rewards} from "../src/Rewards.sol";
import {IRewards} from "../src/interfaces/IRewards.sol";
import {TreasuryFixture} from "./TreasuryFixture.sol";
import {vm} from "./Vm.sol";

/// @notice What calls of the treasury and of rewards take, for gas.snapshot: everything else happens in setUp.
contract TreasuryGasTest is TreasuryFixture {
    Rewards private rewards;
    IRewards.Leaf private _leaf;
    bytes32[] private _path;

    function setUp() public override {
        super.setUp();
        rewards = new Rewards(native, GOVERNOR, address(this), GOVERNOR, 1e21, RewardFormula.Terms(200_000, 250_000, 1e6));
        native.mint(address(rewards), 1e21);
        _leaf = IRewards.Leaf(REQUESTER, "", 100, RewardFormula.Inputs(100, 100, 100));
        bytes32 root = rewards.leafHash(1, _leaf);
        for (uint256 i = 0; i < 10; ++i) {
            bytes32 sibling = bytes32(uint256(1) << 255);
            _path.push(sibling);
            root = root < sibling ? keccak256(abi.encode(root, sibling)) : keccak256(abi.encode(sibling, root));
        }
        vm.warp(block.timestamp + 7 days);
        rewards.post(1, root, 1000, 95e18, "");
        vm.warp(block.timestamp + 3 days);
        stay(200, 30);
        mint(REQUESTER, 100e18);
        native.mint(address(this), 1e18);
        native.approve(address(treasury), 1e18);
        vm.warp(block.timestamp + 1 minutes);
        say(200);
    }

    function test_gas_mint() public {
        treasury.mint(1e18, 0);
    }

    function test_gas_redeem() public {
        redeem(REQUESTER, 1e6);
    }

    function test_gas_poke() public {
        oracle.poke();
    }

    function test_gas_claim_one_of_a_thousand() public {
        rewards.claim(1, _leaf, _path);
    }
}
