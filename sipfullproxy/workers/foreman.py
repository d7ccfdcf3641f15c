"""Starts the other workers and watches over them: whoever ends before his time is told of, and replaced."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Local
from sipfullproxy.engine.replica import Change
from sipfullproxy.experiments import Experiments
from sipfullproxy.lang import Lang, Words
from sipfullproxy.staff import First
from sipfullproxy.transport.doors import Doors
from sipfullproxy.transport.udp import UdpDoor
from sipfullproxy.users import Hashes
from sipfullproxy.workers import feed
from sipfullproxy.workers.board import blank
from sipfullproxy.workers.listener import Listener
from sipfullproxy.workers.merge import Merge
from sipfullproxy.workers.neighbours import Neighbours, bunches, inbox
from sipfullproxy.workers.parcel import LOGINS, Forward, Logins, Parcel, Wrong
from sipfullproxy.workers.setup import Files, Setup, plain_config
from sipfullproxy.workers.steering import steer
from sipfullproxy.workers.switchboard import Switchboard
from sipfullproxy.workers.worker import FIRST

SILENCE: Final = 15.0
"""Seconds without a sign of life, of which there should be one a second, after which a worker counts as hung. On a
machine that has so much else to do calls fail anyway."""

PAUSE: Final = 1.0
"""Seconds until a worker that has ended is replaced: one that cannot live must not take all the machine."""

BEGINNING: Final = 5.0
"""Seconds that the program waits for the others when it starts: what comes for them before is answered late. It takes a
third of a second, unless the machine has much else to do."""

PATIENCE: Final = 8.0
"""Seconds that a worker has to end: its mailboxes have five to be emptied."""

ROOT: Final = Path(__file__).resolve().parents[2]

log = logging.getLogger(__name__)


class Foreman:
    """The other workers, as the first one sees them; see `Staff`.

    neighbours: the ways to them. processes: those that run, by number. count: of all workers. ports: the UDP ports,
    which all of them serve. lang: of warnings.

    Raises OSError.
    """

    def __init__(self, count: int, ports: Mapping[Local, UdpDoor], lang: Lang) -> None:
        self._others = range(FIRST + 1, count)
        self._lang: Lang = lang
        self._first: First
        self._merge = Merge(lambda event: self._first.tell(event))
        self._stopping = threading.Event()
        self._telling = threading.Lock()  # who is started now hears of a change, by his setup or by his inbox
        self._lines: dict[int, socket.socket] = {}
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self._listening: threading.Thread | None = None
        self._end = socket.socketpair()
        self._alive = {number: threading.Event() for number in self._others}
        # They stay open here, too: what comes while a worker is replaced waits for the next one.
        self._inboxes = [inbox() for _ in range(count)]
        self._ports = {number: {local: door.sibling() for local, door in ports.items()} for number in self._others}
        for door in ports.values():
            steer(door.socket, count)
        self._board = blank(count)
        self.neighbours = Neighbours(
            FIRST, self._board.fileno(), self._inboxes[FIRST][0],
            {number: self._inboxes[number][1] for number in self._others},
        )  # fmt: skip

    def meet(self, first: First) -> None:
        """See `Staff.meet`."""
        self._first = first

    def serve(self, doors: Doors) -> None:
        """Start the others, and serve the ports when they do, too, or have had enough time for it."""
        first = self._first
        switchboard = Switchboard(first.core, self.neighbours, doors.post, first.restore, _obey)
        for number in self._others:
            thread = threading.Thread(target=self._keep, args=(number,), name=f"worker {number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        deadline = time.monotonic() + BEGINNING
        for alive in self._alive.values():
            alive.wait(max(0.0, deadline - time.monotonic()))
        listener = Listener(switchboard, self.neighbours, self._end[0], self._merge.flush)
        self._listening = threading.Thread(target=listener.serve, name="neighbours", daemon=True)
        self._listening.start()
        doors.serve(switchboard)

    def stop(self) -> None:
        """See `Staff.stop`."""
        with self._telling:
            self._stopping.set()
            for line in self._lines.values():
                with suppress(OSError):
                    line.shutdown(socket.SHUT_WR)
        for thread in self._threads:
            thread.join()
        self._end[1].close()
        if self._listening is not None:
            self._listening.join()

    def close(self) -> None:
        """See `Staff.close`."""
        self._merge.flush(0)
        for pair in (self._end, *self._inboxes):
            for end in pair:
                end.close()
        self._board.close()
        for ports in self._ports.values():
            for port in ports.values():
                port.close()

    def publish(self, events: Sequence[Event]) -> None:
        """Tell what happened at one of the workers, in one row with what happened at the others."""
        self._merge.put(events)

    def share(self, changes: Sequence[Change]) -> None:
        """See `Staff.share`."""
        self.neighbours.publish(changes)

    def forward(self, user: bytes, rule: Rule | None) -> None:
        """See `Staff.forward`."""
        with self._telling:
            self.neighbours.tell_all(Forward(user, None if rule is None else dataclasses.asdict(rule)))

    def go_wrong(self, experiments: Experiments) -> None:
        """See `Staff.go_wrong`."""
        with self._telling:
            self._first = dataclasses.replace(self._first, experiments=experiments)
            self.neighbours.tell_all(Wrong(dataclasses.asdict(experiments)))

    def admit(self, realm: bytes, algorithms: tuple[bytes, ...], hashes: Hashes) -> None:
        """See `Staff.admit`."""
        names = [*hashes]
        with self._telling:
            for at in range(0, max(len(names), 1), LOGINS):
                bunch = {name: dict(hashes[name]) for name in names[at : at + LOGINS]}
                self.neighbours.tell_all(Logins(realm, algorithms, bunch))

    def _keep(self, number: int) -> None:
        """The thread of one worker: start it, hear what it tells until it ends, and start the next in its place."""
        while not self._stopping.is_set():
            try:
                process, line = self._begin(number)
            except OSError as error:
                why = str(error)
            else:
                self.processes[number] = process
                why = _end_of(process, self._hear(number, line), self._lang)
                del self.processes[number]
            if not self._stopping.is_set():
                log.warning(_ENDED[self._lang].format(number=number + 1, why=why))
                self._stopping.wait(PAUSE)

    def _begin(self, number: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """Start a worker. The bindings of now come to it as those of later will, by its inbox."""
        ours, theirs = socket.socketpair()
        files = Files(
            board=self._board.fileno(),
            inbox=self._inboxes[number][0].fileno(),
            ways={to: pair[1].fileno() for to, pair in enumerate(self._inboxes) if to != number},
            ports={local: port.fileno() for local, port in self._ports[number].items()},
        )
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "sipfullproxy.workers", str(theirs.fileno())],
                pass_fds=(theirs.fileno(), files.board, files.inbox, *files.ways.values(), *files.ports.values()),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=_environment(),
                process_group=0,  # a Ctrl-C in the terminal is for the first worker alone
            )  # fmt: skip
        ours.settimeout(SILENCE)
        with self._telling, suppress(OSError):  # of a worker that is gone already we shall hear
            first = self._first
            setup = Setup(
                number, files, plain_config(first.config), first.phrases, dataclasses.asdict(first.experiments),
                first.bans, first.dns,
            )  # fmt: skip
            feed.put(ours, setup.plain())
            for bunch in bunches(first.guard.snapshot()):
                self.neighbours.send(number, bunch)
            self._lines[number] = ours
            if self._stopping.is_set():
                ours.shutdown(socket.SHUT_WR)
        return process, ours

    def _hear(self, number: int, line: socket.socket) -> bool:
        """Hear what a worker tells, to its end. Returns whether it has just fallen silent."""
        ear = feed.Ear(line, feed.Hearer(self.publish, self._first.note))
        try:
            while True:
                ear.hear()
                self._alive[number].set()
        except TimeoutError:
            return True
        except (EOFError, OSError):
            return False
        finally:
            with self._telling:
                self._lines.pop(number, None)
            line.close()


def _obey(parcel: Parcel) -> None:
    log.error("a worker gave an order to the first one: %s", type(parcel).__name__)


def _end_of(process: subprocess.Popen[bytes], hung: bool, lang: Lang) -> str:
    """Wait for the end of a process, or make it, and return how it came."""
    if hung:
        process.kill()
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        hung = True
        process.kill()
        code = process.wait()
    if hung:
        return _HUNG[lang]
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _environment() -> dict[str, str]:
    """Ours, and the place of this very package in it."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


_ENDED = Words(
    sk="proces {number} z --workers skončil ({why}); začína nový, hovory, ktoré obsluhoval, sa môžu prerušiť",
    en="process {number} of --workers has ended ({why}); a new one starts, calls that it served may break off",
)
_HUNG = Words(sk="prestal odpovedať", en="it did not answer any more")
