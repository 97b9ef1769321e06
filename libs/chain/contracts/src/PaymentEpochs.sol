// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Challenges} from "./Challenges.sol";
import {EpochHash} from "./EpochHash.sol";
import {PaymentFunds} from "./PaymentFunds.sol";
import {SumTree} from "./SumTree.sol";

/// @notice The epochs of Payment: bonded posters, one digest for each epoch, finality, and the end of a void one.
abstract contract PaymentEpochs is PaymentFunds, AccessControl {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice How long each epoch can be doubted.
    uint256 public immutable WINDOW;
    /// @notice Longer than everything by which an epoch can become void.
    uint256 public constant BOND_DELAY = 14 days;
    /// @notice A fee is at most this part of what a job costs: one in so many.
    uint256 public constant FEE_PART_MAX = 20;
    /// @notice So many digests are kept, each for RING * INTERVAL at least: 45 days at the longest interval.
    uint256 public constant RING = 16_384;
    uint256 public immutable INTERVAL;
    /// @notice The longest that anything waits. Every other delay is set for these; a network for tests takes shorter ones.
    uint256 public constant WINDOW_MAX = 1 days;
    uint256 public constant INTERVAL_MAX = 240;
    uint256 public constant NOTICE_MAX = 7 days;
    /// @notice So many epochs may wait to become final.
    uint256 public constant PENDING_MAX = 4096;
    IERC20 public immutable NATIVE;
    address public immutable POOL;
    Challenges public immutable CHALLENGES;
    uint256 public immutable BOND;
    /// @notice What a challenger gets for its costs, out of a slashed bond: a tenth of it at most.
    uint256 public immutable REFUND;

    struct Poster {
        uint128 bond;
        uint56 readyAt;
        uint64 number;
        bool isAppointed;
    }

    bytes32[RING] internal _ring;
    mapping(address poster => Poster) internal _posters;
    /// @dev A bit for each epoch that has open demands.
    mapping(uint256 word => uint256 bits) internal _doubted;

    error NotChallenges(address caller);
    error BadWindows();
    error RefundTooHigh(uint256 refund, uint256 bond);

    modifier onlyChallenges() {
        if (msg.sender != address(CHALLENGES)) revert NotChallenges(msg.sender);
        _;
    }

    constructor(IERC20 native, address pool, uint256 bond, uint256 refund, Challenges challenges, Windows memory windows) {
        if (refund > bond / 10) revert RefundTooHigh(refund, bond);
        bool isLong = windows.window > WINDOW_MAX || windows.answer > WINDOW_MAX || windows.interval > INTERVAL_MAX;
        bool isNone = windows.window == 0 || windows.answer == 0 || windows.interval == 0;
        if (isLong || isNone || windows.notice > NOTICE_MAX || windows.notice < windows.window) revert BadWindows();
        (WINDOW, INTERVAL) = (windows.window, windows.interval);
        (NATIVE, POOL, BOND, REFUND, CHALLENGES) = (native, pool, bond, refund, challenges);
        Epoch memory genesis;
        _ring[0] = keccak256(abi.encode(EpochHash.EPOCH_TYPE, _domainSeparatorV4(), genesis));
    }

    function appoint(address poster, bool isAppointed) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _posters[poster].isAppointed = isAppointed;
        emit PosterAppointed(poster, isAppointed);
    }

    function addBond(uint256 amount) external nonReentrant {
        uint256 before = NATIVE.balanceOf(address(this));
        NATIVE.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = NATIVE.balanceOf(address(this)) - before;
        _posters[msg.sender].bond += arrived.toUint128();
        emit BondAdded(msg.sender, arrived);
    }

    function leaveBond() external {
        Poster storage poster = _posters[msg.sender];
        (poster.readyAt, poster.number) = (uint56(block.timestamp + BOND_DELAY), _head.posted);
        emit BondLeaving(msg.sender, poster.readyAt);
    }

    function withdrawBond() external nonReentrant {
        Poster storage poster = _posters[msg.sender];
        uint256 amount = poster.bond;
        if (amount == 0 || poster.readyAt == 0) revert NotPoster(msg.sender);
        if (block.timestamp < poster.readyAt) revert TooSoon(poster.readyAt);
        // What it posted is final, or nothing that was posted so early is left.
        uint256 until = poster.number < _head.posted ? poster.number : _head.posted;
        if (_head.last < until) revert NotFinal(poster.number);
        (poster.bond, poster.readyAt, poster.number) = (0, 0, 0);
        emit BondWithdrawn(msg.sender, amount);
        NATIVE.safeTransfer(msg.sender, amount);
    }

    /// @dev What every epoch costs whatever its size: storage is read by the word, and nothing is copied (ADR 16).
    function post(uint64 place, SumTree.Node calldata state, bytes32 stepsRoot) external {
        if (!_isPoster(msg.sender)) revert NotPoster(msg.sender);
        if (uint32(place) == 0) revert NoSteps();
        uint256 known;
        assembly ("memory-safe") {
            known := sload(_head.slot)
        }
        _demandCovered(state.sums, known >> 128);
        uint256 number = place >> 32;
        unchecked {
            // Fields of 32 and 64 bits: nothing here passes 256.
            if (number != uint256(uint32(known)) + 1) revert WrongNumber(uint64(uint32(known)) + 1);
            uint256 readyAt = uint256(uint64(known >> 64)) + INTERVAL;
            if (block.timestamp < readyAt) revert TooSoon(readyAt);
            if (number > PENDING_MAX + uint32(known >> 32)) revert TooManyPending();
            // The next number, and the time of this one, in place of those before.
            known = (known & ~(uint256(type(uint64).max) << 64)) + 1 | block.timestamp << 64;
        }
        assembly ("memory-safe") {
            sstore(_head.slot, known)
        }
        _ring[number % RING] = EpochHash.ofPosted(_domainSeparatorV4(), place, stepsRoot, state);
        uint256 by = uint256(uint160(msg.sender)) << 96 | uint256(place) << 32 | uint32(block.timestamp);
        emit Posted(by, stepsRoot, state);
    }

    function finalise(Epoch calldata epoch) external {
        _finalise(epoch);
    }

    function doubt(uint64 number, bool isDoubted) external onlyChallenges {
        uint256 bit = 1 << (number & 255);
        if (isDoubted) _doubted[number >> 8] |= bit;
        else _doubted[number >> 8] &= ~bit;
    }

    function voidEpoch(Epoch calldata epoch, VoidReason reason, address challenger)
        external
        nonReentrant
        onlyChallenges
    {
        bytes32 digest = _requireKnown(epoch);
        if (epoch.number <= _head.last) revert AlreadyFinal(epoch.number);
        _void(epoch.number);
        emit Voided(epoch.number, digest, epoch.poster, reason);
        _slash(epoch.poster, challenger);
    }

    function check(Epoch calldata epoch) external view returns (bytes32 digest, bool isFinal) {
        return (_requireKnown(epoch), epoch.number <= _head.last);
    }

    /// @notice The numbers of the last epoch posted and of the last final one, when the last was posted, and what all
    /// requesters deposited and did not withdraw.
    function head() external view returns (Head memory) {
        return _head;
    }

    function posterOf(address poster) external view returns (Poster memory) {
        return _posters[poster];
    }

    function digestOf(uint64 number) external view returns (bytes32) {
        bool isKnown = number <= _head.posted && _head.posted - number < RING;
        return isKnown ? _ring[number % RING] : bytes32(0);
    }

    function _isPoster(address account) internal view returns (bool isPoster) {
        (Poster storage poster, uint256 bond) = (_posters[account], BOND);
        assembly ("memory-safe") {
            // From below: the bond in 128 bits, when it can leave in 56, a number in 64, and whether it is appointed.
            let word := sload(poster.slot)
            let isStaying := iszero(shl(200, shr(128, word)))
            isPoster := and(and(shr(248, word), isStaying), iszero(lt(shr(128, shl(128, word)), bond)))
        }
    }

    function _finalise(Epoch calldata epoch) internal {
        _requireKnown(epoch);
        Head memory known = _head;
        if (epoch.number <= known.last) return;
        if (block.timestamp <= epoch.postedAt + WINDOW) revert NotFinal(epoch.number);
        // Word by word of the bits from the first that is not final yet up to this one.
        for (uint256 number = uint256(known.last) + 1; number <= epoch.number;) {
            uint256 bits = _doubted[number >> 8] >> (number & 255);
            uint256 end = (number | 255) + 1;
            if (epoch.number < end - 1) bits &= (1 << (epoch.number - number + 1)) - 1;
            if (bits != 0) revert NotFinal(epoch.number);
            number = end;
        }
        _head.last = uint32(epoch.number);
        emit Finalised(epoch.number);
    }

    /// @dev The sums of a root balance, and the deposits cover them.
    function _demandCovered(uint256 sums, uint256 funds) private pure {
        (uint256 credits, uint256 debits) = (sums >> 128, uint128(sums));
        unchecked {
            if (credits > debits || debits - credits > debits / FEE_PART_MAX) revert Unbalanced(credits, debits);
        }
        if (debits > funds) revert Overdrawn(debits, funds);
    }

    function _void(uint256 number) private {
        uint256 posted = _head.posted;
        _head.posted = uint32(number - 1);
        for (uint256 word = number >> 8; word <= posted >> 8; ++word) {
            uint256 kept = word == number >> 8 ? (1 << (number & 255)) - 1 : 0;
            if (_doubted[word] & ~kept != 0) _doubted[word] &= kept;
        }
    }

    /// @dev The challenger's refund is capped by what was taken; the rest goes to the pool.
    function _slash(address account, address challenger) private {
        Poster storage poster = _posters[account];
        uint256 taken = poster.bond < BOND ? poster.bond : BOND;
        uint256 refund = REFUND < taken ? REFUND : taken;
        poster.bond -= uint128(taken);
        emit BondSlashed(account, taken, refund, challenger);
        NATIVE.safeTransfer(POOL, taken - refund);
        if (refund > 0) NATIVE.safeTransfer(challenger, refund);
    }

    function _requireKnown(Epoch calldata epoch) internal view returns (bytes32 digest) {
        digest = EpochHash.ofEpoch(_domainSeparatorV4(), epoch);
        bool isPosted = epoch.number <= _head.posted;
        if (!isPosted || _ring[epoch.number % RING] != digest) revert UnknownEpoch(epoch.number);
    }
}
