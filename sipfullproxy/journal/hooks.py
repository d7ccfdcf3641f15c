"""Hooks: functions that are called for each event, on one thread of their own, in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sipfullproxy.engine.events import KINDS, Event
from sipfullproxy.journal.mailbox import QUEUE_LIMIT, STOP_WAIT, Mailbox

ANY: Final = "*"
"""The kind under which a hook asks for every event."""

Hook = Callable[[Any], object]
"""What a hook is: called with the event (of the class that KINDS names), and its result is not looked at."""

HookT = TypeVar("HookT", bound=Hook)

log = logging.getLogger(__name__)


class Hooks:
    """Carries events from the engine to whoever asked for them.

        hooks = Hooks()

        @hooks.on("started")
        def hello(event):
            print(event.who, "->", event.whom)

        hooks.start()
        hooks.put(event)
        hooks.stop()

    Hooks run one after another on one thread, in the order of the events and then of their registration. Nobody waits
    for them: see Mailbox. An exception in a hook is logged with the hook's name and has no other effect.
    """

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._hooks: list[tuple[str, Hook]] = []
        self._mailbox = Mailbox(self._deliver, "hooks", limit)

    @property
    def lost(self) -> int:
        """How many events no hook has seen, because too many were waiting."""
        return self._mailbox.lost

    def on(self, kind: str) -> Callable[[HookT], HookT]:
        """A decorator: have the function called with each event of `kind` (a key of KINDS), or "*" for all.

        The function itself stays as it is, so that it can be put under several kinds. Raises ValueError with the list
        of kinds for an unknown one.
        """
        if kind != ANY and kind not in KINDS:
            raise ValueError(f"unknown kind of event {kind!r}; choose one of {', '.join((ANY, *KINDS))}")

        def register(hook: HookT) -> HookT:
            self._hooks.append((kind, hook))
            return hook

        return register

    def put(self, event: Event) -> None:
        """Queue an event, its `time` in wall-clock seconds since the epoch. Never waits for a hook."""
        if self._hooks:
            self._mailbox.put(event)

    def start(self) -> None:
        """Start delivering, with what has been queued so far; does nothing when started already."""
        self._mailbox.start()

    def stop(self, wait: float = STOP_WAIT) -> None:
        """Deliver what is queued, then end the thread; give up after `wait` seconds. A hook may call this itself."""
        if left := self._mailbox.stop(wait):
            log.warning("a hook has not returned in %g s; %d events were not delivered", wait, left)

    def _deliver(self, bunch: Sequence[Event]) -> None:
        for event in bunch:
            for kind, hook in self._hooks:
                if kind in (ANY, event.kind):
                    _call(hook, event)


def _call(hook: Hook, event: Event) -> None:
    """Call a hook that somebody else wrote: whatever it raises ends here."""
    try:
        hook(event)
    except BaseException:  # a student's exit(), or asyncio's CancelledError, would end this thread silently
        name = getattr(hook, "__qualname__", type(hook).__qualname__)
        log.exception("the hook %s failed on %s", name, event.kind)
