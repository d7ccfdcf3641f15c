"""Who serves the ports: this process alone, or several of which it is the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.replica import Change
from sipfullproxy.experiments import Experiments
from sipfullproxy.guard import Guard
from sipfullproxy.journal.passage import Passage
from sipfullproxy.transport.core import Core
from sipfullproxy.transport.doors import Doors
from sipfullproxy.users import Hashes


@dataclass(frozen=True, kw_only=True)
class First:
    """The first worker, as the staff must know it.

    core: behind the ports. guard: of its engine. config: of that engine. phrases: what made the phrasebook in it.
    experiments: what goes wrong now. bans: the folder where the list of bans is kept; None: nobody is banned. dns:
    the server that is asked; None: those of the system. restore: takes in the bindings that came and went at the
    others. note, tell: take in what passed, and what happened, at any of them.
    """

    core: Core
    guard: Guard
    config: Config
    phrases: tuple[str, str, Mapping[int, str]]
    experiments: Experiments
    bans: str | None
    dns: tuple[str, int] | None
    restore: Callable[[Sequence[Change], float], object]
    note: Callable[[Passage], object]
    tell: Callable[[Event], object]


class Staff(Protocol):
    """All who serve the ports: `meet` them, have them `serve`, then `stop` and, behind the ports, `close`."""

    def meet(self, first: First) -> None:
        """Let them know the first worker. Before anything else, once."""

    def serve(self, doors: Doors) -> None:
        """Serve the ports in threads, and return when all do."""

    def stop(self) -> None:
        """End the others, and return when all that they have to tell is heard."""

    def close(self) -> None:
        """Tell what is still to be told, and let go of everything; after the ports are closed."""

    def publish(self, events: Sequence[Event]) -> None:
        """Tell what happened at the first worker, in one row with what happened at the others."""

    def share(self, changes: Sequence[Change]) -> None:
        """Tell the others which bindings came and went at the first worker."""

    def forward(self, user: bytes, rule: Rule | None) -> None:
        """Tell the others where a user's calls go from now on; None: nowhere."""

    def go_wrong(self, experiments: Experiments) -> None:
        """Tell the others what goes wrong on purpose from now on."""

    def admit(self, realm: bytes, algorithms: tuple[bytes, ...], hashes: Hashes) -> None:
        """Tell the others of users whose passwords have changed; without hashes: who are none any more."""


class Alone:
    """This process by itself, with nobody to tell of changes. See `Staff`."""

    def meet(self, first: First) -> None:
        """See `Staff.meet`."""
        self._core = first.core
        self._tell = first.tell

    def serve(self, doors: Doors) -> None:
        """See `Staff.serve`."""
        doors.serve(self._core)

    def publish(self, events: Sequence[Event]) -> None:
        """See `Staff.publish`."""
        for event in events:
            self._tell(event)

    def stop(self) -> None:
        """There are no others."""

    def close(self) -> None:
        """Nothing waits here, and nothing is open."""

    def share(self, changes: Sequence[Change]) -> None:
        """There are no others."""

    def forward(self, user: bytes, rule: Rule | None) -> None:
        """There are no others."""

    def go_wrong(self, experiments: Experiments) -> None:
        """There are no others."""

    def admit(self, realm: bytes, algorithms: tuple[bytes, ...], hashes: Hashes) -> None:
        """There are no others."""
