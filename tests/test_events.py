"""The events as a student's hooks see them."""

from __future__ import annotations

import dataclasses

import pytest

from sipfullproxy.engine import events
from sipfullproxy.engine.events import KINDS, Event

ISSUE_2 = {
    "registered", "unregistered", "calling", "ringing", "started", "video", "held", "resumed", "transferred",
    "forwarded", "conference", "declined", "busy", "cancelled", "missed", "failed", "ended",
}  # fmt: skip
"""The hooks that part 5 of the issue promises."""


def test_every_kind_has_its_name() -> None:
    assert set(KINDS) == ISSUE_2 | {"experiment", "located", "rejected", "banned", "unbanned"}
    assert all(kind == cls.kind for kind, cls in KINDS.items())


def test_no_kind_is_left_out() -> None:
    abstract = {events.Event, events.CallEvent, events.CallOver}
    concrete = {cls for cls in vars(events).values() if isinstance(cls, type) and issubclass(cls, Event)} - abstract
    assert concrete == set(KINDS.values())


@pytest.mark.parametrize("cls", KINDS.values(), ids=KINDS)
def test_an_event_is_a_value(cls: type[Event]) -> None:
    """Frozen, comparable, without a dictionary of its own; documented."""
    fields = {field.name: 0 for field in dataclasses.fields(cls)}
    event = cls(**fields)
    assert event == cls(**fields)
    assert not hasattr(event, "__dict__")
    assert cls.__doc__
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.time = 1.0  # type: ignore[misc]
