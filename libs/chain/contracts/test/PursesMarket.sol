// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPurses} from "../src/interfaces/IPurses.sol";
import {PursesFixture} from "./PursesFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice Three purses of victims some of whom stand in several, into which the pool pays whatever it likes.
contract PursesMarket is PursesFixture {
    uint256 private constant LISTS = 3;
    uint256 private constant VICTIMS = 5;
    uint256[LISTS] private _arrived;
    uint256[LISTS] private _shared;

    constructor() {
        setUp();
    }

    function arrive(uint8 which, uint128 amount) external {
        (bytes32 id, IPurses.Loss[] memory losses) = _list(which);
        native.mint(purses.purseOf(id, losses), amount);
        _arrived[which % LISTS] += amount;
    }

    function share(uint8 which) external {
        (bytes32 id, IPurses.Loss[] memory losses) = _list(which);
        bool isNew = native.balanceOf(purses.purseOf(id, losses)) > 0;
        try purses.share(id, losses) {
            _shared[which % LISTS] = _arrived[which % LISTS];
        } catch {
            if (isNew && _arrived[which % LISTS] > _shared[which % LISTS]) revert("what arrived is held up");
        }
    }

    /// @dev A list of other losses, or of another accusation, has none of it.
    function shareOther(uint8 which, uint128 more, bool isOtherId) external {
        (bytes32 id, IPurses.Loss[] memory losses) = _list(which);
        if (isOtherId) id = keccak256(abi.encode(id));
        else losses[0].amount += more / 4 + 1;
        try purses.share(id, losses) {
            revert("shared by another list");
        } catch {}
    }

    function steal(uint8 which, uint8 who) external {
        (bytes32 id, IPurses.Loss[] memory losses) = _list(which);
        address purse = purses.purseOf(id, losses);
        vm.prank(victim(who % VICTIMS));
        try native.transferFrom(purse, OTHER, 1) {
            revert("taken out of a purse");
        } catch {}
    }

    function checkShared() external view {
        uint256 surplus = 0;
        for (uint256 i = 0; i < VICTIMS; ++i) {
            uint256 due = 0;
            for (uint8 which = 0; which < LISTS; ++which) due += _dueOf(which, victim(i));
            same(native.balanceOf(victim(i)), due);
        }
        for (uint8 which = 0; which < LISTS; ++which) {
            uint256 whole = _wholeOf(which);
            if (_shared[which] > whole) surplus += _shared[which] - whole;
        }
        same(native.balanceOf(address(pool)), surplus);
        same(native.balanceOf(OTHER), 0);
    }

    function _dueOf(uint8 which, address who) private view returns (uint256) {
        (, IPurses.Loss[] memory losses) = _list(which);
        uint256 whole = _wholeOf(which);
        uint256 counted = _shared[which] < whole ? _shared[which] : whole;
        for (uint256 i = 0; i < losses.length; ++i) {
            if (losses[i].victim == who) return counted * losses[i].amount / whole;
        }
        return 0;
    }

    function _wholeOf(uint8 which) private pure returns (uint256 whole) {
        (, IPurses.Loss[] memory losses) = _list(which);
        for (uint256 i = 0; i < losses.length; ++i) whole += losses[i].amount;
    }

    /// @dev One victim and a half of all numbers; four that share a few units; two beside them.
    function _list(uint8 which) private pure returns (bytes32 id, IPurses.Loss[] memory losses) {
        uint256 turn = which % LISTS;
        uint256 count = turn == 0 ? 1 : turn == 1 ? 4 : 2;
        losses = new IPurses.Loss[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint128 amount = turn == 0 ? type(uint128).max / 2 : turn == 1 ? uint128(3 * i + 1) : uint128(1e18 + i);
            losses[i] = IPurses.Loss(victim(i + turn), amount);
        }
        id = turn == 2 ? bytes32("other") : ID;
    }
}
