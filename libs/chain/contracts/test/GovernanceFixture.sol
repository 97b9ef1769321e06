// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governance} from "../src/Governance.sol";
import {Timelock} from "../src/Timelock.sol";
import {NativeToken} from "../src/NativeToken.sol";
import {vm} from "./Vm.sol";

/// @notice Votes, a timelock and one voter with enough tokens.
abstract contract GovernanceFixture {
    address internal constant VOTER = address(0x707e);
    Governance internal governance;
    Timelock internal timelock;

    function makeGovernance(NativeToken token) internal {
        address[] memory proposers = new address[](1);
        proposers[0] = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        timelock = new Timelock(2 days, proposers);
        governance = new Governance(token, timelock, 1 days, 3 days, 1000e18, 4);
        token.mint(VOTER, 1e24);
        vm.prank(VOTER);
        token.delegate(VOTER);
        vm.warp(block.timestamp + 1);
    }

    function call(address target, bytes memory data)
        internal
        pure
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calls)
    {
        (targets, values, calls) = (new address[](1), new uint256[](1), new bytes[](1));
        (targets[0], calls[0]) = (target, data);
    }

    /// @dev Proposed by the voter, voted for, queued and waited for: to be executed.
    function carry(address target, bytes memory data) internal {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = call(target, data);
        vm.prank(VOTER);
        uint256 id = governance.propose(targets, values, calls, "why");
        vm.warp(block.timestamp + governance.votingDelay() + 1);
        vm.prank(VOTER);
        governance.castVote(id, 1);
        vm.warp(block.timestamp + governance.votingPeriod());
        governance.queue(targets, values, calls, keccak256("why"));
        vm.warp(block.timestamp + timelock.getMinDelay());
    }

    function execute(address target, bytes memory data) internal {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = call(target, data);
        governance.execute(targets, values, calls, keccak256("why"));
    }

    function decide(address target, bytes memory data) internal {
        carry(target, data);
        execute(target, data);
    }

    /// @dev What a vote may decide, and what happens when it does: nothing.
    function decideInVain(address target, bytes memory data) internal {
        carry(target, data);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = call(target, data);
        try governance.execute(targets, values, calls, keccak256("why")) {
            revert("the vote had its way");
        } catch {}
    }
}
