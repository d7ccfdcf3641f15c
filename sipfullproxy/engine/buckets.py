"""Leaky buckets: how much of something comes from whom, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """A bucket for each sender: what he does is poured in, and leaks out again as time goes by.

    room: what a bucket holds. leak: what runs out of it in a second. most: buckets that are remembered; beyond that the
    one that has been there for longest is forgotten.
    """

    __slots__ = ("_leak", "_levels", "_most", "_room")

    def __init__(self, room: float, leak: float, most: int) -> None:
        self._room = room
        self._leak = leak
        self._most = most
        # In a plain dict, whose first is taken out again and again, each look for the next first takes longer.
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def pour(self, whose: str, amount: float, now: float) -> bool:
        """Pour into somebody's bucket; True where it is full by that, and nothing more of the sort would fit.

        now: monotonic seconds.
        """
        levels = self._levels
        before = levels.get(whose)
        if before is None:
            if len(levels) >= self._most:
                levels.popitem(last=False)
            level = amount
        else:
            level = max(0.0, before[0] - (now - before[1]) * self._leak) + amount
        room = self._room
        levels[whose] = (min(level, room), now)
        return level > room - amount

    def take_out(self, whose: str, amount: float) -> None:
        """Make as if so much had never been poured in."""
        before = self._levels.get(whose)
        if before is not None:
            self._levels[whose] = (max(0.0, before[0] - amount), before[1])

    def empty(self, whose: str) -> None:
        """Forget all that is in somebody's bucket."""
        self._levels.pop(whose, None)
