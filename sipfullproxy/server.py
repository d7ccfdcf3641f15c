"""The proxy as one thing to start and stop: wires the rooms together and owns the one lock."""

from __future__ import annotations

import dataclasses
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sipfullproxy import certificate, state, users, whereabouts
from sipfullproxy.authority import Authority
from sipfullproxy.banlist import BanList, Exchange
from sipfullproxy.endings import endings
from sipfullproxy.engine.bans import Ban
from sipfullproxy.engine.config import Config, Switches
from sipfullproxy.engine.diversion import AFTER
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Event, Experiment
from sipfullproxy.engine.flow import Local
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.randomness import Pool
from sipfullproxy.engine.replica import Change
from sipfullproxy.experiments import BadNetwork, Experiments
from sipfullproxy.greeting import greeting, tell
from sipfullproxy.guard import Guard
from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.cards import PhoneCard, phone_card, user_of
from sipfullproxy.journal.clock import wall_offset
from sipfullproxy.journal.hooks import Hooks, HookT
from sipfullproxy.journal.memory import Memory
from sipfullproxy.journal.registrations import Registrations, file_of
from sipfullproxy.lang import Words
from sipfullproxy.opening import open_doors, open_memory
from sipfullproxy.page import Page
from sipfullproxy.privileges import identity
from sipfullproxy.roll import Roll
from sipfullproxy.settings import Settings, StartError, read, read_experiments, read_rule
from sipfullproxy.sip.grammar import unescape
from sipfullproxy.sip.phrases import Phrasebook
from sipfullproxy.transport import records
from sipfullproxy.transport.addresses import lan_addresses
from sipfullproxy.transport.doors import Doors
from sipfullproxy.transport.resolver import Resolver
from sipfullproxy.values import NameServer

if TYPE_CHECKING:
    from sipfullproxy.workers.foreman import Foreman

# How often `run` looks whether it shall end, in seconds; None: it is woken. On Windows, Ctrl-C does not wake a thread
# that waits for ever.
GLANCE = 0.2 if os.name == "nt" else None

# Phones that are listed at once: more than anybody reads, and listed in a millisecond, for which no call is served.
PHONES = 1_000

log = logging.getLogger(__name__)


