// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Governance} from "../src/Governance.sol";
import {NativeToken} from "../src/NativeToken.sol";
import {Ranges} from "../src/Ranges.sol";
import {Timelock} from "../src/Timelock.sol";
import {GovernanceFixture} from "./GovernanceFixture.sol";
import {same, vm} from "./Vm.sol";

contract GovernanceTest is GovernanceFixture {
    address private constant BORROWER = address(0xb0b0);
    NativeToken private token;

    function setUp() public {
        vm.warp(1_800_000_000);
        token = new NativeToken(address(this));
        makeGovernance(token);
    }

    function proposeDelay() private returns (uint256 id) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = delayCall();
        vm.prank(VOTER);
        return governance.propose(targets, values, calls, "why");
    }

    function delayCall() private view returns (address[] memory, uint256[] memory, bytes[] memory) {
        return call(address(governance), abi.encodeCall(governance.setVotingDelay, (2 days)));
    }

    function test_a_vote_moves_its_own_parameters_within_their_ranges() public {
        decide(address(governance), abi.encodeCall(governance.setVotingDelay, (2 days)));
        same(governance.votingDelay(), 2 days);
        decide(address(timelock), abi.encodeCall(timelock.updateDelay, (3 days)));
        same(timelock.getMinDelay(), 3 days);
    }

    function test_a_vote_does_not_leave_its_ranges() public {
        bytes[8] memory calls = [
            abi.encodeCall(governance.setVotingDelay, (1 days - 1)),
            abi.encodeCall(governance.setVotingDelay, (7 days + 1)),
            abi.encodeCall(governance.setVotingPeriod, (3 days - 1)),
            abi.encodeCall(governance.setVotingPeriod, (14 days + 1)),
            abi.encodeCall(governance.setProposalThreshold, (1e24 + 1)),
            abi.encodeCall(governance.updateQuorumNumerator, (1)),
            abi.encodeCall(governance.updateQuorumNumerator, (21)),
            abi.encodeCall(governance.updateTimelock, (TimelockController(payable(VOTER))))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            decideInVain(address(governance), calls[i]);
        }
        decideInVain(address(timelock), abi.encodeCall(timelock.updateDelay, (2 days - 1)));
        decideInVain(address(timelock), abi.encodeCall(timelock.updateDelay, (30 days + 1)));
    }

    function test_a_vote_passes_its_right_to_nobody() public {
        bytes32 role = timelock.PROPOSER_ROLE();
        decideInVain(address(timelock), abi.encodeCall(timelock.grantRole, (role, VOTER)));
    }

    function test_what_passed_waits_in_the_timelock() public {
        uint256 id = proposeDelay();
        vm.warp(block.timestamp + 1 days + 1);
        vm.prank(VOTER);
        governance.castVote(id, 1);
        vm.warp(block.timestamp + 3 days);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = delayCall();
        governance.queue(targets, values, calls, keccak256("why"));
        vm.warp(block.timestamp + 2 days - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        governance.execute(targets, values, calls, keccak256("why"));
    }

    function test_tokens_borrowed_for_a_vote_decide_nothing() public {
        token.mint(address(this), 1e26);
        uint256 id = proposeDelay();
        vm.warp(block.timestamp + 1 days + 1);
        token.transfer(BORROWER, 1e26);
        vm.prank(BORROWER);
        token.delegate(BORROWER);
        vm.prank(BORROWER);
        governance.castVote(id, 1);
        (, uint256 inFavour,) = governance.proposalVotes(id);
        same(inFavour, 0);
        vm.warp(block.timestamp + 3 days);
        same(uint256(governance.state(id)), uint256(IGovernor.ProposalState.Defeated));
    }

    function test_without_a_quorum_nothing_passes() public {
        token.mint(address(this), 25e24);
        vm.warp(block.timestamp + 1);
        uint256 id = proposeDelay();
        vm.warp(block.timestamp + 1 days + 1);
        vm.prank(VOTER);
        governance.castVote(id, 1);
        vm.warp(block.timestamp + 3 days);
        same(uint256(governance.state(id)), uint256(IGovernor.ProposalState.Defeated));
    }

    function test_who_has_too_little_proposes_nothing() public {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = delayCall();
        vm.prank(BORROWER);
        vm.expectPartialRevert(IGovernor.GovernorInsufficientProposerVotes.selector);
        governance.propose(targets, values, calls, "why");
    }

    function test_the_timelock_obeys_the_votes_alone() public {
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        timelock.schedule(address(timelock), 0, "", "", "", 30 days);
        if (timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(this))) revert("an administrator");
        vm.expectPartialRevert(Ranges.OutOfRange.selector);
        new Timelock(2 days - 1, new address[](0));
        vm.expectPartialRevert(Ranges.OutOfRange.selector);
        new Governance(token, timelock, 1 days, 3 days, 0, 1);
    }
}
