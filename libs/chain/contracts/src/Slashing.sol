// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IInsurancePool} from "./interfaces/IInsurancePool.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {IRestaking} from "./interfaces/IRestaking.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Penalties} from "./Penalties.sol";
import {Ranges} from "./Ranges.sol";

/// @dev ISlashing says what each function does.
contract Slashing is Penalties, ReentrancyGuardTransient {
    using SafeERC20 for ERC20Burnable;
    using SafeCast for uint256;

    uint256 private constant REPORT_LONGEST = 7 days;
    uint256 private constant APPEAL_LONGEST = 3 days;
    uint256 private constant RULING_LONGEST = 4 days;
    uint256 private constant EXECUTION_LONGEST = 2 days;
    /// @notice How old an offence may be when it is proposed, and how long each phase waits, in seconds. Shorter ones than
    /// the longest are for networks on which nothing is at stake.
    uint256 public immutable REPORT_WINDOW;
    uint256 public immutable APPEAL_WINDOW;
    uint256 public immutable RULING_WINDOW;
    uint256 public immutable EXECUTION_WINDOW;
    /// @notice From an offence to the last moment at which it can be slashed.
    uint256 public immutable WINDOWS;

    ERC20Burnable public immutable NATIVE;
    IStakeVault public immutable VAULT;
    IRestaking public immutable RESTAKING;
    IInsurancePool public immutable POOL;
    IJudge public immutable JUDGE;

    struct Terms {
        ERC20Burnable native;
        IStakeVault vault;
        IRestaking restaking;
        IInsurancePool pool;
        IJudge judge;
        address governor;
        address proposer;
        address arbiter;
        Shares shares;
        Windows windows;
    }

    /// @notice What the fund of bounties holds.
    uint256 public bountyFund;
    mapping(bytes32 id => Proposal) private _proposals;
    mapping(bytes32 id => uint256) private _due;

    constructor(Terms memory terms)
        Penalties(
            terms.governor,
            Math.max(terms.vault.UNBONDING_DELAY() + terms.vault.LOCK_MAX(), terms.restaking.DELAY()) + terms.windows.report,
            terms.proposer,
            terms.arbiter,
            terms.shares
        )
    {
        Windows memory windows = terms.windows;
        Ranges.check(windows.report, 1, REPORT_LONGEST);
        Ranges.check(windows.appeal, 1, APPEAL_LONGEST);
        Ranges.check(windows.ruling, 1, RULING_LONGEST);
        Ranges.check(windows.execution, 1, EXECUTION_LONGEST);
        (REPORT_WINDOW, APPEAL_WINDOW) = (windows.report, windows.appeal);
        (RULING_WINDOW, EXECUTION_WINDOW) = (windows.ruling, windows.execution);
        uint256 phases = uint256(windows.appeal) + windows.ruling + windows.execution;
        WINDOWS = phases + windows.report;
        uint256 delay = Math.min(terms.vault.UNBONDING_DELAY(), terms.restaking.DELAY());
        if (delay <= phases + windows.report) revert DelayTooShort(delay, phases + windows.report);
        if (terms.vault.LOCK_MAX() < phases) revert LockTooShort(terms.vault.LOCK_MAX(), phases);
        if (terms.vault.SLASHER() != address(this) || terms.restaking.SLASHER() != address(this)) revert NotSlasher();
        (NATIVE, VAULT, RESTAKING) = (terms.native, terms.vault, terms.restaking);
        (POOL, JUDGE) = (terms.pool, terms.judge);
    }

    function propose(Accusation calldata accusation) external returns (bytes32 id) {
        if (!isProposer(msg.sender)) revert NotAllowed(msg.sender);
        uint256 deadline = accusation.happenedAt + REPORT_WINDOW;
        if (block.timestamp > deadline) revert TooLate(deadline);
        if (accusation.happenedAt > block.timestamp) revert TooSoon(accusation.happenedAt);
        return _propose(accusation);
    }

    function proposeRuled(bytes32 dispute, address worker, address challenger) external returns (bytes32 id) {
        if (JUDGE.rulingOf(dispute, worker, challenger) != IJudge.Ruling.WORKER_FAULT) revert NotRuled(dispute);
        uint64 now_ = uint64(block.timestamp);
        return
            _propose(
                Accusation(worker, SlashReason.INVALID_RESULT, dispute, now_, challenger, address(0), 0, dispute)
            );
    }

    function appeal(bytes32 id, bytes32 evidence) external nonReentrant {
        Proposal storage proposal = _proposalIn(id, Phase.PROPOSED);
        if (msg.sender != proposal.accused) revert NotAllowed(msg.sender);
        if (block.timestamp > proposal.until) revert TooLate(proposal.until);
        (proposal.phase, proposal.until) = (Phase.APPEALED, uint64(block.timestamp + RULING_WINDOW));
        proposal.bond = _shares.bond;
        emit Appealed(id, evidence, proposal.bond, proposal.until);
        NATIVE.safeTransferFrom(msg.sender, address(this), proposal.bond);
    }

    function rule(bytes32 id, bool isUpheld, bytes32 grounds) external nonReentrant {
        if (!isArbiter(msg.sender)) revert NotAllowed(msg.sender);
        Proposal storage proposal = _proposalIn(id, Phase.APPEALED);
        if (block.timestamp > proposal.until) revert TooLate(proposal.until);
        emit AppealRuled(id, isUpheld, grounds);
        if (isUpheld) return _dismiss(id, proposal);
        (proposal.phase, proposal.until) = (Phase.CONFIRMED, uint64(block.timestamp));
        uint256 bond = proposal.bond;
        proposal.bond = 0;
        NATIVE.safeTransfer(address(POOL), bond);
    }

    function execute(bytes32 id) external nonReentrant {
        Proposal storage proposal = _proposals[id];
        if (proposal.phase != Phase.PROPOSED && proposal.phase != Phase.CONFIRMED) revert WrongPhase(proposal.phase);
        if (proposal.phase == Phase.PROPOSED && block.timestamp <= proposal.until) revert TooSoon(proposal.until + 1);
        if (block.timestamp > proposal.until + EXECUTION_WINDOW) revert TooLate(proposal.until + EXECUTION_WINDOW);
        proposal.phase = Phase.EXECUTED;
        VAULT.unlock(id);
        uint256 own = VAULT.slash(proposal.accused, proposal.own);
        uint256 backing = RESTAKING.slashableOf(proposal.accused) * proposal.ppm / PPM;
        _spend(id, proposal, own, own + RESTAKING.slash(proposal.accused, Math.min(proposal.backing, backing)));
    }

    function lapse(bytes32 id) external nonReentrant {
        Proposal storage proposal = _proposals[id];
        Phase phase = proposal.phase;
        if (phase == Phase.NONE || phase >= Phase.EXECUTED) revert WrongPhase(phase);
        uint256 until = proposal.until + (phase == Phase.APPEALED ? 0 : EXECUTION_WINDOW);
        if (block.timestamp <= until) revert TooSoon(until + 1);
        _dismiss(id, proposal);
    }

    function refund(bytes32 id) external nonReentrant {
        uint256 amount = Math.min(_due[id], NATIVE.balanceOf(address(POOL)));
        if (amount == 0) revert NothingDue(id);
        _due[id] -= amount;
        Proposal storage proposal = _proposals[id];
        emit Refunded(id, proposal.victim, amount, _due[id]);
        POOL.compensate(proposal.victim, amount, proposal.offence);
    }

    function fundBounties(uint256 amount) external nonReentrant {
        uint256 before = NATIVE.balanceOf(address(this));
        NATIVE.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = NATIVE.balanceOf(address(this)) - before;
        bountyFund += arrived;
        emit BountiesFunded(msg.sender, arrived);
    }

    function proposalOf(bytes32 id) external view returns (Proposal memory) {
        return _proposals[id];
    }

    /// @notice What the victim of an executed slash is still due.
    function dueOf(bytes32 id) external view returns (uint256) {
        return _due[id];
    }

    /// @dev The part of backing is rounded down: the provider's own stake answers first.
    function _propose(Accusation memory what) private returns (bytes32 id) {
        id = keccak256(abi.encode(what.accused, what.offence));
        if (_proposals[id].phase != Phase.NONE) revert KnownOffence(id);
        (uint256 own, uint256 backing) = (VAULT.slashableOf(what.accused), RESTAKING.slashableOf(what.accused));
        uint256 ppm = rateOf(what.reason);
        uint256 total = (own + backing) * ppm / PPM;
        if (total == 0) revert NothingAtStake(what.accused);
        backing = Math.mulDiv(total, backing, own + backing);
        own = total - backing;
        uint64 until = uint64(block.timestamp + APPEAL_WINDOW);
        _proposals[id] = Proposal({
            phase: Phase.PROPOSED,
            ppm: uint32(ppm),
            until: until,
            own: own.toUint128(),
            backing: backing.toUint128(),
            bond: 0,
            loss: what.loss,
            accused: what.accused,
            accuser: what.accuser,
            victim: what.victim,
            offence: what.offence
        });
        emit Proposed(id, what.accused, what.reason, what.offence, own, backing, until, what.evidence);
        VAULT.lock(id, what.accused, own, uint64(block.timestamp + WINDOWS - REPORT_WINDOW));
    }

    /// @dev Burned and to the pool: all that was taken. Whatever else is paid comes out of the fund, or of the pool later;
    /// it is a part of own stake: who accuses itself, or is its own victim, would live on its delegators' otherwise.
    function _spend(bytes32 id, Proposal storage proposal, uint256 own, uint256 taken) private {
        uint256 burned = taken * _shares.burnPpm / PPM;
        (uint256 bounty, uint256 due) = rewardsOf(own, proposal.loss);
        bounty = proposal.accuser == address(0) ? 0 : Math.min(bounty, bountyFund);
        if (proposal.victim != address(0)) _due[id] = due;
        bountyFund -= bounty;
        emit SlashExecuted(id, proposal.accused, taken, burned);
        if (bounty > 0) emit BountyPaid(id, proposal.accuser, bounty);
        if (burned > 0) NATIVE.burn(burned);
        NATIVE.safeTransfer(address(POOL), taken - burned);
        if (bounty > 0) NATIVE.safeTransfer(proposal.accuser, bounty);
    }

    function _dismiss(bytes32 id, Proposal storage proposal) private {
        uint256 bond = proposal.bond;
        (proposal.phase, proposal.bond) = (Phase.DISMISSED, 0);
        VAULT.unlock(id);
        emit Dismissed(id);
        if (bond > 0) NATIVE.safeTransfer(proposal.accused, bond);
    }

    function _proposalIn(bytes32 id, Phase phase) private view returns (Proposal storage proposal) {
        proposal = _proposals[id];
        if (proposal.phase != phase) revert WrongPhase(proposal.phase);
    }
}
