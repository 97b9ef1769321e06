// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFeed, IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {Ranges} from "./Ranges.sol";

/// @title The median of several feeds, and its mean over WINDOW
/// @notice A feed that fails, is stale or lies further from the median than OUTLIER_PPM does not count; without a majority
/// of all feeds there is no price. The mean is of the prices that `poke` saw, whoever calls it; after a gap it begins anew
/// and there is none until a whole window has passed. Feeds and rules are fixed at birth. (Akash's AEP-76: mean over 30
/// minutes, median of sources, outliers beyond 150 basis points, stale after 30 seconds.)
contract MedianOracle is IPriceOracle {
    uint256 public constant WINDOW = 30 minutes;
    /// @notice Observations are at least so far apart, and at most.
    uint256 public constant STEP = 1 minutes;
    uint256 public constant GAP_MAX = 10 minutes;
    uint256 private constant RING = 64;
    uint256 private constant FEED_GAS = 100_000;
    uint256 private constant PRICE_MAX = 1e30;
    uint256 public immutable STALE_S;
    uint256 public immutable OUTLIER_PPM;

    struct Source {
        IFeed feed;
        uint64 factor;
    }

    /// @dev The sum of price times seconds up to a moment.
    struct Observation {
        uint64 at;
        uint192 sum;
    }

    /// @dev The price since the newest observation, which of the ring that is, and how many there are.
    struct Newest {
        uint128 price;
        uint32 index;
        uint32 count;
    }

    event Observed(uint256 price, uint64 at, bool isAnew);

    error NoPrice();

    Source[] private _sources;
    Observation[RING] private _ring;
    Newest private _newest;

    constructor(IFeed[] memory feeds, uint256 staleS, uint256 outlierPpm) {
        Ranges.check(feeds.length, 3, 9);
        Ranges.check(staleS, 30, 1 days);
        Ranges.check(outlierPpm, 1_000, 100_000);
        (STALE_S, OUTLIER_PPM) = (staleS, outlierPpm);
        for (uint256 i = 0; i < feeds.length; ++i) {
            uint256 decimals = feeds[i].decimals();
            Ranges.check(decimals, 0, 18);
            _sources.push(Source(feeds[i], uint64(10 ** (18 - decimals))));
        }
    }

    /// @notice Notes the price, unless the last time was less than STEP ago. Anyone may.
    function poke() external {
        (uint256 now_, bool isHealthy) = spot();
        if (!isHealthy) revert NoPrice();
        Newest memory newest = _newest;
        Observation memory last = _ring[newest.index];
        uint256 passed = block.timestamp - last.at;
        if (newest.count > 0 && passed < STEP) return;
        bool isAnew = newest.count == 0 || passed > GAP_MAX;
        uint256 sum = isAnew ? 0 : last.sum + newest.price * passed;
        uint256 index = (newest.index + 1) % RING;
        uint256 count = isAnew ? 1 : newest.count + (newest.count < RING ? 1 : 0);
        _ring[index] = Observation(uint64(block.timestamp), uint192(sum));
        _newest = Newest(uint128(now_), uint32(index), uint32(count));
        emit Observed(now_, uint64(block.timestamp), isAnew);
    }

    function price() external view returns (uint256 low, uint256 high, bool isHealthy) {
        (uint256 now_, bool isNow) = spot();
        (uint256 mean, bool isMean) = meanPrice();
        if (!isNow || !isMean) return (0, 0, false);
        return now_ < mean ? (now_, mean, true) : (mean, now_, true);
    }

    /// @notice The median of the feeds that count now; false without a majority.
    function spot() public view returns (uint256 median, bool isHealthy) {
        uint256 quorum = _sources.length / 2 + 1;
        uint256[] memory prices = new uint256[](_sources.length);
        uint256 count = 0;
        for (uint256 i = 0; i < _sources.length; ++i) {
            uint256 answer = _read(_sources[i]);
            if (answer > 0) _insert(prices, count++, answer);
        }
        if (count < quorum) return (0, false);
        median = _medianOf(prices, 0, count);
        uint256 width = median * OUTLIER_PPM / 1e6;
        (uint256 first, uint256 end) = (0, count);
        while (first < end && prices[first] + width < median) ++first;
        while (end > first && prices[end - 1] > median + width) --end;
        if (end - first < quorum) return (0, false);
        return (_medianOf(prices, first, end), true);
    }

    /// @notice The mean over the last WINDOW and what is between that and the observation before; false if there is a gap.
    function meanPrice() public view returns (uint256 mean, bool isHealthy) {
        Newest memory newest = _newest;
        Observation memory last = _ring[newest.index];
        if (newest.count == 0 || block.timestamp - last.at > GAP_MAX) return (0, false);
        uint256 sum = last.sum + newest.price * (block.timestamp - last.at);
        for (uint256 i = 0; i < newest.count; ++i) {
            Observation memory old = _ring[(newest.index + RING - i) % RING];
            if (old.at + WINDOW <= block.timestamp) return ((sum - old.sum) / (block.timestamp - old.at), true);
        }
        return (0, false);
    }

    /// @dev What a feed says in units of 10^-18; zero if it fails, is stale, or says what cannot be.
    function _read(Source memory source) private view returns (uint256) {
        (bool isDone, bytes memory said) =
            address(source.feed).staticcall{gas: FEED_GAS}(abi.encodeCall(IFeed.latestRoundData, ()));
        if (!isDone || said.length != 160) return 0;
        (, uint256 answer,, uint256 updatedAt,) = abi.decode(said, (uint256, uint256, uint256, uint256, uint256));
        if (updatedAt > block.timestamp || block.timestamp - updatedAt > STALE_S) return 0;
        return answer > PRICE_MAX / source.factor ? 0 : answer * source.factor;
    }

    /// @dev Keeps the first `count` in order.
    function _insert(uint256[] memory prices, uint256 count, uint256 value) private pure {
        for (; count > 0 && prices[count - 1] > value; --count) {
            prices[count] = prices[count - 1];
        }
        prices[count] = value;
    }

    function _medianOf(uint256[] memory prices, uint256 first, uint256 end) private pure returns (uint256) {
        uint256 middle = (first + end) / 2;
        return (end - first) % 2 == 1 ? prices[middle] : (prices[middle - 1] + prices[middle]) / 2;
    }
}
