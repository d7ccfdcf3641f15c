"""The events of all workers in one row."""

from __future__ import annotations

from sipfullproxy.engine.events import Event, Held, Resumed
from sipfullproxy.workers.merge import Merge

FIELDS = {"call": "c", "leg": "l", "who": "a", "whom": "b"}


def test_they_come_by_their_time_with_numbers_in_a_row() -> None:
    told: list[Event] = []
    merge = Merge(told.append)
    merge.own([Held(serial=9, time=3.0, **FIELDS), Held(serial=10, time=4.0, **FIELDS)])
    merge.other(Resumed, 2.0, FIELDS)
    merge.other(Resumed, 3.0, FIELDS)
    merge.flush(0)
    assert [(event.serial, event.time, event.kind) for event in told] == [
        (1, 2.0, "resumed"), (2, 3.0, "held"), (3, 3.0, "resumed"), (4, 4.0, "held"),
    ]  # fmt: skip


def test_each_waits_for_those_that_are_late() -> None:
    told: list[Event] = []
    merge = Merge(told.append)
    merge.own([Held(serial=1, time=3.0, **FIELDS)])
    merge.flush(3600)
    assert told == []
    merge.other(Resumed, 2.0, FIELDS)
    merge.flush(0)
    merge.other(Resumed, 1.0, FIELDS)  # too late by far: told all the same
    merge.flush(0)
    assert [event.time for event in told] == [2.0, 3.0, 1.0]
