"""All that is open between a start and a stop of the proxy: the rooms of the house, wired together."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from functools import partial

from sipfullproxy import certificate, whereabouts
from sipfullproxy.banlist import Exchange
from sipfullproxy.engine.config import Config, Switches, Users
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Experiment
from sipfullproxy.engine.flow import Local
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.randomness import Pool
from sipfullproxy.engine.replica import Change
from sipfullproxy.experiments import BadNetwork, Experiments
from sipfullproxy.guard import Guard
from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.clock import wall_offset
from sipfullproxy.journal.hooks import Hooks
from sipfullproxy.journal.registrations import Registrations, file_of
from sipfullproxy.opening import find_ca, hire, open_bans, open_doors, open_memory, open_resolver, open_state
from sipfullproxy.page import Page
from sipfullproxy.privileges import identity
from sipfullproxy.roll import Roll
from sipfullproxy.settings import Settings
from sipfullproxy.sip.phrases import Phrasebook
from sipfullproxy.staff import First
from sipfullproxy.users import UsersFile
from sipfullproxy.values import NameServer

# Phones that are listed at once: more than anybody reads, and listed in a millisecond, for which no call is served.
PHONES = 1_000

log = logging.getLogger(__name__)


class Server:
    """One run of the proxy: everything is open from its creation, `serve` begins to serve, `close` ends it for good.

    settings: what the user chose. hooks: what hears of events. forward: where calls go, by the name of the user that
    they were for.

    guard: the engine's verbs. archive: all that is remembered; it may be asked after the end, too. listen: the ports.
    page: in a browser. ca: who has signed our certificate; None: nobody, or the user has one of his own. no_tls: why
    there is no TLS although it is wanted, in the user's language, or "".

    Raises StartError; then nothing is open.
    """

    def __init__(self, settings: Settings, hooks: Hooks, forward: Mapping[bytes, Rule]) -> None:
        self._settings = settings
        self._over = threading.Event()
        self._lock = threading.Lock()  # the one lock: held while the engine works, or while what it reads is changed
        becoming = identity(settings)
        with becoming.acting() if becoming is not None else nullcontext():
            self._roll = None
            if settings.users is not None:
                self._roll = Roll(settings.users, settings.login == "calls", settings.lang)
            self.ca, self.no_tls = find_ca(settings)
            if becoming is not None and self.ca is not None:
                with suppress(OSError):  # which is told when the ports are opened; here it is for whose file it is
                    certificate.certify(settings, self.ca)
        self._resolver = open_resolver(settings, self._resolved)
        with ExitStack() as opened:
            self._doors = open_doors(settings, self.ca)
            opened.callback(self._doors.close)
            self.listen = self._doors.listen
            self._staff = hire(settings, self._doors)
            opened.callback(self._staff.close)
            self.page = Page(settings, [host for _, (host, _) in self.listen])
            opened.callback(self.page.close)
            if becoming is not None:
                becoming.become()
            self._wire(settings, hooks, {**forward})
            opened.pop_all()

    def _wire(self, settings: Settings, hooks: Hooks, forward: dict[bytes, Rule]) -> None:
        """Put the engine behind the ports, and what remembers behind the engine."""
        key, place = open_state(settings)
        users = None if self._roll is None else self._roll.users
        followed = place is not None or settings.workers > 1
        self._forward = forward
        self._config = config = _config(settings, self.listen, users, forward, key, followed=followed)
        self._engine = Engine(config, Pool(os.urandom), _report)
        self._memory = memory = open_memory(settings, hooks)
        self.archive: Archive = memory.archive
        changed = self._changed if followed else None
        self.guard = guard = Guard(
            self._engine, self._lock, memory.note, self._staff.publish, changed, self._resolver.ask
        )  # fmt: skip
        self._network = BadNetwork(guard, settings.experiments)
        if settings.experiments != Experiments():
            self._turn(settings.experiments)
        bans = open_bans(settings)
        self._exchange = None if bans is None else Exchange(bans, guard, settings.lang)
        self._registrations: Registrations | None = None
        if place is not None:
            file = place / file_of(config.address[1])
            self._registrations = Registrations(file, self.listen, users, settings.lang, guard.snapshot)
        self._staff.meet(First(
            core=self._network, guard=guard, config=config, experiments=settings.experiments,
            phrases=(settings.lang, settings.phrases, settings.own),
            bans=None if bans is None else str(bans.path.parent),
            dns=(*settings.dns,) if isinstance(settings.dns, NameServer) else None,
            restore=self._restore, note=memory.note, tell=memory.tell,
        ))  # fmt: skip

    def serve(self) -> None:
        """Serve, in threads, until `close`. Whoever was here before a restart is known again when the first datagram is
        read."""
        self._memory.start()
        if self._exchange is not None:
            self._exchange.start()
        if self._registrations is not None:
            self.guard.restore(self._registrations.load(), time.monotonic())
            self._registrations.start()
        self._staff.serve(self._doors)
        if self._roll is not None:
            self._meanwhile("users", self._roll.follow, partial(self._admit, self._roll.users), self._over)
        if self.ca is not None:
            self._meanwhile("certificate", certificate.renew, self._settings, self.ca, self._over)
        hosts = [host for _, (host, _) in self.listen]
        self._meanwhile("whereabouts", whereabouts.watch, hosts, self._settings.lang, self._over)

    def close(self) -> None:
        """Stop serving, and return when the journal has it all. In this order: who is closed hears of nobody who still
        has something to tell."""
        self._over.set()
        self.page.close()
        self._resolver.stop()
        self._staff.stop()
        self._doors.close()
        if self._exchange is not None:
            self._exchange.stop()
        self._staff.publish(self._engine.events())  # what was told since the last tick
        self._staff.close()
        if self._registrations is not None:
            self._registrations.stop()
        self._memory.stop()

    def forward(self, user: bytes, rule: Rule | None) -> None:
        """Send the calls to a user on by that rule from now on; None: not any more."""
        with self._lock:
            if rule is None:
                self._forward.pop(user, None)
            else:
                self._forward[user] = rule
        self._staff.forward(user, rule)

    def go_wrong(self, experiments: Experiments) -> None:
        """Let these things go wrong from now on, and tell of it."""
        self._turn(experiments)
        self._staff.go_wrong(experiments)

    def login(self, user: bytes) -> tuple[str, str, str] | None:
        """The realm, the algorithm that is liked best, and the hash of a user's password by it; None: he has none."""
        known = self._config.users
        if known is None:
            return None
        with self._lock:
            hashes = known.hashes.get(user)
            if hashes is None:
                return None
            best = known.algorithms[0]
            return known.realm.decode(), best.decode(), hashes[best].decode()

    def lift(self, network: str) -> bool:
        """End a ban, here and in the list that is kept of them. Returns whether there was one."""
        found = self.guard.lift(network, time.monotonic())
        if found and self._exchange is not None:
            self._exchange.strike(network)
        return found

    def _turn(self, experiments: Experiments) -> None:
        """Let these things go wrong in this process, and have the engine tell of it."""
        with self._lock:
            experiments.turn(self._config.switches)
            self._network.experiments = experiments
            self._engine.epoch = wall_offset()
            self._engine.tell(Experiment, time.monotonic(), **dataclasses.asdict(experiments))

    def _admit(self, known: Users, file: UsersFile) -> None:
        """From now on these can log in. Whose password is not what it was loses his registrations."""
        with self._lock:
            before, known.hashes = known.hashes, file.hashes
            known.realm, known.algorithms = file.realm.encode(), file.algorithms
        names = [name for name in {*before, *file.hashes} if file.hashes.get(name) != before.get(name)]
        self._staff.admit(known.realm, known.algorithms, {name: file.hashes.get(name, {}) for name in names})
        for name in before.keys() & names:
            for phone in self.guard.phones(PHONES, name):
                self.guard.forget(phone, time.monotonic())

    def _meanwhile(self, name: str, work: Callable[..., object], *arguments: object) -> None:
        """Do something for as long as the proxy runs, in a thread of its own."""
        threading.Thread(target=work, args=arguments, name=name, daemon=True).start()

    def _resolved(self, number: int, found: Found) -> None:
        """The answer to a question of the engine is there."""
        self._doors.send(self._network.arrived(self.guard.resolved(number, found, time.monotonic())))

    def _changed(self, changes: Sequence[Change]) -> None:
        """Hand on which bindings came and went."""
        self._staff.share(changes)
        if self._registrations is not None:
            self._registrations(changes)

    def _restore(self, changes: Sequence[Change], now: float) -> None:
        """Take in which bindings came and went at another worker."""
        self.guard.restore(changes, now)
        if self._registrations is not None:
            self._registrations(changes)


def _config(
    settings: Settings, listen: tuple[Local, ...], users: Users | None, forward: Mapping[bytes, Rule],
    flow_key: bytes, *, followed: bool,
) -> Config:  # fmt: skip
    """What the engine must know; for what is not of the settings see `Config`."""
    return Config(
        address=listen[0][1],
        listen=listen,
        domains=frozenset(settings.domain),
        open=settings.open,
        users=users,
        bans=settings.holds_off,
        trusted=settings.trust,
        silent=settings.silent,
        forward=forward,
        switches=Switches(),
        recurse=settings.redirects == "follow",
        resolve=settings.dns != "off",
        phrases=Phrasebook(settings.lang, settings.phrases, settings.own),
        flow_key=flow_key,
        followed=followed,
    )


def _report(bug: Exception) -> None:
    log.error("bug in the engine; the proxy goes on", exc_info=bug)
