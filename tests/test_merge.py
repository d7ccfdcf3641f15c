"""The events of all workers in one row."""

from __future__ import annotations

from sipfullproxy.engine.events import Event, Held, Resumed
from sipfullproxy.workers.merge import Merge


def held(time: float) -> Event:
    return Held(serial=9, time=time, call="c", leg="l", who="a", whom="b")


def resumed(time: float) -> Event:
    return Resumed(serial=9, time=time, call="c", leg="l", who="a", whom="b")


def test_they_come_by_their_time_with_numbers_in_a_row() -> None:
    told: list[Event] = []
    merge = Merge(told.append)
    merge.put([held(3.0), held(4.0)])
    merge.put([resumed(2.0), resumed(3.0)])
    merge.flush(0)
    assert [(event.serial, event.time, event.kind) for event in told] == [
        (1, 2.0, "resumed"), (2, 3.0, "held"), (3, 3.0, "resumed"), (4, 4.0, "held"),
    ]  # fmt: skip


def test_each_waits_for_those_that_are_late() -> None:
    told: list[Event] = []
    merge = Merge(told.append)
    merge.put([held(3.0)])
    merge.flush(3600)
    assert told == []
    merge.put([resumed(2.0)])
    merge.flush(0)
    merge.put([resumed(1.0)])  # too late by far: told all the same
    merge.flush(0)
    assert [event.time for event in told] == [2.0, 3.0, 1.0]
