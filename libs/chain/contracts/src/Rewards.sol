// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IRewards} from "./interfaces/IRewards.sol";
import {Ranges} from "./Ranges.sol";
import {RewardFormula} from "./RewardFormula.sol";

/// @dev IRewards says what each function does. It pays from what was sent to it and makes no tokens.
contract Rewards is IRewards, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    bytes32 public constant LEAF_TYPEHASH = keccak256(
        "RewardLeaf(uint256 chainId,address rewards,uint64 number,address provider,bytes32 place,uint112 placeWeight,uint112 available,uint112 verified,uint112 stake)"
    );
    uint256 public constant PERIOD = 7 days;
    uint256 public constant WINDOW = 3 days;
    uint256 private constant EMISSION_MAX = 1e25;
    IERC20 public immutable NATIVE;
    address public immutable GOVERNOR;
    uint256 public immutable START;

    address public poster;
    address public guardian;
    uint64 public posted;
    /// @notice What the next period emits at most, in native base units.
    uint256 public emission;
    /// @notice What posted periods earn and did not pay yet.
    uint256 public reserved;
    RewardFormula.Terms private _terms;
    mapping(uint64 number => Period) private _periods;
    mapping(uint64 number => mapping(address provider => bool)) private _claimed;

    constructor(IERC20 native, address governor, address poster_, address guardian_, uint256 emission_, RewardFormula.Terms memory terms) {
        (NATIVE, GOVERNOR, START) = (native, governor, block.timestamp);
        _setRoles(poster_, guardian_);
        _setTerms(emission_, terms);
    }

    function post(uint64 number, bytes32 root, uint112 network, uint128 total, bytes32 inputsDigest) external {
        _require(poster);
        if (number != posted + 1) revert WrongPeriod(number);
        uint256 readyAt = Math.max(START + number * PERIOD, _periods[posted].claimableFrom);
        if (block.timestamp < readyAt) revert TooSoon(readyAt);
        uint256 free = NATIVE.balanceOf(address(this)) - reserved;
        uint256 emitted = Math.min(emission, free);
        if (total > emitted) revert Exceeded(total, emitted);
        (posted, reserved) = (number, reserved + total);
        Period storage period = _periods[number];
        (period.root, period.claimableFrom) = (root, uint64(block.timestamp + WINDOW));
        (period.network, period.emission, period.total, period.terms) = (network, emitted.toUint128(), total, _terms);
        emit PeriodPosted(number, root, network, emitted, total, inputsDigest);
    }

    function voidPeriod(uint64 number) external {
        _require(guardian);
        if (number != posted || number == 0) revert WrongPeriod(number);
        Period storage period = _periods[number];
        if (block.timestamp >= period.claimableFrom) revert WindowOver(period.claimableFrom);
        (posted, reserved) = (number - 1, reserved - period.total);
        delete _periods[number];
        emit PeriodVoided(number);
    }

    function claim(uint64 number, Leaf calldata leaf, bytes32[] calldata proof) external nonReentrant returns (uint256 amount) {
        Period storage period = _periods[number];
        uint256 readyAt = period.claimableFrom;
        if (readyAt == 0) revert WrongPeriod(number);
        if (block.timestamp < readyAt) revert TooSoon(readyAt);
        if (_claimed[number][leaf.provider]) revert AlreadyClaimed(number, leaf.provider);
        if (!MerkleProof.verifyCalldata(proof, period.root, leafHash(number, leaf))) revert WrongProof();
        amount = _earned(period, leaf);
        // Of a root whose weights contradict each other only as much is paid as it says.
        uint256 left = period.total - period.paid;
        if (amount > left) revert Exceeded(amount, left);
        _claimed[number][leaf.provider] = true;
        period.paid += amount.toUint128();
        reserved -= amount;
        emit RewardPaid(number, leaf.provider, amount);
        NATIVE.safeTransfer(leaf.provider, amount);
    }

    /// @notice Sets what the next period posted emits and is computed by. Only for the governor.
    function setTerms(uint256 emission_, RewardFormula.Terms calldata terms) external {
        _require(GOVERNOR);
        _setTerms(emission_, terms);
    }

    /// @notice Sets who posts and who may void within the window. Only for the governor.
    function setRoles(address poster_, address guardian_) external {
        _require(GOVERNOR);
        _setRoles(poster_, guardian_);
    }

    function periodOf(uint64 number) external view returns (Period memory) {
        return _periods[number];
    }

    function termsNow() external view returns (RewardFormula.Terms memory) {
        return _terms;
    }

    function isClaimed(uint64 number, address provider) external view returns (bool) {
        return _claimed[number][provider];
    }

    /// @notice A leaf is hashed twice, so that no inner node passes for one, and names chain, contract and period.
    function leafHash(uint64 number, Leaf calldata leaf) public view returns (bytes32) {
        bytes memory content = abi.encode(
            LEAF_TYPEHASH,
            block.chainid,
            address(this),
            number,
            leaf.provider,
            leaf.place,
            leaf.placeWeight,
            leaf.inputs
        );
        return keccak256(bytes.concat(keccak256(content)));
    }

    function _earned(Period storage period, Leaf calldata leaf) private view returns (uint256) {
        RewardFormula.Terms memory terms = period.terms;
        uint256 weight = RewardFormula.weightOf(leaf.inputs, terms);
        if (weight > leaf.placeWeight || leaf.placeWeight > period.network) revert WrongProof();
        return RewardFormula.rewardOf(period.emission, weight, leaf.placeWeight, period.network, terms);
    }

    function _require(address caller) private view {
        if (msg.sender != caller) revert NotAllowed(msg.sender);
    }

    function _setRoles(address poster_, address guardian_) private {
        (poster, guardian) = (poster_, guardian_);
        emit RewardRolesSet(poster_, guardian_);
    }

    function _setTerms(uint256 emission_, RewardFormula.Terms memory terms) private {
        Ranges.check(emission_, 0, EMISSION_MAX);
        Ranges.check(terms.targetPpm, 10_000, RewardFormula.PPM);
        Ranges.check(terms.capPpm, 10_000, 500_000);
        Ranges.check(terms.stakePerMegaUnit, 1, 1e24);
        (emission, _terms) = (emission_, terms);
        emit RewardTermsSet(emission_, terms.targetPpm, terms.capPpm, terms.stakePerMegaUnit);
    }
}
