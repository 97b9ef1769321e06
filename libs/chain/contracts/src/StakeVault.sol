// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IRestaking} from "./interfaces/IRestaking.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Ranges} from "./Ranges.sol";

/// @dev IStakeVault says what each function does. Who slashes and who governs is fixed at birth: no role can be granted.
contract StakeVault is IStakeVault, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice Bounds the work of a slash and of a withdrawal.
    uint256 public constant MAX_UNBONDING = 16;
    /// @notice The part of what a claim asks for that has to be the provider's own, in millionths.
    uint256 public constant OWN_PPM = 200_000;
    uint256 private constant DELAY_LONGEST = 90 days;
    uint256 private constant LOCK_LONGEST = 14 days;
    uint256 private constant BASE_MIN = 1e18;
    uint256 private constant BASE_MAX = 1e23;
    uint256 private constant PER_UNIT_MIN = 1;
    uint256 private constant PER_UNIT_MAX = 1e18;

    IERC20 public immutable NATIVE;
    IRestaking public immutable RESTAKING;
    address public immutable SLASHER;
    address public immutable GOVERNOR;
    uint256 public immutable UNBONDING_DELAY;
    /// @notice How long a lock lasts at most; and a part leaves so long after it was ready, whatever is locked.
    uint256 public immutable LOCK_MAX;

    struct Part {
        uint192 amount;
        uint64 readyAt;
    }

    /// @dev Parts from `head` up to `tail` unbond, in the order in which they become ready; `unbonding` is their sum.
    struct Bond {
        uint128 active;
        uint128 unbonding;
        uint128 locked;
        uint64 unitsPerS;
        uint32 head;
        uint32 tail;
        mapping(uint32 index => Part) parts;
    }

    struct Lock {
        address provider;
        uint128 amount;
        uint64 until;
    }

    mapping(address provider => Bond) private _bonds;
    mapping(bytes32 id => Lock) private _locks;
    Terms private _terms;

    constructor(
        IERC20 native,
        IRestaking restaking,
        address slasher,
        address governor,
        uint256 delay,
        uint256 lockMax,
        Terms memory terms
    ) {
        Ranges.check(delay, 1, DELAY_LONGEST);
        Ranges.check(lockMax, 1, LOCK_LONGEST);
        (NATIVE, RESTAKING, SLASHER, GOVERNOR) = (native, restaking, slasher, governor);
        (UNBONDING_DELAY, LOCK_MAX) = (delay, lockMax);
        _setTerms(terms);
    }

    function stakeFor(address provider, uint256 amount) external nonReentrant {
        // What really arrived counts, so that a token which keeps a fee cannot make stake out of nothing.
        uint256 before = NATIVE.balanceOf(address(this));
        NATIVE.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = NATIVE.balanceOf(address(this)) - before;
        _bonds[provider].active += arrived.toUint128();
        emit Staked(provider, arrived);
    }

    function claim(uint64 unitsPerS) external {
        Bond storage bond = _bonds[msg.sender];
        if (unitsPerS > bond.unitsPerS) _requireCovered(msg.sender, unitsPerS, bond.active);
        bond.unitsPerS = unitsPerS;
        emit CapacityClaimed(msg.sender, unitsPerS);
    }

    function unstake(uint256 amount) external {
        Bond storage bond = _bonds[msg.sender];
        if (amount == 0) revert NothingToUnstake();
        if (amount > bond.active) revert StakeTooLow(bond.active, amount);
        _requireCovered(msg.sender, bond.unitsPerS, bond.active - amount);
        if (bond.tail - bond.head == MAX_UNBONDING) revert TooManyUnbonding(MAX_UNBONDING);
        uint64 readyAt = (block.timestamp + UNBONDING_DELAY).toUint64();
        bond.active -= amount.toUint128();
        bond.unbonding += amount.toUint128();
        bond.parts[bond.tail++] = Part(amount.toUint192(), readyAt);
        emit Unstaked(msg.sender, amount, readyAt);
    }

    function withdraw() external nonReentrant {
        Bond storage bond = _bonds[msg.sender];
        (uint256 ready, uint256 overdue) = _readyOf(bond);
        uint256 held = uint256(bond.active) + bond.unbonding;
        uint256 free = held > bond.locked ? held - bond.locked : 0;
        uint256 amount = _lesser(ready, free);
        if (amount < overdue) amount = overdue;
        if (amount == 0) revert NothingReady();
        _takeUnbonding(bond, amount);
        emit StakeWithdrawn(msg.sender, amount);
        NATIVE.safeTransfer(msg.sender, amount);
    }

    function lock(bytes32 id, address provider, uint256 amount, uint64 until) external {
        _require(SLASHER);
        if (until > block.timestamp + LOCK_MAX) revert BadTime(until);
        if (_locks[id].until != 0) revert KnownLock(id);
        _locks[id] = Lock(provider, amount.toUint128(), until);
        _bonds[provider].locked += amount.toUint128();
        emit StakeLocked(id, provider, amount, until);
    }

    function unlock(bytes32 id) external {
        Lock memory held = _locks[id];
        if (held.provider == address(0)) return;
        if (msg.sender != SLASHER && block.timestamp <= held.until) revert BadTime(held.until);
        // The time stays, so that an id is locked once.
        (_locks[id].provider, _locks[id].amount) = (address(0), 0);
        _bonds[held.provider].locked -= held.amount;
        emit StakeUnlocked(id, held.provider, held.amount);
    }

    function slash(address provider, uint256 amount) external nonReentrant returns (uint256 taken) {
        _require(SLASHER);
        Bond storage bond = _bonds[provider];
        taken = _lesser(amount, uint256(bond.active) + bond.unbonding);
        uint256 fromActive = _lesser(taken, bond.active);
        bond.active -= fromActive.toUint128();
        if (taken > fromActive) _takeUnbonding(bond, taken - fromActive);
        emit StakeSlashed(provider, taken);
        if (taken > 0) NATIVE.safeTransfer(msg.sender, taken);
    }

    function setTerms(Terms calldata terms) external {
        _require(GOVERNOR);
        _setTerms(terms);
    }

    function minimumFor(uint64 unitsPerS) public view returns (uint256) {
        return unitsPerS == 0 ? 0 : _terms.base + uint256(_terms.perUnit) * unitsPerS;
    }

    function isCovered(address provider) external view returns (bool) {
        Bond storage bond = _bonds[provider];
        (uint256 needed, uint256 own) = _neededFor(provider, bond.unitsPerS);
        return needed > 0 && bond.active >= own;
    }

    function stakeOf(address provider) external view returns (uint256) {
        return _bonds[provider].active;
    }

    function unbondingOf(address provider) external view returns (uint256) {
        return _bonds[provider].unbonding;
    }

    function lockedOf(address provider) external view returns (uint256) {
        return _bonds[provider].locked;
    }

    function claimOf(address provider) external view returns (uint64 unitsPerS) {
        return _bonds[provider].unitsPerS;
    }

    function slashableOf(address provider) external view returns (uint256) {
        return uint256(_bonds[provider].active) + _bonds[provider].unbonding;
    }

    function termsNow() external view returns (Terms memory) {
        return _terms;
    }

    /// @dev What a claim asks for, and how much of it has to be own: what backing does not cover, and never less than
    /// the own part.
    function _neededFor(address provider, uint64 unitsPerS) private view returns (uint256 needed, uint256 own) {
        needed = minimumFor(unitsPerS);
        if (needed == 0) return (0, 0);
        uint256 rest = Math.saturatingSub(needed, RESTAKING.backingOf(provider));
        own = Math.max(rest, Math.ceilDiv(needed * OWN_PPM, 1e6));
    }

    function _requireCovered(address provider, uint64 unitsPerS, uint256 active) private view {
        (, uint256 own) = _neededFor(provider, unitsPerS);
        if (active < own) revert StakeTooLow(active, own);
    }

    function _require(address caller) private view {
        if (msg.sender != caller) revert NotAllowed(msg.sender);
    }

    function _setTerms(Terms memory terms) private {
        Ranges.check(terms.base, BASE_MIN, BASE_MAX);
        Ranges.check(terms.perUnit, PER_UNIT_MIN, PER_UNIT_MAX);
        _terms = terms;
        emit TermsSet(terms.base, terms.perUnit);
    }

    /// @dev What has finished unbonding, and what of it did so long ago that no lock holds it.
    function _readyOf(Bond storage bond) private view returns (uint256 ready, uint256 overdue) {
        for (uint32 i = bond.head; i < bond.tail && bond.parts[i].readyAt <= block.timestamp; ++i) {
            ready += bond.parts[i].amount;
            if (bond.parts[i].readyAt + LOCK_MAX <= block.timestamp) overdue = ready;
        }
    }

    /// @dev The part that is ready first is taken first: what remains stays within reach longest.
    function _takeUnbonding(Bond storage bond, uint256 wanted) private {
        bond.unbonding -= wanted.toUint128();
        uint32 head = bond.head;
        while (wanted > 0) {
            Part storage part = bond.parts[head];
            uint256 share = _lesser(part.amount, wanted);
            wanted -= share;
            part.amount -= share.toUint192();
            if (part.amount == 0) delete bond.parts[head++];
        }
        bond.head = head;
    }

    /// @dev By a branch, and not by arithmetic as in OpenZeppelin's Math: halmos cannot follow that.
    function _lesser(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
