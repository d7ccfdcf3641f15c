"""A worker beside the first one: a process with the engine and the UDP ports, and with nothing that is there once.

Journal, page, hooks, database and connections are the first worker's: events and messages go to him by the feed, and
what is to be sent by a connection by his inbox. It ends when he does.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from sipfullproxy.banlist import BanList, Exchange
from sipfullproxy.collector import tidy
from sipfullproxy.complaints import told
from sipfullproxy.engine.bans import LOGINS
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Banned, Event, Unbanned
from sipfullproxy.engine.flow import Local, Send
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.randomness import Pool
from sipfullproxy.experiments import BadNetwork, Experiments
from sipfullproxy.guard import Guard
from sipfullproxy.lang import LANGS, Lang
from sipfullproxy.transport import records
from sipfullproxy.transport.doors import Desk
from sipfullproxy.transport.resolver import Resolver
from sipfullproxy.transport.udp import UdpDoor
from sipfullproxy.values import NameServer
from sipfullproxy.workers import feed
from sipfullproxy.workers.listener import Listener
from sipfullproxy.workers.neighbours import Neighbours
from sipfullproxy.workers.parcel import Forward, Logins, Outgoing, Parcel, Wrong
from sipfullproxy.workers.setup import Setup, read_config, read_rules
from sipfullproxy.workers.switchboard import Switchboard

FIRST = 0
"""The worker that has all that is there once."""

BEAT = 1.0
"""Seconds between two signs of life."""

log = logging.getLogger(__name__)


def main(line: socket.socket) -> None:
    """Serve, until the first worker closes the line. line: a pipe to it, by which the setup comes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # who ends the program ends the first worker, and that one us
    try:
        setup = Setup.read(feed.get(line))
    except (EOFError, OSError):
        return  # it is gone already
    with told(), tidy():
        Worker(setup, line).run()


class Worker:
    """setup: all that it must know. line: to the first worker."""

    def __init__(self, setup: Setup, line: socket.socket) -> None:
        self._rules = read_rules(setup)
        self._config = config = read_config(setup, self._rules)
        board, inbox, ways, ports = setup.files
        self._doors: dict[Local, UdpDoor] = {
            local: UdpDoor(local[1], socket.socket(fileno=number)) for local, number in ports.items()
        }
        self._neighbours = Neighbours(
            setup.number, board, socket.socket(fileno=inbox),
            {to: socket.socket(fileno=way) for to, way in ways.items()},
        )  # fmt: skip
        self._feed = feed.Feed(line)
        self._engine = Engine(config, Pool(os.urandom), _report)
        resolver = Resolver(records.fetcher(setup.dns and NameServer(*setup.dns)), self._resolved)
        self._guard = guard = Guard(
            self._engine, Lock(), self._feed.note, self._publish, self._neighbours.publish, resolver.ask
        )  # fmt: skip
        self._network = BadNetwork(guard, Experiments(**setup.experiments))
        self._switchboard = Switchboard(self._network, self._neighbours, self.post, guard.restore, self._obey)
        self._listener = Listener(self._switchboard, self._neighbours, line, self._live)
        self._exchange = None if setup.bans is None else Exchange(BanList(Path(setup.bans)), guard, _lang(setup))
        self._lived = 0.0

    def run(self) -> None:
        """Serve, until the line is closed; then tell what is still to be told."""
        threads = []
        for local, door in self._doors.items():
            desk = Desk(self, self._switchboard, frozenset((local,)))
            threads.append(threading.Thread(target=door.serve, args=(desk,), name="udp", daemon=True))
        self._feed.start()
        if self._exchange is not None:
            self._exchange.start()
        for thread in threads:
            thread.start()
        self._listener.serve()
        for door in self._doors.values():
            door.shutdown()
        for thread in threads:
            thread.join()
        if self._exchange is not None:
            self._exchange.stop()
        self._publish(self._engine.events())
        self._feed.stop()

    def post(self, send: Send) -> bool:
        """Put a message on the wire; by a connection, the first worker does. Returns False where there is no way."""
        local = send.flow.door
        door = self._doors.get(local)
        if door is not None:
            door.post([send])
        elif local in self._config.listen:
            self._neighbours.send(FIRST, Outgoing(send.flow, send.data))
        return local in self._config.listen

    def _resolved(self, number: int, found: Found) -> None:
        """The answer to a question of the engine is there."""
        now = time.monotonic()
        self._switchboard.send(self._network.arrived(self._guard.resolved(number, found, now)), now)

    def _publish(self, events: Sequence[Event]) -> None:
        for event in events:
            # Each of us counts all guesses, and lifts a ban; the first one tells.
            if not (isinstance(event, Unbanned) or (isinstance(event, Banned) and event.why == LOGINS)):
                self._feed.tell(event)

    def _obey(self, parcel: Parcel) -> None:
        """Do as the first worker says, to whom the user speaks."""
        match parcel:
            case Forward(user, rule) if rule is not None:
                self._rules[user] = Rule(**rule)
            case Forward(user):
                self._rules.pop(user, None)
            case Wrong(fields):
                self._network.experiments = experiments = Experiments(**fields)
                experiments.turn(self._config.switches)
            case Logins(realm, algorithms, hashes) if self._config.users is not None:
                users = self._config.users
                users.realm, users.algorithms = realm, algorithms
                users.hashes = {name: entry for name, entry in {**users.hashes, **hashes}.items() if entry}

    def _live(self) -> None:
        """See to the timers where no port does, and give signs of life, as long as there is any in the engine."""
        now = time.monotonic()
        if not self._doors and (due := self._switchboard.next_timer()) is not None and due <= now:
            self._switchboard.send(self._switchboard.tick(now), now)
        if now - self._lived >= BEAT:
            self._switchboard.next_timer()  # of an engine that never ends a verb there is no answer, and no beat
            self._lived = now
            self._feed.beat()


def _lang(setup: Setup) -> Lang:
    return next(lang for lang in LANGS if lang == setup.phrases[0])


def _report(bug: Exception) -> None:
    log.error("bug in the engine; the proxy goes on", exc_info=bug)
