"""What leaves the engine, so that others have the same: bindings, also for those after a restart, and guesses.

A change is a flat tuple of `str`, `bytes`, `int` and `float`: `tuple(change)` can be written by whatever writes such
values (a row of a table, `marshal`), and `change_of` makes it a change again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sipfullproxy.engine.flow import Flow


class Came(NamedTuple):
    """A binding that is there from now on.

    name: its own, given by the engine where it was made; no other binding of any engine ever has it. The others are
    those of `Binding`, a URI as its text and the flow in pieces. since, expires: monotonic seconds.
    """

    name: str
    aor: bytes
    person: str
    uri: bytes
    params: bytes
    instance: bytes
    transport: str
    local_host: str
    local_port: int
    remote_host: str
    remote_port: int
    serial: int
    q: float
    since: float
    expires: float
    call_id: bytes
    cseq: int
    agent: bytes
    path: bytes = b""

    @property
    def flow(self) -> Flow:
        """Where the phone registered from."""
        local, remote = (self.local_host, self.local_port), (self.remote_host, self.remote_port)
        return Flow(self.transport, local, remote, self.serial)

    def at(self, local: tuple[str, int]) -> Came:
        """The same at another port of ours: the program that comes back may have another address than the one that
        went."""
        host, port = local
        return self._replace(local_host=host, local_port=port)

    def later(self, seconds: float) -> Came:
        """The same on a clock that is so far ahead."""
        return self._replace(since=self.since + seconds, expires=self.expires + seconds)


class Went(NamedTuple):
    """A binding that is there no more. name, aor: of its `Came`."""

    name: str
    aor: bytes


class Guess(NamedTuple):
    """A login as that user, by the flow in pieces: wrong, or right, so that what was mistyped is forgiven. All who have
    one port count the guesses of one address together."""

    aor: bytes
    right: bool
    transport: str
    local_host: str
    local_port: int
    remote_host: str
    remote_port: int
    serial: int

    @property
    def flow(self) -> Flow:
        """By which it came."""
        return Flow(
            self.transport, (self.local_host, self.local_port), (self.remote_host, self.remote_port), self.serial
        )  # fmt: skip


Change = Came | Went | Guess

_KINDS: dict[int, type[Change]] = {len(kind._fields): kind for kind in (Came, Went, Guess)}


def change_of(values: Sequence[Any]) -> Change:
    """The change whose `tuple` has these values."""
    return _KINDS[len(values)](*values)
