// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RewardFormula} from "../RewardFormula.sol";

/// @title Bootstrap rewards by period
/// @notice After each period a poster posts one root over what every provider did in it. A claim opens its leaf, and the
/// contract itself computes by RewardFormula what that earns: the poster states inputs, never amounts, and what a period
/// pays is bounded whatever it states. Whoever holds the period's inputs can compute the root again; within the window the
/// guardian may void it, and then it is posted again. After the window nobody can. Claims have no end.
interface IRewards {
    /// @notice What a provider did; and the weight of all at its place.
    struct Leaf {
        address provider;
        bytes32 place;
        uint112 placeWeight;
        RewardFormula.Inputs inputs;
    }

    /// @notice What was posted: `total` is what all leaves earn together; `emission` what places have parts of.
    struct Period {
        bytes32 root;
        uint64 claimableFrom;
        uint112 network;
        uint128 emission;
        uint128 total;
        uint128 paid;
        RewardFormula.Terms terms;
    }

    event PeriodPosted(
        uint64 indexed number,
        bytes32 root,
        uint256 network,
        uint256 emission,
        uint256 total,
        bytes32 inputsDigest
    );
    event PeriodVoided(uint64 indexed number);
    event RewardPaid(uint64 indexed number, address indexed provider, uint256 amount);
    event RewardTermsSet(uint256 emission, uint256 targetPpm, uint256 capPpm, uint256 stakePerMegaUnit);
    event RewardRolesSet(address poster, address guardian);

    error NotAllowed(address caller);
    error WrongPeriod(uint64 number);
    error TooSoon(uint256 readyAt);
    error WindowOver(uint256 endedAt);
    /// @notice More would be owed than is there, or than the emission.
    error Exceeded(uint256 wanted, uint256 most);
    error AlreadyClaimed(uint64 number, address provider);
    error WrongProof();

    /// @notice Posts the next period once it is over and the one before it can no longer be voided. Only for the poster.
    function post(uint64 number, bytes32 root, uint112 network, uint128 total, bytes32 inputsDigest) external;

    /// @notice Voids a period within its window. Only for the guardian.
    function voidPeriod(uint64 number) external;

    /// @notice Pays a provider what a leaf earns, once. Anyone may; the money goes to the provider.
    function claim(uint64 number, Leaf calldata leaf, bytes32[] calldata proof) external returns (uint256 amount);
}
