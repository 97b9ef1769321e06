// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISlashing} from "./interfaces/ISlashing.sol";
import {Ranges} from "./Ranges.sol";

/// @notice What each offence costs and what an accusation earns, in ranges that no vote goes beyond; and who may accuse
/// and rule. Whoever is appointed acts only after NOTICE, which is longer than stake takes to leave: who distrusts a new
/// proposer or arbiter is gone before.
abstract contract Penalties is ISlashing {
    /// @notice A bounty is at most this share of what was slashed of own stake for the same offence, a refund at most that.
    uint256 public constant BOUNTY_PPM_MAX = 100_000;
    uint256 public constant REFUND_PPM = 500_000;
    /// @notice The pool gets at least what refunds take.
    uint256 public constant BURN_PPM_MAX = 500_000;
    uint256 internal constant PPM = 1e6;
    uint256 private constant BOND_MIN = 1e18;
    uint256 private constant BOND_MAX = 1e21;

    /// @notice `bounty`: paid for a proven accusation at most; `bountyPpm`: and at most this share of what is slashed;
    /// `burnPpm`: what is burned of it; `bond`: what an appeal costs if it is rejected.
    struct Shares {
        uint128 bounty;
        uint128 bond;
        uint32 bountyPpm;
        uint32 burnPpm;
    }

    event RateSet(SlashReason indexed reason, uint256 ppm);
    event SharesSet(uint256 bounty, uint256 bond, uint256 bountyPpm, uint256 burnPpm);
    event ProposerAppointed(address indexed account, uint64 from);
    event ArbiterAppointed(address indexed account, uint64 from);
    event Revoked(address indexed account);

    error BothAtOnce(address account);

    address public immutable GOVERNOR;
    uint256 public immutable NOTICE;
    Shares internal _shares;
    mapping(SlashReason reason => uint256) private _rates;
    mapping(address account => uint256) private _proposesFrom;
    mapping(address account => uint256) private _rulesFrom;

    modifier onlyGovernor() {
        if (msg.sender != GOVERNOR) revert NotAllowed(msg.sender);
        _;
    }

    constructor(address governor, uint256 notice, address proposer, address arbiter, Shares memory shares) {
        (GOVERNOR, NOTICE) = (governor, notice);
        if (proposer == arbiter) revert BothAtOnce(proposer);
        (_proposesFrom[proposer], _rulesFrom[arbiter]) = (block.timestamp, block.timestamp);
        emit ProposerAppointed(proposer, uint64(block.timestamp));
        emit ArbiterAppointed(arbiter, uint64(block.timestamp));
        _setShares(shares);
        for (uint8 i = 0; i <= uint8(type(SlashReason).max); ++i) {
            (, uint256 usual,) = rangeOf(SlashReason(i));
            _rates[SlashReason(i)] = usual;
        }
    }

    /// @notice Sets the share of its stake, delegated stake included, that an offence costs.
    function setRate(SlashReason reason, uint256 ppm) external onlyGovernor {
        (uint256 least,, uint256 most) = rangeOf(reason);
        Ranges.check(ppm, least, most);
        _rates[reason] = ppm;
        emit RateSet(reason, ppm);
    }

    function setShares(Shares calldata shares) external onlyGovernor {
        _setShares(shares);
    }

    /// @notice Lets `account` accuse, NOTICE from now.
    function appointProposer(address account) external onlyGovernor {
        if (_rulesFrom[account] != 0) revert BothAtOnce(account);
        _proposesFrom[account] = block.timestamp + NOTICE;
        emit ProposerAppointed(account, uint64(block.timestamp + NOTICE));
    }

    /// @notice Lets `account` rule on appeals, NOTICE from now.
    function appointArbiter(address account) external onlyGovernor {
        if (_proposesFrom[account] != 0) revert BothAtOnce(account);
        _rulesFrom[account] = block.timestamp + NOTICE;
        emit ArbiterAppointed(account, uint64(block.timestamp + NOTICE));
    }

    /// @notice Lets `account` neither accuse nor rule any more, at once.
    function revoke(address account) external onlyGovernor {
        (_proposesFrom[account], _rulesFrom[account]) = (0, 0);
        emit Revoked(account);
    }

    function rateOf(SlashReason reason) public view returns (uint256) {
        return _rates[reason];
    }

    function sharesNow() external view returns (Shares memory) {
        return _shares;
    }

    function isProposer(address account) public view returns (bool) {
        return _isSince(_proposesFrom[account]);
    }

    function isArbiter(address account) public view returns (bool) {
        return _isSince(_rulesFrom[account]);
    }

    /// @notice The least, usual and greatest share of its stake that an offence costs. Late is not fraud: what can
    /// happen to the honest costs little. (Gonka: 20 % invalid, 10 % missed; Aethir: dishonesty thrice an interruption.)
    function rangeOf(SlashReason reason) public pure returns (uint256 least, uint256 usual, uint256 most) {
        if (reason == SlashReason.DOWNTIME) return (100, 5_000, 50_000);
        if (reason == SlashReason.WITHHELD_DATA) return (10_000, 100_000, 500_000);
        if (reason == SlashReason.LAZY_VERIFIER || reason == SlashReason.FALSE_ACCUSATION) return (10_000, 200_000, 500_000);
        return (100_000, 500_000, 1_000_000);
    }

    /// @notice What a proven accusation earns out of the fund, and what its victim is due out of the pool at most, when
    /// `taken` was slashed of own stake. Together less than that, whatever the parameters.
    function rewardsOf(uint256 taken, uint256 loss) public view returns (uint256 bounty, uint256 due) {
        bounty = taken * _shares.bountyPpm / PPM;
        if (bounty > _shares.bounty) bounty = _shares.bounty;
        due = taken * REFUND_PPM / PPM;
        if (due > loss) due = loss;
    }

    function _setShares(Shares memory shares) private {
        Ranges.check(shares.bounty, 0, 1e24);
        Ranges.check(shares.bond, BOND_MIN, BOND_MAX);
        Ranges.check(shares.bountyPpm, 0, BOUNTY_PPM_MAX);
        Ranges.check(shares.burnPpm, 0, BURN_PPM_MAX);
        _shares = shares;
        emit SharesSet(shares.bounty, shares.bond, shares.bountyPpm, shares.burnPpm);
    }

    function _isSince(uint256 from) private view returns (bool) {
        return from != 0 && block.timestamp >= from;
    }
}
