"""Hooks: functions that are called for each event, on one thread of their own, in order."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sipfullproxy.engine.events import KINDS, Event

ANY: Final = "*"
"""The kind under which a hook asks for every event."""

QUEUE_LIMIT: Final = 10_000
"""Events that may wait: some seconds of the proxy's full load, and a few megabytes at most."""

GATHER: Final = 0.05
"""Seconds for which events gather before they are delivered. To wake this thread for each event would make it and the
engine's fight for the interpreter's lock at every call of the system: measured, 120 µs a call instead of 20.
"""

STOP_WAIT: Final = 5.0
"""Seconds that `stop` gives the hooks to see what is queued: long for a disk, short for who pressed Ctrl+C."""

Hook = Callable[[Any], object]
"""What a hook is: called with the event (of the class that KINDS names), and its result is not looked at."""

BunchHook = Callable[[Sequence[Event]], object]
"""A hook that takes all events that have gathered, at least one, in order."""

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

    Hooks run one after another on one thread, in the order of the events and then of their registration, some GATHER
    seconds after the event. Nobody waits for them: when more than `limit` events are queued, the oldest is thrown away
    and counted in `lost`. An exception in a hook is logged with the hook's name and has no other effect.
    """

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self.lost = 0
        self._hooks: list[tuple[str, Hook]] = []
        self._bunch_hooks: list[BunchHook] = []
        self._queue: deque[Event] = deque(maxlen=limit)
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

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

    def in_bunches(self, hook: BunchHook) -> None:
        """Have the function called with all events that have gathered, for who writes them down at one go.

        Such a hook comes before the others, so that what is written is there whatever those do.
        """
        self._bunch_hooks.append(hook)

    def put(self, event: Event) -> None:
        """Queue an event, its `time` in wall-clock seconds since the epoch. Never waits for a hook."""
        with self._changed:
            self.lost += len(self._queue) == self._queue.maxlen
            self._queue.append(event)
            if len(self._queue) == 1:
                self._changed.notify()

    def start(self) -> None:
        """Start delivering, with what has been queued so far; does nothing when started already."""
        if self._thread is not None:
            return
        self._stopping = False
        # A daemon: a hook that never returns must not keep the program alive.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def stop(self, wait: float = STOP_WAIT) -> None:
        """Deliver what is queued, then end the thread; give up after `wait` seconds. A hook may call this itself."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if thread is threading.current_thread():
            return
        thread.join(wait)
        if thread.is_alive():
            log.warning("a hook has not returned in %g s; %d events were not delivered", wait, len(self._queue))

    def _run(self) -> None:
        """The thread: gather and deliver, until told to stop and nothing is left."""
        while bunch := self._gathered():
            for bunch_hook in self._bunch_hooks:
                _call(bunch_hook, bunch, f"{len(bunch)} events")
            for event in bunch:
                for kind, hook in self._hooks:
                    if kind in (ANY, event.kind):
                        _call(hook, event, event.kind)

    def _gathered(self) -> list[Event]:
        """All that is queued, a little after the first of it came; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            self._changed.wait_for(lambda: self._stopping, GATHER)
            bunch = list(self._queue)
            self._queue.clear()
            return bunch


def _call(hook: Hook, argument: object, what: str) -> None:
    """Call a hook that somebody else wrote: whatever it raises ends here."""
    try:
        hook(argument)
    except (Exception, SystemExit):  # a student's exit() would end this thread and the journal with it, silently
        name = getattr(hook, "__qualname__", type(hook).__qualname__)
        log.exception("the hook %s failed on %s", name, what)
