"""Unpredictable bytes: each once, and seldom asked for."""

from __future__ import annotations

from random import Random

from sipfullproxy.engine.randomness import POOL, Pool


class Source:
    """Gives bytes that anybody can foresee, and knows which."""

    def __init__(self) -> None:
        self._random = Random(1)
        self.given: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        self.given.append(self._random.randbytes(size))
        return self.given[-1]


def test_nothing_is_asked_for_before_it_is_wanted() -> None:
    """So that a process may fork before it has made its first call."""
    source = Source()
    Pool(source)
    assert source.given == []


def test_many_portions_are_of_one_store() -> None:
    source = Source()
    pool = Pool(source)
    portions = [pool(8) for _ in range(POOL // 8)]
    assert source.given == [b"".join(portions)]
    pool(1)
    assert len(source.given) == 2


def test_what_is_too_large_for_the_rest_begins_the_next_store() -> None:
    source = Source()
    pool = Pool(source)
    portions = [pool(size) for size in (POOL - 4, 8, 8)]
    first, second = source.given
    assert portions == [first[:-4], second[:8], second[8:16]]


def test_more_than_the_store_holds_comes_from_the_source() -> None:
    source = Source()
    assert Pool(source)(POOL + 1) == source.given[0]
