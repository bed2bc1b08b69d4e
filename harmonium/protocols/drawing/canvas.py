"""A page of signs on which lines join where they belong together, and pass where not."""

from __future__ import annotations

from collections import defaultdict

__all__ = ["DOWN", "LEFT", "RIGHT", "UP", "Canvas"]

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8

_SIGNS = {
    UP: "│", DOWN: "│", UP | DOWN: "│", LEFT: "─", RIGHT: "─", LEFT | RIGHT: "─",
    UP | RIGHT: "╰", UP | LEFT: "╯", DOWN | RIGHT: "╭", DOWN | LEFT: "╮",
    UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤",
    LEFT | RIGHT | UP: "┴", LEFT | RIGHT | DOWN: "┬", UP | DOWN | LEFT | RIGHT: "┼",
}  # fmt: skip


class Canvas:
    """Signs by column and row; a line belongs to a net, and nets do not mix."""

    def __init__(self) -> None:
        self._texts: dict[tuple[int, int], str] = {}
        self._ways: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)

    def text(self, x: int, y: int, text: str) -> None:
        """Write a text; it covers the lines below it."""
        for offset, sign in enumerate(text):
            self._texts[x + offset, y] = sign

    def vertical(self, net: int, x: int, top: int, bottom: int) -> None:
        """Draw a line from the middle of one row to the middle of another below it."""
        for y in range(top, bottom + 1):
            self._add(net, x, y, (UP if y > top else 0) | (DOWN if y < bottom else 0))

    def horizontal(self, net: int, left: int, right: int, y: int) -> None:
        """Draw a line from the middle of one column to the middle of another."""
        for x in range(left, right + 1):
            self._add(net, x, y, (LEFT if x > left else 0) | (RIGHT if x < right else 0))

    def _add(self, net: int, x: int, y: int, ways: int) -> None:
        nets = self._ways[x, y]
        nets[net] = nets.get(net, 0) | ways

    def show(self, joins: set[tuple[int, int]]) -> str:
        """Give the page.

        Args:
            joins: Pairs of net and column where a net goes down to its end:
                there it may join another that does the same.
        """
        signs = {place: self._sign(place, joins) for place in self._ways} | self._texts
        height = max((y for _, y in signs), default=-1) + 1
        return "\n".join(_row(signs, y) for y in range(height))

    def _sign(self, place: tuple[int, int], joins: set[tuple[int, int]]) -> str:
        nets = self._ways[place]
        ways = 0
        for one in nets.values():
            ways |= one
        if len(nets) > 1 and not all((net, place[0]) in joins for net in nets):
            return "│"  # one passes over the other
        return _SIGNS.get(ways, " ")


def _row(signs: dict[tuple[int, int], str], y: int) -> str:
    width = max((x for x, row in signs if row == y), default=-1) + 1
    return "".join(signs.get((x, y), " ") for x in range(width)).rstrip()
