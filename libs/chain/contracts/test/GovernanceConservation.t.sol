// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NativeToken} from "../src/NativeToken.sol";
import {GovernanceFixture} from "./GovernanceFixture.sol";
import {Histories} from "./Histories.sol";
import {same, vm} from "./Vm.sol";

/// @notice Three voters who may hold a majority, buy and sell votes, and propose whatever would free them of a rule.
contract GovernanceMarket is GovernanceFixture {
    uint256 private constant KINDS = 7;
    NativeToken private _token;
    address[3] private _voters = [VOTER, address(0x5e11), address(0xb0b0)];
    uint256 private _turn;
    uint256 private _inFavour;

    constructor() {
        vm.warp(1_800_000_000);
        _token = new NativeToken(address(this));
        makeGovernance(_token);
        vm.warp(1_800_000_100);
    }

    function trade(uint8 from, uint8 to, uint96 amount, bool isDelegating) external {
        vm.prank(_voters[from % 3]);
        try _token.transfer(_voters[to % 3], amount % 1e24) {} catch {}
        vm.prank(_voters[to % 3]);
        if (isDelegating) _token.delegate(_voters[from % 3]);
        else _token.delegate(_voters[to % 3]);
        pass(1);
    }

    /// @dev Proposed by one, voted on by all, mostly for it, and done as soon as `wait` lets it.
    function decide(uint8 who, uint8 kind, uint32 value, uint8 support, uint24 wait) external {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) =
            call(_targetOf(kind % KINDS), _callOf(kind % KINDS, value));
        uint256 began = block.timestamp;
        string memory why = string(abi.encodePacked(++_turn));
        vm.prank(_voters[who % 3]);
        try governance.propose(targets, values, calls, why) returns (uint256 id) {
            _vote(id, support);
        } catch {
            return;
        }
        bytes32 digest = keccak256(bytes(why));
        try governance.queue(targets, values, calls, digest) {} catch {}
        pass(wait % 29 days);
        try governance.execute(targets, values, calls, digest) {
            if (block.timestamp < began + 1 days + 3 days + 2 days) revert("too soon to leave");
            if (_inFavour * 50 < _token.totalSupply()) revert("too few votes");
        } catch {}
    }

    function _vote(uint256 id, uint8 support) private {
        pass(governance.votingDelay() + 1);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(_voters[i]);
            try governance.castVote(id, support % 4 > 0 || support >> i & 4 == 0 ? 1 : 0) {} catch {}
        }
        (, _inFavour,) = governance.proposalVotes(id);
        pass(governance.votingPeriod());
    }

    /// @dev Nobody goes around the votes.
    function bypass(uint8 who, uint32 value) external {
        vm.prank(_voters[who % 3]);
        try governance.setVotingDelay(uint48(value)) {
            revert("set without a vote");
        } catch {}
        vm.prank(_voters[who % 3]);
        try timelock.schedule(address(timelock), 0, _callOf(5, value), "", "", 30 days) {
            revert("scheduled without a vote");
        } catch {}
    }

    function pass(uint256 seconds_) public {
        vm.warp(block.timestamp + seconds_ % 30 days);
    }

    function checkBounds() external view {
        _between(governance.votingDelay(), 1 days, 7 days);
        _between(governance.votingPeriod(), 3 days, 14 days);
        _between(governance.proposalThreshold(), 0, 1e24);
        _between(governance.quorumNumerator(), 2, 20);
        _between(timelock.getMinDelay(), 2 days, 30 days);
        if (governance.timelock() != address(timelock)) revert("another timelock");
        if (!timelock.hasRole(timelock.PROPOSER_ROLE(), address(governance))) revert("votes lost their right");
        for (uint256 i = 0; i < 3; ++i) {
            if (timelock.hasRole(timelock.PROPOSER_ROLE(), _voters[i])) revert("a voter may schedule");
            if (timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), _voters[i])) revert("a voter is administrator");
        }
        same(_token.totalSupply(), 1e24);
    }

    function _targetOf(uint256 kind) private view returns (address) {
        return kind < 5 ? address(governance) : address(timelock);
    }

    function _callOf(uint256 kind, uint256 value) private view returns (bytes memory) {
        if (kind == 0) return abi.encodeCall(governance.setVotingDelay, (uint48(value % 14 days)));
        if (kind == 1) return abi.encodeCall(governance.setVotingPeriod, (uint32(value % 28 days)));
        if (kind == 2) return abi.encodeCall(governance.setProposalThreshold, (value * 1e16));
        if (kind == 3) return abi.encodeCall(governance.updateQuorumNumerator, (value % 40));
        if (kind == 4) return abi.encodeCall(governance.updateTimelock, (timelock));
        if (kind == 5) return abi.encodeCall(timelock.updateDelay, (value % 60 days));
        return abi.encodeCall(timelock.grantRole, (timelock.PROPOSER_ROLE(), _voters[value % 3]));
    }

    function _between(uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert("out of its range");
    }
}

contract GovernanceConservationTest is Histories {
    GovernanceMarket private _market;

    function setUp() public {
        _market = new GovernanceMarket();
        drawnFrom(address(_market));
    }

    function invariant_votes_stay_within_their_ranges_and_nobody_goes_around_them() public view {
        _market.checkBounds();
    }
}
