"""collector.py: circles go, new ones soon and old ones when it is quiet; and Python has its own way afterwards."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest

from sipfullproxy import collector
from sipfullproxy.collector import tidy

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="PyPy has no generations that somebody could look at by himself"
)

PATIENCE = 30.0
"""Seconds that a test waits for what takes a tenth of one."""


@pytest.fixture(scope="module", autouse=True)
def _put_aside() -> Iterator[None]:
    """All that pytest remembers was put aside by conftest.py; what is tested here lets go of that."""
    yield
    gc.freeze()


class _Circle:
    """Something that only the collector can free. freed: set when it has."""

    def __init__(self) -> None:
        self.me = self
        self.freed = threading.Event()
        weakref.finalize(self, self.freed.set)


def test_a_new_circle_is_freed_soon() -> None:
    with tidy():
        freed = _Circle().freed
        assert freed.wait(PATIENCE)


def test_an_old_circle_is_freed_when_nobody_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "QUIET", 3)
    circle = _Circle()
    freed = circle.freed
    gc.collect()  # now it is old: no look at what is new finds it
    with tidy():
        del circle
        assert freed.wait(PATIENCE)


def test_nothing_old_is_looked_at_while_somebody_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "FEW", -1)  # however little happens, it counts as calls
    generations: list[int] = []
    enough = threading.Event()

    def see(phase: str, about: dict[str, int]) -> None:
        generations.append(about["generation"])
        if len(generations) > 60:
            enough.set()

    monkeypatch.setattr(collector, "LOOK", 0.001)
    gc.callbacks.append(see)
    try:
        with tidy():
            assert enough.wait(PATIENCE)
    finally:
        gc.callbacks.remove(see)
    assert set(generations) == {0}


def test_while_somebody_calls_a_sample_is_looked_at_until_something_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "FEW", -1)
    monkeypatch.setattr(collector, "LOOK", 0.001)
    monkeypatch.setattr(collector, "SAMPLE", 1_000_000)
    looks: list[int] = []

    def collect(generation: int = 2) -> int:
        looks.append(generation)
        return int(len(looks) < 3)

    monkeypatch.setattr(gc, "collect", collect)
    put_aside = threading.Event()
    monkeypatch.setattr(gc, "freeze", put_aside.set)
    with tidy():
        assert put_aside.wait(PATIENCE)
    assert looks == [0, 0, 0]


def test_what_was_put_aside_is_looked_through_when_nobody_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "QUIET", 3)
    circle = _Circle()
    freed = circle.freed
    gc.freeze()
    with tidy():
        del circle
        assert freed.wait(PATIENCE)


@pytest.mark.parametrize("enabled", [True, False])
def test_it_leaves_the_collector_as_it_was(enabled: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with tidy():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
