// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Slashing with an appeal
/// @notice An accusation is proposed, waits for an appeal, and is executed by whoever likes. What is slashed is burned or
/// goes to the insurance pool, never to who accused; out of a fund that fees fill a proven accusation earns a bounty, and
/// the victim is refunded out of the pool for what its payment did not give back. Bounty and refund together stay below
/// what was slashed of own stake for the same offence, so that accusing oneself never pays. Amounts are base units of the native
/// token (10^18), shares are millionths, times are seconds.
interface ISlashing {
    /// @notice What stake answers for.
    enum SlashReason {
        INVALID_RESULT,
        WITHHELD_DATA,
        DOWNTIME,
        FALSE_CAPACITY,
        LAZY_VERIFIER,
        FALSE_ACCUSATION,
        EQUIVOCATION
    }

    enum Phase {
        NONE,
        PROPOSED,
        APPEALED,
        CONFIRMED,
        EXECUTED,
        DISMISSED
    }

    /// @notice How old an offence may be when it is proposed, and how long each phase waits; fixed at birth.
    struct Windows {
        uint64 report;
        uint64 appeal;
        uint64 ruling;
        uint64 execution;
    }

    /// @notice An offence, which (accused, offence) names: a lease, an audit or a dispute. `loss` is what the victim lost
    /// and its payment did not give back, at the price of the day in native base units.
    struct Accusation {
        address accused;
        SlashReason reason;
        bytes32 offence;
        uint64 happenedAt;
        address accuser;
        address victim;
        uint128 loss;
        bytes32 evidence;
    }

    /// @notice How it stands: `until` ends what the phase waits for; `own` and `backing` are taken at most, of backing
    /// also at most `ppm` of what there is then, so that nobody answers for a delegator who has left.
    struct Proposal {
        Phase phase;
        uint32 ppm;
        uint64 until;
        uint128 own;
        uint128 backing;
        uint128 bond;
        uint128 loss;
        address accused;
        address accuser;
        address victim;
        bytes32 offence;
    }

    event Proposed(
        bytes32 indexed id,
        address indexed accused,
        SlashReason reason,
        bytes32 offence,
        uint256 own,
        uint256 backing,
        uint64 appealUntil,
        bytes32 evidence
    );
    event Appealed(bytes32 indexed id, bytes32 evidence, uint256 bond, uint64 ruleUntil);
    event AppealRuled(bytes32 indexed id, bool isUpheld, bytes32 grounds);
    event SlashExecuted(bytes32 indexed id, address indexed accused, uint256 taken, uint256 burned);
    event Dismissed(bytes32 indexed id);
    event BountyPaid(bytes32 indexed id, address indexed accuser, uint256 amount);
    event Refunded(bytes32 indexed id, address indexed victim, uint256 amount, uint256 left);
    event BountiesFunded(address indexed giver, uint256 amount);

    error KnownOffence(bytes32 id);
    error TooLate(uint256 deadline);
    error TooSoon(uint256 readyAt);
    error WrongPhase(Phase phase);
    error NothingAtStake(address accused);
    error NothingDue(bytes32 id);
    error NotRuled(bytes32 dispute);
    error NotAllowed(address caller);
    /// @notice Stake would leave before the windows of a slash are over.
    error DelayTooShort(uint256 delay, uint256 windows);
    /// @notice A lock would end before the phases of a slash are over.
    error LockTooShort(uint256 lockMax, uint256 needed);
    error NotSlasher();

    /// @notice Accuses. Only for a proposer; the offence is at most REPORT_WINDOW old.
    function propose(Accusation calldata accusation) external returns (bytes32 id);

    /// @notice Accuses a worker that the judge on chain ruled wrong. Anyone may; the bounty is the challenger's.
    function proposeRuled(bytes32 dispute, address worker, address challenger) external returns (bytes32 id);

    /// @notice Contests an accusation against the caller, with evidence and a bond that it gets back unless the appeal
    /// is rejected.
    function appeal(bytes32 id, bytes32 evidence) external;

    /// @notice Upholds an appeal (nothing is slashed) or rejects it. Only for an arbiter, within RULING_WINDOW.
    function rule(bytes32 id, bool isUpheld, bytes32 grounds) external;

    /// @notice Slashes what was not appealed, or in vain. Anyone may, within EXECUTION_WINDOW.
    function execute(bytes32 id) external;

    /// @notice Dismisses what was not ruled or not executed in time. Anyone may.
    function lapse(bytes32 id) external;

    /// @notice Sends the victim of an executed slash what it is still due, as far as the pool has it. Anyone may.
    function refund(bytes32 id) external;

    /// @notice Adds `amount` of the caller's tokens to the fund of bounties.
    function fundBounties(uint256 amount) external;
}
