"""What stands between the doors of a worker and its engine: what belongs to others goes there, and theirs comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.replica import Change
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request
from sipfullproxy.transport.core import Core
from sipfullproxy.workers.neighbours import AT_ONCE, Neighbours
from sipfullproxy.workers.owner import owner
from sipfullproxy.workers.parcel import Changes, Lost, Message, Outgoing, Parcel


class Switchboard:
    """The engine's verbs as the doors of one worker see them; see `Core`.

    core: behind it. post: puts a message on the wire, and returns False where it leads nowhere. restore: takes in the
    bindings that came and went elsewhere. obey: does what else the first worker says.
    """

    def __init__(
        self, core: Core, neighbours: Neighbours, post: Callable[[Send], bool],
        restore: Callable[[Sequence[Change], float], object], obey: Callable[[Parcel], object],
    ) -> None:  # fmt: skip
        self._core = core
        self._neighbours = neighbours
        self._post = post
        self._restore = restore
        self._obey = obey
        self._heard = b""
        self._reading = Lock()  # what one neighbour said is served in the order in which he said it

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        """See `Engine.receive`. What belongs to another worker is handed over, unread, and he answers it."""
        at = owner(data, self._neighbours.count)
        if at is not None and at != self._neighbours.me:
            self._neighbours.hand_over(at, flow, data)
            return []
        if self._neighbours.brought != self._heard:  # without a lock: who is about to hear it has not noted it yet
            self.read(now)
        return self._core.receive(data, flow, now, spare)

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        """See `Engine.refuse`."""
        return self._core.refuse(request, error, flow, now)

    def tick(self, now: float) -> list[Send]:
        """See `Engine.tick`."""
        return self._core.tick(now)

    def next_timer(self) -> float | None:
        """See `Engine.next_timer`."""
        return self._core.next_timer()

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """See `Engine.lost`. A connection is everybody's: any of us may owe it an answer, or wait for one."""
        sends = self._core.lost(flow, now)  # first, so that its bindings are gone elsewhere, too, and told once
        if flow.reliable:
            self._neighbours.tell_all(Lost(flow))
        return sends

    def read(self, now: float) -> None:
        """Take in what the neighbours have said. Whoever serves a message of his own does this first, so that a call
        right after a registration finds it."""
        with self._reading:
            brought, number = self._neighbours.brought, 0
            for parcel in self._neighbours.read():
                number += 1
                self._serve(parcel, now)
            if number < AT_ONCE:  # else there may be more
                self._heard = brought

    def _serve(self, parcel: Parcel, now: float) -> None:
        match parcel:
            case Message(flow, data):
                self.send(self._core.receive(data, flow, now), now)
            case Outgoing(flow, data):
                self.send([Send(flow, data, 0)], now)
            case Lost(flow):
                self.send(self._core.lost(flow, now), now)
            case Changes(changes):
                self._restore(changes, now)
            case _:
                self._obey(parcel)

    def send(self, sends: list[Send], now: float) -> None:
        """Put all on the wire, each by its own way; what the engine says to a way that leads nowhere, too."""
        for send in sends:  # which may grow meanwhile
            if not self._post(send):
                sends += self.lost(send.flow, now)
