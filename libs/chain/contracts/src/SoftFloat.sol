// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title IEEE 754 binary32 in integers: round to nearest, ties to even, with subnormals, signed zeros, infinities
/// @dev Every operation is total. It unpacks exact integers, works on them exactly (what would not fit is one sticky
/// bit) and rounds once in `pack`. There is one NaN: whatever comes out as no number is `NAN`.
library SoftFloat {
    uint256 internal constant SIGN = 0x80000000;
    uint256 internal constant SIZE = SIGN - 1;
    uint256 internal constant INFINITY = 0x7F800000;
    uint256 internal constant NAN = 0x7FC00000;
    uint256 internal constant HIDDEN = 0x00800000;
    uint256 internal constant FRACTION = HIDDEN - 1;
    /// @dev The exponent of the last bit of a subnormal.
    int256 internal constant LOWEST = -149;
    /// @dev A term that lies so many bits below another one adds nothing; so many bits make a quotient or a root exact
    /// enough to be rounded.
    int256 internal constant FAR = 64;

    function isNan(uint256 a) internal pure returns (bool) {
        return a & SIZE > INFINITY;
    }

    function isInfinite(uint256 a) internal pure returns (bool) {
        return a & SIZE == INFINITY;
    }

    /// @dev A finite value's size as whole * 2**exponent.
    function unpack(uint256 a) internal pure returns (uint256 whole, int256 exponent) {
        uint256 field = (a >> 23) & 0xFF;
        whole = field == 0 ? a & FRACTION : (a & FRACTION) | HIDDEN;
        exponent = int256(field == 0 ? 1 : field) + LOWEST - 1;
    }

    /// @dev The value nearest to whole * 2**exponent; `whole` has less than 254 bits.
    function pack(uint256 sign, uint256 whole, int256 exponent) internal pure returns (uint256) {
        int256 last = exponent + int256(bitLength(whole)) - 24;
        if (last < LOWEST) last = LOWEST;
        uint256 rounded = shiftEven(whole, last - exponent);
        if (rounded < HIDDEN) return sign | rounded;
        return sign | Math.min((uint256(last - LOWEST) << 23) + rounded, INFINITY);
    }

    /// @dev whole / 2**places, rounded to the nearest integer, ties to even.
    function shiftEven(uint256 whole, int256 places) internal pure returns (uint256 kept) {
        if (places <= 0) return whole << uint256(-places);
        if (places > 254) return 0;
        kept = whole >> uint256(places);
        uint256 rest = whole - (kept << uint256(places));
        uint256 half = 1 << uint256(places - 1);
        if (rest > half || (rest == half && kept & 1 == 1)) ++kept;
    }

    function bitLength(uint256 whole) internal pure returns (uint256) {
        return whole == 0 ? 0 : Math.log2(whole) + 1;
    }

    function add(uint256 a, uint256 b) internal pure returns (uint256) {
        if (isNan(a) || isNan(b) || (isInfinite(a) && isInfinite(b) && a != b)) return NAN;
        if (isInfinite(a)) return a;
        if (isInfinite(b)) return b;
        if ((a | b) & SIZE == 0) return a & b;
        if (a & SIZE == 0) return b;
        if (b & SIZE == 0) return a;
        // The one with the larger size first, so that the difference of exponents is not negative.
        if (a & SIZE < b & SIZE) (a, b) = (b, a);
        return _sum(a, b);
    }

    function _sum(uint256 a, uint256 b) private pure returns (uint256) {
        (uint256 x, int256 p) = unpack(a);
        (uint256 y, int256 q) = unpack(b);
        if (p - q > FAR) return a;
        x <<= uint256(p - q);
        return x == y && (a ^ b) & SIGN != 0 ? 0 : pack(a & SIGN, (a ^ b) & SIGN == 0 ? x + y : x - y, q);
    }

    function sub(uint256 a, uint256 b) internal pure returns (uint256) {
        return add(a, neg(b));
    }

    function neg(uint256 a) internal pure returns (uint256) {
        return isNan(a) ? NAN : a ^ SIGN;
    }

    function mul(uint256 a, uint256 b) internal pure returns (uint256) {
        uint256 sign = (a ^ b) & SIGN;
        if (isNan(a) || isNan(b)) return NAN;
        if (isInfinite(a) || isInfinite(b)) return a & SIZE == 0 || b & SIZE == 0 ? NAN : sign | INFINITY;
        (uint256 x, int256 p) = unpack(a);
        (uint256 y, int256 q) = unpack(b);
        return pack(sign, x * y, p + q);
    }

    function div(uint256 a, uint256 b) internal pure returns (uint256) {
        uint256 sign = (a ^ b) & SIGN;
        if (isNan(a) || isNan(b) || (isInfinite(a) && isInfinite(b)) || (a | b) & SIZE == 0) return NAN;
        if (isInfinite(a) || b & SIZE == 0) return sign | INFINITY;
        if (isInfinite(b) || a & SIZE == 0) return sign;
        (uint256 x, int256 p) = unpack(a);
        (uint256 y, int256 q) = unpack(b);
        x <<= uint256(FAR);
        uint256 sticky = x % y == 0 ? 0 : 1;
        return pack(sign, ((x / y) << 1) | sticky, p - q - FAR - 1);
    }

    function sqrt(uint256 a) internal pure returns (uint256) {
        if (isNan(a)) return NAN;
        if (a & SIZE == 0 || a == INFINITY) return a;
        if (a & SIGN != 0) return NAN;
        (uint256 x, int256 p) = unpack(a);
        if (p & 1 != 0) (x, p) = (x << 1, p - 1);
        x <<= uint256(FAR);
        uint256 whole = Math.sqrt(x);
        uint256 sticky = whole * whole == x ? 0 : 1;
        return pack(0, (whole << 1) | sticky, (p - FAR) / 2 - 1);
    }

    /// @dev +0 if the greater one is a zero.
    function max(uint256 a, uint256 b) internal pure returns (uint256 largest) {
        if (isNan(a) || isNan(b)) return NAN;
        largest = _order(a) < _order(b) ? b : a;
        if (largest & SIZE == 0) largest = 0;
    }

    function isLess(uint256 a, uint256 b) internal pure returns (bool) {
        return !isNan(a) && !isNan(b) && (a | b) & SIZE != 0 && _order(a) < _order(b);
    }

    function isEqual(uint256 a, uint256 b) internal pure returns (bool) {
        return !isNan(a) && !isNan(b) && (a == b || (a | b) & SIZE == 0);
    }

    /// @dev A number by which values other than NaN sort.
    function _order(uint256 a) private pure returns (int256) {
        return a & SIGN == 0 ? int256(a) : -int256(a & SIZE) - 1;
    }

    // Between floats and integers. Words are unsigned; `places`, `k`, `n` are read in two's complement by the caller.

    uint256 internal constant BITS = 21;
    uint256 internal constant QUANTUM_MAX = 1 << BITS;

    /// @dev rint(x * 2**places) as a word, held within QUANTUM_MAX either way.
    function quantise(uint256 a, int256 places) internal pure returns (uint256) {
        (uint256 whole, int256 exponent) = _sizeOf(a);
        int256 shift = exponent + places;
        uint256 size = whole > 0 && shift > int256(BITS)
            ? QUANTUM_MAX
            : Math.min(shiftEven(whole, -shift), QUANTUM_MAX);
        return a & SIGN == 0 || size == 0 ? size : (1 << 32) - size;
    }

    /// @dev The float of the nearest integer, with the sign of a.
    function roundInt(uint256 a) internal pure returns (uint256) {
        if (isNan(a)) return NAN;
        (uint256 whole, int256 exponent) = _sizeOf(a);
        return exponent >= 0 ? a : pack(a & SIGN, shiftEven(whole, -exponent), 0);
    }

    /// @dev s = 21 - e as a word, with e the least within its bounds for which size < 2**e.
    function scaleOf(uint256 size) internal pure returns (uint256) {
        (uint256 whole, int256 exponent) = _sizeOf(size);
        exponent += int256(bitLength(whole));
        if (exponent > 128) exponent = 128;
        if (exponent < -105) exponent = -105;
        return uint256(int256(BITS) - exponent) & 0xFFFFFFFF;
    }

    /// @dev The float nearest to n * 2**-places.
    function descale(int256 n, int256 places) internal pure returns (uint256) {
        return n < 0 ? pack(SIGN, uint256(-n), -places) : pack(0, uint256(n), -places);
    }

    /// @dev What is infinite or no number lies beyond every bound.
    function _sizeOf(uint256 a) private pure returns (uint256, int256) {
        return a & SIZE >= INFINITY ? (uint256(1), int256(1 << 20)) : unpack(a);
    }
}
