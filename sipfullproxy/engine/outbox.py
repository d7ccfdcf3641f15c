"""What the engine has to say: messages for the wire and events for the world, kept until the shell fetches them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send

_send: Callable[[tuple[Flow, bytes, int | str, tuple[str, ...]]], Send] = partial(tuple.__new__, Send)
"""`Send(*…)` in a third of its time: the constructor of a NamedTuple is a function of Python around this one."""

AnyEvent = TypeVar("AnyEvent", bound=Event)


class Outbox:
    """Where every part of the engine leaves what should go out.

    cause: what is being worked on now, the serial number of a received message or the letter of a timer. now: monotonic
    seconds. epoch: what an event's time is ahead of that. told: the events that nobody has fetched yet.
    """

    __slots__ = ("_sends", "_serial", "cause", "epoch", "now", "told")

    def __init__(self) -> None:
        self.cause: int | str = 0
        self.now = 0.0
        self.epoch = 0.0
        self._sends: list[Send] = []
        self.told: list[Event] = []
        self._serial = 0

    def send(self, flow: Flow, data: bytes, edits: tuple[str, ...] = ()) -> None:
        """Put a message on the wire when this verb of the engine returns."""
        self._sends.append(_send((flow, data, self.cause, edits)))

    def emit(self, event: Callable[..., AnyEvent], *fields: Any, **named: Any) -> None:
        """Tell an event; its serial number and time are filled in. fields: the others, in their order or by name."""
        self._serial += 1
        self.told.append(event(self._serial, self.now + self.epoch, *fields, **named))

    def sends(self) -> list[Send]:
        """Fetch and forget what is to be sent."""
        sends, self._sends = self._sends, []
        return sends

    def events(self) -> list[Event]:
        """Fetch and forget what happened."""
        events, self.told = self.told, []
        return events


def text(value: bytes) -> str:
    """Bytes of the wire as an event carries them: UTF-8, with a mark where they are none."""
    return value.decode("utf-8", "replace")
