"""The proxy for programs: what they can have it do, and what they may ask of it. The page asks no more."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from sipfullproxy.endings import endings
from sipfullproxy.engine.bans import Ban
from sipfullproxy.engine.diversion import AFTER
from sipfullproxy.engine.flow import Local
from sipfullproxy.greeting import greeting, tell
from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.cards import PhoneCard, phone_card, user_of
from sipfullproxy.journal.clock import wall_offset
from sipfullproxy.journal.hooks import Hooks, HookT
from sipfullproxy.lang import Lang, Words
from sipfullproxy.server import PHONES, Server
from sipfullproxy.settings import Settings, read, read_experiments, read_rule
from sipfullproxy.sip.grammar import unescape
from sipfullproxy.transport.addresses import lan_addresses

# Seconds, at most, until a signal is heeded that did not wake who waits for it: Ctrl-C on Windows never does, and the
# kernel may give SIGTERM to another of our threads, as it does where the process stood still when it came.
GLANCE = 0.2

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
        self._forward = {unescape(user.encode()): rule for user, rule in self.settings.forward.items()}
        self._hooks = Hooks()
        self._server: Server | None = None
        self._archive: Archive | None = None
        # Held by who changes something, until all workers are told: so it is the same everywhere in the end. Nobody
        # takes it who holds a lock of the server's.
        self._changing = threading.Lock()
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
            if given:
                self._forward[name] = rule
            else:
                self._forward.pop(name, None)
            if self._server is not None:
                self._server.forward(name, rule if given else None)

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
            if self._server is not None and experiments != before:
                self._server.go_wrong(experiments)

    def phones(self, user: str | None = None, limit: int = PHONES) -> list[PhoneCard]:
        """The phones that are registered now, so many of them; or those of one user, his newest first.

        Any thread may ask; while the proxy is not running there are none.
        """
        server = self._server
        if server is None:
            return []
        found = server.guard.phones(limit, None if user is None else unescape(user.encode()))
        offset = wall_offset()
        return [phone_card(phone, offset) for phone in found]

    @property
    def phones_version(self) -> int:
        """A number that grows with each change of what `phones` tells; 0 while the proxy is not running."""
        server = self._server
        return 0 if server is None else server.guard.phones_version

    def remove(self, phone_id: str) -> bool:
        """Remove the phone of that id (see `PhoneCard`) as if it had left; it may register again.

        Returns whether it was registered. Any thread may call it.
        """
        server, user = self._server, user_of(phone_id)
        if server is None or user is None:
            return False
        phones = [phone for phone in server.guard.phones(PHONES, user) if phone_card(phone, 0).id == phone_id]
        return any(server.guard.forget(phone, time.monotonic()) for phone in phones)

    @property
    def logins(self) -> bool:
        """Whether who registers needs a password."""
        return self.settings.users is not None

    def login(self, user: str) -> tuple[str, str, str] | None:
        """What a phone needs to log in as a user, in the place of his password: realm, algorithm, and the hash of it by
        that. It is as good as the password. None for a user who has none, and while the proxy is not running. Any
        thread may ask."""
        server = self._server
        return None if server is None else server.login(unescape(user.encode()))

    def bans(self) -> list[Ban]:
        """Who is held off now, and until when (wall-clock seconds). Any thread may ask."""
        server = self._server
        if server is None:
            return []
        offset = wall_offset()
        found = server.guard.bans(time.monotonic())
        return [ban._replace(since=ban.since + offset, until=ban.until + offset) for ban in found]

    def lift(self, network: str) -> bool:
        """End a ban; network: as `bans` has it. Returns whether there was one. Any thread may call it."""
        server = self._server
        return server is not None and server.lift(network)

    @property
    def archive(self) -> Archive:
        """All that is remembered of calls and messages. Raises RuntimeError while the proxy was never started."""
        if self._archive is None:
            raise RuntimeError("the proxy was not started yet")
        return self._archive

    @property
    def address(self) -> tuple[str, int]:
        """(address, port) that phones must be told. Raises RuntimeError while the proxy is not running."""
        return self.listen[0][1]

    @property
    def listen(self) -> tuple[Local, ...]:
        """All ports that are served: (transport, (address, port)). Raises RuntimeError while nothing runs."""
        server = self._server
        if server is None:
            raise RuntimeError("the proxy is not running")
        return server.listen

    @property
    def page(self) -> str | None:
        """The address of the page, as in "http://192.168.1.10:8080"; None while there is none."""
        server = self._server
        return None if server is None else server.page.url

    def start(self) -> None:
        """Start serving in a thread, and return; does nothing when started already. Raises StartError.

        The page never stands in the way of calls: what keeps it from being served is logged as a warning.
        """
        _tell_what_is_off(self._started(), self.settings.lang)

    def stop(self) -> None:
        """Stop serving, and return when the journal has it all; does nothing when stopped already.

        A hook may call it too. Where `run` blocks in another thread, it only makes that one return.
        """
        if self._blocked is not None:
            self._endings.put(None)
            if self._blocked is not threading.current_thread():
                return
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def run(self, ready: Callable[[], object] | None = None) -> None:
        """Start (if need be), block until Ctrl-C, SIGTERM or `stop`, and end cleanly. Raises StartError.

        ready: called once as soon as phones are served; None: the greeting is printed, with what to type into them.
        """
        self._endings = wanted = SimpleQueue[None]()  # what ended the last run is no end of this one
        self._blocked = threading.current_thread()
        # To the very end: a second, impatient Ctrl-C must not cost the journal its last.
        with endings(lambda: wanted.put(None)):
            try:
                server = self._started()
                if ready is None:
                    tell(_greeting(server, self.settings))
                else:
                    _tell_what_is_off(server, self.settings.lang)
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

    def _started(self) -> Server:
        """What runs; started, if need be. Raises StartError."""
        with self._changing:
            if self._server is not None:
                return self._server
            # Known before it serves: a hook may ask for the phone that is registered first.
            self._server = server = Server(self.settings, self._hooks, self._forward)
            self._archive = server.archive
        try:
            server.serve()
            server.page.serve(self, server.listen, server.ca)
        except BaseException:
            self.stop()
            raise
        return server


def _greeting(server: Server, settings: Settings) -> str:
    page, ca = server.page.url or server.page.why_not, server.ca
    shown = None if ca is None else (ca.fingerprint, str(ca.file))
    return greeting(settings, server.listen[0][1], lan_addresses(), page, server.listen, shown, server.no_tls)


def _tell_what_is_off(server: Server, lang: Lang) -> None:
    if server.page.why_not:
        log.warning(_PAGE[lang].format(server.page.why_not))
    if server.no_tls:
        log.warning("TLS: %s", server.no_tls)


_PAGE = Words(sk="stránka: {}", en="the page: {}")
