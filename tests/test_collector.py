"""collector.py: circles go, new ones soon and old ones when it is quiet; and Python has its own way afterwards."""

from __future__ import annotations

import gc
import math
import sys
import threading
import time
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


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens, it does not count as calls, and looks are rare soon."""
    monkeypatch.setattr(collector, "QUIET", 3)
    monkeypatch.setattr(collector, "BUSY", math.inf)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little happens, it counts as calls."""
    monkeypatch.setattr(collector, "LOOK", 0.001)
    monkeypatch.setattr(collector, "BUSY", -1.0)


@pytest.mark.usefixtures("idle")
def test_an_old_circle_is_freed_when_nobody_calls() -> None:
    circle = _Circle()
    freed = circle.freed
    gc.collect()  # now it is old: no look at what is new finds it
    with tidy():
        del circle
        assert freed.wait(PATIENCE)


@pytest.mark.usefixtures("idle")
def test_what_became_old_since_is_freed_in_time_though_nobody_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "REST", 0.01)
    monkeypatch.setattr(collector, "OLD", 0.5)
    with tidy():
        first = _Circle()
        gone = first.freed
        del first
        assert gone.wait(PATIENCE)
        circle = _Circle()
        freed = circle.freed
        gc.collect()
        del circle
        assert freed.wait(PATIENCE)


def test_nothing_old_is_looked_at_while_there_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    # Hardly an object comes, as in a load where as many go.
    monkeypatch.setattr(collector, "LOOK", 0.001)
    monkeypatch.setattr(collector, "QUIET", 3)
    monkeypatch.setattr(collector, "SAMPLE", 1)
    generations: list[int] = []
    gc.callbacks.append(lambda phase, about: generations.append(about["generation"]))
    until = time.monotonic() + PATIENCE
    try:
        with tidy():
            while len(generations) < 60 and time.monotonic() < until:
                sum(range(1000))
    finally:
        del gc.callbacks[-1]
    assert len(generations) >= 60
    assert set(generations) == {0}


@pytest.mark.usefixtures("busy")
def test_while_somebody_calls_a_sample_is_looked_at_until_something_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.usefixtures("idle")
def test_what_was_put_aside_is_looked_through_when_nobody_calls() -> None:
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
