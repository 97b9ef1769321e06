// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Ranges} from "./Ranges.sol";

/// @title What a vote decided waits here
/// @notice The governor of every other contract. It has no administrator, and who may schedule is fixed at birth: not even a
/// vote can pass its right on. Anyone may execute what has waited.
contract Timelock is TimelockController {
    uint256 public constant DELAY_MIN = 2 days;
    uint256 public constant DELAY_MAX = 30 days;

    error FixedRoles();

    constructor(uint256 delay, address[] memory proposers)
        TimelockController(delay, proposers, new address[](1), address(0))
    {
        Ranges.check(delay, DELAY_MIN, DELAY_MAX);
    }

    function updateDelay(uint256 delay) public override {
        Ranges.check(delay, DELAY_MIN, DELAY_MAX);
        super.updateDelay(delay);
    }

    function grantRole(bytes32, address) public pure override {
        revert FixedRoles();
    }
}
