"""The memory that workers share: who was brought a parcel sees that it was."""

from __future__ import annotations

import sys

import pytest

from sipfullproxy.workers.board import Board, blank

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="several workers are for Linux only")


def test_each_sees_what_was_brought_to_it_and_by_whomever() -> None:
    with blank(3) as file:
        first, second, third = (Board(file.fileno(), 3, me) for me in range(3))
        before = first.brought, second.brought, third.brought
        first.add(2)
        once = third.brought
        second.add(2)
        twice = third.brought
        assert len({before[2], once, twice}) == 3
        assert (first.brought, second.brought) == before[:2]


def test_a_worker_that_is_replaced_counts_on() -> None:
    with blank(2) as file:
        reader = Board(file.fileno(), 2, 0)
        seen = {reader.brought}
        for _ in range(3):
            Board(file.fileno(), 2, 1).add(0)
            seen.add(reader.brought)
        assert len(seen) == 4