class Proxy:
    """A SIP proxy and registrar on UDP and TCP.

        proxy = Proxy("192.168.1.10", phrases={486: "Obsadené"})

        @proxy.on("ended")
        def over(event):
            print(event.who, event.whom, event.duration)

        proxy.run()

    ip: address of this machine that phones are told, IPv4 or IPv6, or several; None: find one. port: of UDP and TCP, 0
    for any free one. lang: "sk" or "en". phrases: the reason phrases of your choice by status code, or "all", "own" or
    "off" as for `--phrases`. web: whether the page is served; `python main.py` does it by itself, a program of your own
    opens no door that it did not name. others: any other key of Settings, for example `journal="calls.log"` or
    `verbose=True`. settings: all of them at once, in the place of the rest.

    Raises SettingsError for a value that cannot be.
    """

    def __init__(
        self,
        ip: str | Sequence[str] | None = None,
        port: int = Settings.port,
        lang: str = Settings.lang,
        phrases: Mapping[int, str] | str | None = None,
        *,
        web: bool = False,
        settings: Settings | None = None,
        **others: object,
    ) -> None:
        given = {"ip": ip, "port": port, "lang": lang, "phrases": phrases, "web": web, **others}
        self.settings = settings or read({key: value for key, value in given.items() if value is not None})
        self._lock = threading.Lock()
        # Held by who changes something, until all workers are told: so it is the same everywhere in the end. Whoever
        # holds the other one does not take it: that comes last, behind the foreman's own.
        self._changing = threading.Lock()
        self._forward = {unescape(user.encode()): rule for user, rule in self.settings.forward.items()}
        self._hooks = Hooks()
        self._memory: Memory | None = None
        self._engine: Engine | None = None
        self._network: BadNetwork | None = None
        self._switches = Switches()
        self._roll: Roll | None = None
        self._guard: Guard | None = None
        self._banlist: BanList | None = None
        self._exchange: Exchange | None = None
        self._place: Path | None = None
        self._registrations: Registrations | None = None
        self._doors: Doors | None = None
        self._resolver: Resolver | None = None
        self._foreman: Foreman | None = None
        self._page: Page | None = None
        self._authority: Authority | None = None
        self._no_tls = ""
        self._over = threading.Event()
        # What wakes `run`. A handler of signals may put something in wherever its thread stands; to set an event it
        # wants a lock that the thread may hold just then.
        self._endings = SimpleQueue[None]()
        self._blocked: threading.Thread | None = None

    def on(self, kind: str) -> Callable[[HookT], HookT]:
        """A decorator: have the function called with each event of `kind`, a key of `engine.events.KINDS`, or "*".

        Called on one thread for all hooks, in order, after the journal has its line; `event.time` is in wall-clock
        seconds since the epoch. An exception in it is logged and harms nothing; a hook that takes long delays the other
        hooks, but no call and no line of the journal. Raises ValueError for an unknown kind.
        """
        return self._hooks.on(kind)

    def forward(
        self,
        user: str,
        *,
        always: str | None = None,
        busy: str | None = None,
        no_answer: str | None = None,
        not_registered: str | None = None,
        after: int = AFTER,
    ) -> None:
        """Send the calls to `user` on from now on, whatever was said of him before; without targets, not any more.

        Targets: a user, "carol", or a whole URI, "sip:carol@192.168.1.9". always: of all calls. busy: when his phones
        are busy. no_answer: when nobody answered for `after` seconds. not_registered: when he has no phone here.
        Any thread may call it at any time, a hook too. Raises SettingsError for a value that cannot be.
        """
        targets = {"always": always, "busy": busy, "no_answer": no_answer, "not_registered": not_registered}
        given = {key: target for key, target in targets.items() if target is not None}
        rule = read_rule(user, {**given, "after": after}, self.settings.lang)
        name = unescape(user.encode())
        with self._changing:
            with self._lock:
                if given:
                    self._forward[name] = rule
                else:
                    self._forward.pop(name, None)
            if self._foreman is not None:
                self._foreman.forward(name, rule if given else None)

    def experiment(
        self,
        *,
        drop: int | None = None,
        delay: int | None = None,
        stateless: bool | None = None,
        record_route: bool | None = None,
        fork: bool | None = None,
    ) -> None:
        """Let things go wrong on purpose from now on, or right again; what is left out stays as it is.

        drop: percent of messages, in and out, that get lost. delay: milliseconds that each received message comes late.
        stateless: pass messages on without transactions (RFC 3261 §16.11). record_route: False, leave it out. fork:
        False, ring one phone only. How it is now: `settings.experiments`. The journal tells each change.
        Any thread may call it at any time, a hook too. Raises SettingsError for a value that cannot be.
        """
        wanted = {
            "drop": drop, "delay": delay, "stateless": stateless, "record_route": record_route, "fork": fork,
        }  # fmt: skip
        given = {key: value for key, value in wanted.items() if value is not None}
        checked = read_experiments(given, self.settings.lang)
        with self._changing:
            before = self.settings.experiments
            experiments = dataclasses.replace(before, **checked)
            self.settings = dataclasses.replace(self.settings, experiments=experiments)
            if experiments != before:
                self._experiment()

    def phones(self, user: str | None = None, limit: int = PHONES) -> list[PhoneCard]:
        """The phones that are registered now, so many of them; or those of one user, his newest first.

        Any thread may ask; while the proxy is not running there are none.
        """
        guard, name = self._guard, None if user is None else unescape(user.encode())
        found = guard.phones(limit, name) if guard is not None else []
        offset = wall_offset()
        return [phone_card(phone, offset) for phone in found]

    @property
    def phones_version(self) -> int:
        """A number that grows with each change of what `phones` tells; 0 while the proxy is not running."""
        return self._guard.phones_version if self._guard is not None else 0

    def remove(self, phone_id: str) -> bool:
        """Remove the phone of that id (see `PhoneCard`) as if it had left; it may register again.

        Returns whether it was registered. Any thread may call it.
        """
        guard, user = self._guard, user_of(phone_id)
        if guard is None or user is None:
            return False
        phones = [phone for phone in guard.phones(PHONES, user) if phone_card(phone, 0).id == phone_id]
        return any(guard.forget(phone, time.monotonic()) for phone in phones)

    @property
    def logins(self) -> bool:
        """Whether who registers needs a password."""
        return self.settings.users is not None

    def login(self, user: str) -> tuple[str, str, str] | None:
        """What a phone needs to log in as a user, in the place of his password: realm, algorithm, and the hash of it by
        that. None for a user who has none. It is as good as the password. Any thread may ask."""
        if self._roll is None:
            return None
        known = self._roll.users
        with self._lock:
            hashes = known.hashes.get(unescape(user.encode()))
            if hashes is None:
                return None
            best = known.algorithms[0]
            return known.realm.decode(), best.decode(), hashes[best].decode()

    def bans(self) -> list[Ban]:
        """Who is held off now, and until when (wall-clock seconds). Any thread may ask."""
        guard, offset = self._guard, wall_offset()
        found = guard.bans(time.monotonic()) if guard is not None else []
        return [ban._replace(since=ban.since + offset, until=ban.until + offset) for ban in found]

    def lift(self, network: str) -> bool:
        """End a ban; network: as `bans` has it. Returns whether there was one. Any thread may call it."""
        guard = self._guard
        found = guard is not None and guard.lift(network, time.monotonic())
        if found and self._banlist is not None:
            try:
                self._banlist.lift(network)
            except (OSError, sqlite3.Error) as error:
                log.warning("%s: %s", self._banlist.path, error)
        return found

    @property
    def archive(self) -> Archive:
        """All that is remembered of calls and messages. Raises RuntimeError while the proxy was never started."""
        if self._memory is None:
            raise RuntimeError("the proxy was not started yet")
        return self._memory.archive

    @property
    def address(self) -> tuple[str, int]:
        """(address, port) that phones must be told. Raises RuntimeError while the proxy is not running."""
        return self.listen[0][1]

    @property
    def listen(self) -> tuple[Local, ...]:
        """All ports that are served: (transport, (address, port)). Raises RuntimeError while nothing runs."""
        if self._doors is None:
            raise RuntimeError("the proxy is not running")
        return self._doors.listen

    @property
    def page(self) -> str | None:
        """The address of the page, as in "http://192.168.1.10:8080"; None while there is none."""
        return self._page.url if self._page is not None else None

    def start(self) -> None:
        """Start serving in a thread, and return; does nothing when started already. Raises StartError.

        The page never stands in the way of calls: what keeps it from being served is logged as a warning.
        """
        self._begin_anew()
        self._start()
        self._tell_what_is_off()

    def _begin_anew(self) -> None:
        """What ended the last time is no end of this one. What still has to notice that end will notice it."""
        if self._doors is None:
            self._over = threading.Event()
            self._endings = SimpleQueue()

    def _tell_what_is_off(self) -> None:
        if self._page is not None and self._page.why_not:
            log.warning(_PAGE[self.settings.lang].format(self._page.why_not))
        if self._no_tls:
            log.warning("TLS: %s", self._no_tls)

    def _start(self) -> None:
        if self._doors is not None:
            return
        becoming = identity(self.settings)
        with becoming.acting() if becoming is not None else nullcontext():
            self._read_users()
            self._find_authority()
            if becoming is not None and self._authority is not None:
                with suppress(OSError):  # which is told when the ports are opened; here it is for whose file it is
                    certificate.certify(self.settings, self._authority)
        resolver = self._resolving()
        doors = open_doors(self.settings, self._authority)
        foreman: Foreman | None = None
        try:
            foreman = self._hire(doors)
            if self.settings.web:
                self._page = Page(self.settings, [host for _, (host, _) in doors.listen])
            if becoming is not None:
                becoming.become()
            config = self._config(doors.listen)
            engine = Engine(config, Pool(os.urandom), _report)
            memory = open_memory(self.settings, self._hooks)
        except BaseException:
            doors.close()
            if foreman is not None:
                foreman.close()
            self._close_page()
            raise
        with self._changing:
            self._engine = engine
            if self.settings.experiments != Experiments():
                self._experiment()
        changed = self._changed if config.followed else None
        self._guard = guard = Guard(engine, self._lock, memory.note, self._publish, changed, resolver.ask)
        self._network = BadNetwork(guard, self.settings.experiments)
        self._doors, self._memory, self._resolver = doors, memory, resolver
        memory.start()
        if self.settings.holds_off:
            self._keep_bans(guard)
        if self._place is not None:
            path = self._place / file_of(self.address[1])
            self._registrations = Registrations(path, self.listen, config.users, self.settings.lang, guard.snapshot)
            guard.restore(self._registrations.load(), time.monotonic())
            self._registrations.start()
        self._foreman = foreman
        if foreman is None:
            doors.serve(self._network)
        else:
            from sipfullproxy.workers.foreman import First

            settings = self.settings
            foreman.start(doors, First(
                core=self._network, guard=guard, config=config, experiments=settings.experiments,
                phrases=(settings.lang, settings.phrases, settings.own),
                bans=None if self._banlist is None else str(self._banlist.path.parent),
                dns=(*settings.dns,) if isinstance(settings.dns, NameServer) else None,
                restore=self._restore, note=memory.note, tell=memory.tell,
            ))  # fmt: skip
        if self._roll is not None:
            self._meanwhile("users", self._roll.follow, self._take_over, self._over)
        if self._authority is not None:
            self._meanwhile("certificate", certificate.renew, self.settings, self._authority, self._over)
        self._meanwhile(
            "whereabouts", whereabouts.watch, [host for _, (host, _) in doors.listen], self.settings.lang, self._over
        )
        if self._page is not None:
            self._page.serve(self, self.listen, self._authority)

    def stop(self) -> None:
        """Stop serving, and return when the journal has it all; does nothing when stopped already.

        A hook may call it too. Where `run` blocks in another thread, it only makes that one return.
        """
        self._over.set()
        self._endings.put(None)
        if self._blocked not in (None, threading.current_thread()):
            return
        doors, self._doors, self._guard = self._doors, None, None
        if doors is None:
            return
        self._close_page()
        if self._resolver is not None:
            self._resolver.stop()
            self._resolver = None
        if self._foreman is not None:
            self._foreman.stop()
        doors.close()
        if self._exchange is not None:
            self._exchange.stop()
            self._exchange = None
        if self._engine is not None:
            self._publish(self._engine.events())  # what was told since the last tick
        foreman, self._foreman = self._foreman, None
        if foreman is not None:
            foreman.close()
        self._engine = self._network = None
        if self._registrations is not None:
            self._registrations.stop()
            self._registrations = None
        if self._memory is not None:
            self._memory.stop()

    def run(self, ready: Callable[[], object] | None = None) -> None:
        """Start (if need be), block until Ctrl-C, SIGTERM or `stop`, and end cleanly. Raises StartError.

        ready: called once as soon as phones are served; None: the greeting is printed, with what to type into them.
        """
        self._blocked = threading.current_thread()
        self._begin_anew()
        wanted = self._endings
        # To the very end: a second, impatient Ctrl-C must not cost the journal its last.
        with endings(lambda: wanted.put(None)):
            try:
                if ready is None:
                    self._start()
                    page, ca = self.page or (self._page.why_not if self._page else ""), self._authority
                    shown = (ca.fingerprint, str(ca.file)) if ca else None
                    tell(greeting(self.settings, self.address, lan_addresses(), page, self.listen, shown, self._no_tls))
                else:
                    self._start()
                    self._tell_what_is_off()
                    ready()
                while True:
                    with suppress(Empty):
                        wanted.get(timeout=GLANCE)
                        break
            finally:
                self.stop()
                self._blocked = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _read_users(self) -> None:
        """Learn who can log in, if anybody must. Raises StartError."""
        settings = self.settings
        self._roll = None if settings.users is None else Roll(settings.users, settings.login == "calls", settings.lang)

    def _meanwhile(self, name: str, work: Callable[..., object], *arguments: object) -> None:
        """Do something for as long as the proxy runs, in a thread of its own."""
        threading.Thread(target=work, args=arguments, name=name, daemon=True).start()

    def _take_over(self, file: users.UsersFile) -> None:
        """From now on these can log in. Whose password is not what it was loses his registrations."""
        roll, guard = self._roll, self._guard
        if roll is None or guard is None:
            return
        known = roll.users
        with self._lock:
            before, known.hashes = known.hashes, file.hashes
            known.realm, known.algorithms = file.realm.encode(), file.algorithms
        if self._foreman is not None:
            changed = {name: file.hashes.get(name, {}) for name in {*before, *file.hashes}}
            changed = {name: hashes for name, hashes in changed.items() if hashes != before.get(name)}
            self._foreman.admit(known.realm, known.algorithms, changed)
        for name, hashes in before.items():
            if file.hashes.get(name) != hashes:
                for phone in guard.phones(PHONES, name):
                    guard.forget(phone, time.monotonic())

    def _find_authority(self) -> None:
        """Learn who makes our certificate; or keep in mind why nobody does, where the proxy can do without."""
        self._authority, self._no_tls = None, ""
        try:
            self._authority = certificate.find_authority(self.settings)
        except StartError as error:
            if certificate.names_tls(self.settings):
                raise StartError(f"TLS: {error}") from None
            self._no_tls = str(error)

    def _keep_bans(self, guard: Guard) -> None:
        """Take over the bans of former runs, and keep the list of them from now on."""
        try:
            self._banlist = BanList(self.settings.state or state.folder())
        except RuntimeError:  # a user without a home, who has been told so already
            return
        self._exchange = Exchange(self._banlist, guard, self.settings.lang)
        self._exchange.start()

    def _resolving(self) -> Resolver:
        """Who looks names up. Raises StartError where a server was named that nothing here could ask."""
        server = self.settings.dns
        try:
            return Resolver(records.fetcher(server if isinstance(server, NameServer) else None), self._resolved)
        except ImportError as error:
            raise StartError(_NO_DNS[self.settings.lang].format(ip=self.settings.dns[0], missing=error)) from None

    def _resolved(self, number: int, found: Found) -> None:
        """The answer to a question of the engine is there."""
        guard, network, doors = self._guard, self._network, self._doors
        if guard is not None and network is not None and doors is not None:
            doors.send(network.arrived(guard.resolved(number, found, time.monotonic())))

    def _config(self, listen: tuple[Local, ...]) -> Config:
        settings = self.settings
        flow_key = self._flow_key()
        return Config(
            address=listen[0][1],
            listen=listen,
            domains=frozenset(settings.domain),
            open=settings.open,
            users=None if self._roll is None else self._roll.users,
            bans=settings.holds_off,
            trusted=settings.trust,
            silent=settings.silent,
            forward=self._forward,
            switches=self._switches,
            recurse=settings.redirects == "follow",
            resolve=settings.dns != "off",
            phrases=Phrasebook(settings.lang, settings.phrases, settings.own),
            flow_key=flow_key,
            followed=self._place is not None or settings.workers > 1,
        )

    def _close_page(self) -> None:
        page, self._page = self._page, None
        if page is not None:
            page.close()

    def _flow_key(self) -> bytes:
        """The key that signs flow tokens. Notes where it is kept, and the registrations with it: nowhere, if a port is
        not to be the same next time, since then no phone would find us."""
        self._place = None
        place: Path | str = "~"
        try:
            place = self.settings.state or state.folder()
            key = state.flow_key(place)
        except (OSError, RuntimeError) as error:  # a full or read-only disk; a user without a home
            why = getattr(error, "strerror", None) or error
            log.warning(_NO_STATE[self.settings.lang].format(path=place, why=why))
            return os.urandom(state.KEY_SIZE)
        if 0 not in (self.settings.port, *(port.port for port in self.settings.listen)):
            self._place = place
        return key

    def _experiment(self) -> None:
        """Make things go as wrong as the settings say, and have the engine tell of it. Who changes them is alone."""
        experiments = self.settings.experiments
        with self._lock:
            experiments.turn(self._switches)
            if self._network is not None:
                self._network.experiments = experiments
            if self._engine is not None:
                self._engine.epoch = wall_offset()
                self._engine.tell(Experiment, time.monotonic(), **dataclasses.asdict(experiments))
        if self._foreman is not None:
            self._foreman.go_wrong(experiments)

    def _hire(self, doors: Doors) -> Foreman | None:
        """Find places for the other workers, if there are to be any. Raises StartError."""
        settings = self.settings
        if settings.workers == 1:
            return None
        if sys.platform != "linux":
            raise StartError(_ONLY_LINUX[settings.lang])
        from sipfullproxy.workers.foreman import Foreman  # only here: one process needs none of it

        try:
            return Foreman(settings.workers, doors.datagrams, settings.lang)
        except OSError as error:
            raise StartError(_NO_WORKERS[settings.lang].format(why=error.strerror)) from None

    def _changed(self, changes: Sequence[Change]) -> None:
        """Hand on which bindings came and went."""
        if self._foreman is not None:
            self._foreman.neighbours.publish(changes)
        if self._registrations is not None:
            self._registrations(changes)

    def _restore(self, changes: Sequence[Change], now: float) -> None:
        """Take in which bindings came and went at another worker."""
        if self._guard is not None:
            self._guard.restore(changes, now)
        if self._registrations is not None:
            self._registrations(changes)

    def _publish(self, events: list[Event]) -> None:
        """Hand the engine's events on."""
        assert self._memory is not None
        if self._foreman is not None:
            self._foreman.publish(events)
            return
        for event in events:
            self._memory.tell(event)


def _report(bug: Exception) -> None:
    log.error("bug in the engine; the proxy goes on", exc_info=bug)


_PAGE = Words(sk="stránka: {}", en="the page: {}")
_NO_DNS = Words(
    sk="dns = {ip}: chýba {missing}, bez neho sa iného servera DNS spýtať nedá; pip install . v priečinku projektu",
    en="dns = {ip}: {missing} is missing, and no other DNS server can be asked without; pip install . in the project",
)
_ONLY_LINUX = Words(
    sk="viac procesov (--workers) len na Linuxe; inde treba --workers 1",
    en="several processes (--workers) on Linux only; elsewhere: --workers 1",
)
_NO_WORKERS = Words(
    sk="viac procesov (--workers) sa nedá spustiť: {why}", en="several processes (--workers) cannot be started: {why}"
)
_NO_STATE = Words(
    sk="v priečinku {path} sa nedá nič uchovať ({why}); hovory neprežijú reštart, registrácie tiež nie",
    en="nothing can be kept in the folder {path} ({why}); calls will not outlive a restart, nor will registrations",
)
