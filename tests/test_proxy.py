"""The proxy as a program has it, in this process, on the loopback: start, serve, survive, tell, stop."""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import signal
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import sipfullproxy
from sipfullproxy import authority, certificate, libraries, roll, server, users, whereabouts
from sipfullproxy.engine.config import Config
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Event, Experiment, Registered, Unregistered
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.experiments import Experiments
from sipfullproxy.journal import screen
from sipfullproxy.proxy import Proxy
from sipfullproxy.settings import SettingsError, StartError
from sipfullproxy.sip.digest import read_challenge
from sipfullproxy.users import UsersFile
from sipfullproxy.web import site
from tests.load import free_port
from tests.logins import authorization, credentials
from tests.running import need_module
from tests.test_tls import certify
from tests.waiting import eventually

pytestmark = pytest.mark.io


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Proxy]]:
    """Makes proxies on a free port of the loopback that keep everything in the test's own folder."""
    made: list[Proxy] = []

    def make(**settings: object) -> Proxy:
        usual = {"ip": "127.0.0.1", "port": 0, "journal": tmp_path / "proxy.log", "state": tmp_path / "state"}
        proxy = Proxy(**{**usual, **settings})  # type: ignore[arg-type]
        made.append(proxy)
        return proxy

    yield make
    for proxy in made:
        proxy.stop()


class Phone:
    """A socket that speaks just enough SIP; one message in each segment that comes, as it is between two."""

    def __init__(self, proxy: Proxy, transport: str = "udp") -> None:
        self.proxy = "{}:{}".format(*proxy.address)
        self.transport = transport.upper()
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(proxy.address)
        self.socket.settimeout(30)
        self.address = "{}:{}".format(*self.socket.getsockname())
        self._logins = 0

    def request(self, method: str, to: str = "", contact: str = "", number: int = 1) -> bytes:
        lines = [
            f"{method} sip:{self.proxy} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.address};rport;branch=z9hG4bK{method}{number}",
            f"From: <sip:alice@{self.proxy}>;tag=1",
            f"To: <sip:{to}{self.proxy}>",
            f"Call-ID: {self.address}",
            f"CSeq: {number} {method}",
            "Max-Forwards: 70",
            *([f"Contact: {contact}"] if contact else []),
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def ask(self, method: str, to: str = "", contact: str = "", number: int = 1) -> str:
        """Send a request; the status line of the answer."""
        self.socket.send(self.request(method, to, contact, number))
        return self.socket.recv(65535).split(b"\r\n")[0].decode()

    def register(self) -> str:
        return self.ask("REGISTER", "alice@", f"<sip:alice@{self.address}>")

    def log_in(self, password: str) -> str:
        """REGISTER, and again with what the 401 wants; the status line of the second answer."""
        self._logins += 2
        request = self.request("REGISTER", "alice@", f"<sip:alice@{self.address}>", self._logins)
        self.socket.send(request)
        answer = self.socket.recv(65535).decode()
        value = answer.partition("WWW-Authenticate: ")[2].partition("\r\n")[0]
        challenge = read_challenge(value.encode())
        assert challenge is not None, answer
        line = authorization(credentials(challenge, "REGISTER", f"sip:{self.proxy}", "alice", password))
        again = self.request("REGISTER", "alice@", f"<sip:alice@{self.address}>", self._logins + 1)
        self.socket.send(again.replace(b"Max-Forwards", line.encode() + b"\r\nMax-Forwards"))
        return self.socket.recv(65535).split(b"\r\n")[0].decode()

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_the_package_is_all_that_a_student_must_import() -> None:
    assert sipfullproxy.Proxy is Proxy
    with pytest.raises(AttributeError):
        _ = sipfullproxy.proxies


def test_a_phone_registers_and_hooks_and_journal_hear_of_it(make: Callable[..., Proxy], tmp_path: Path) -> None:
    proxy = make()
    heard: list[Registered] = []

    @proxy.on("registered")
    def hello(event: Registered) -> None:
        heard.append(event)

    before = time.time()
    proxy.start()
    with Phone(proxy) as phone:
        assert phone.register() == "SIP/2.0 200 Vybavené OK"
    proxy.stop()
    (event,) = heard
    assert event.address == phone.address
    assert before <= event.time <= time.time(), "hooks are told the time of people, not of the engine"
    assert f"[Adresa: {phone.address}]" in (tmp_path / "proxy.log").read_text("utf-8")


def test_a_phone_on_tcp_is_called_by_one_on_udp_and_leaves_with_its_connection(make: Callable[..., Proxy]) -> None:
    proxy = make(phrases="off")
    heard: list[Unregistered] = []
    proxy.on("unregistered")(heard.append)
    with proxy, Phone(proxy) as caller:
        with Phone(proxy, "tcp") as phone:
            assert phone.ask("REGISTER", "bob@", f"<sip:bob@{phone.address};transport=tcp>") == "SIP/2.0 200 OK"
            caller.register()
            (card,) = proxy.phones("bob")
            assert (card.address, card.transport) == (phone.address, "tcp")
            message = caller.request("MESSAGE", "bob@").replace(b"MESSAGE sip:", b"MESSAGE sip:bob@", 1)
            caller.socket.send(message)
            lines = phone.socket.recv(65535).split(b"\r\n")
            assert lines[0] == f"MESSAGE sip:bob@{phone.address};transport=tcp SIP/2.0".encode()
            assert lines[1].startswith(f"Via: SIP/2.0/TCP {phone.proxy};".encode())
            head = [line for line in lines[1:] if line[:3] in (b"Via", b"Fro", b"To:", b"Cal", b"CSe")]
            phone.socket.send(b"\r\n".join((b"SIP/2.0 200 Fine", *head, b"Content-Length: 0", b"", b"")))
            assert caller.socket.recv(65535).startswith(b"SIP/2.0 200 Fine\r\n")
        eventually(lambda: not proxy.phones("bob"), "that bob is gone")
    assert [event.why for event in heard] == ["lost"]


def test_what_has_no_end_on_a_stream_is_answered_and_seen(make: Callable[..., Proxy]) -> None:
    with make(phrases="off") as proxy, Phone(proxy, "tcp") as phone:
        phone.socket.send(phone.request("OPTIONS").replace(b"Content-Length: 0\r\n", b""))
        assert phone.socket.recv(65535).startswith(b"SIP/2.0 400 Bad Request\r\n")
        assert phone.socket.recv(65535) == b""


def test_it_listens_where_it_is_told(make: Callable[..., Proxy]) -> None:
    with make(listen=["tcp"]) as proxy:
        assert [transport for transport, _ in proxy.listen] == ["tcp"]
        assert proxy.address == proxy.listen[0][1]
        with Phone(proxy, "tcp") as phone:
            assert phone.register().startswith("SIP/2.0 200 ")
    with make(listen=["tcp:127.0.0.1:0", "udp:127.0.0.2:0", "udp"]) as proxy:
        assert [(transport, host) for transport, (host, _) in proxy.listen] == [
            ("udp", "127.0.0.2"), ("udp", "127.0.0.1"), ("tcp", "127.0.0.1"),
        ]  # fmt: skip
    with pytest.raises(RuntimeError):
        _ = proxy.listen


def test_tls_needs_a_certificate_that_can_be_used(make: Callable[..., Proxy], tmp_path: Path) -> None:
    with pytest.raises(StartError, match="TLS needs a certificate: --tls makes one"):
        make(listen=["tls"], lang="en").start()
    with pytest.raises(StartError, match=r"cannot be used: .*No such file"):
        make(listen=["tls"], tls_cert=tmp_path / "x", tls_key=tmp_path / "y", lang="en").start()


def test_who_has_our_ca_believes_the_certificate_that_is_made_at_the_start(
    make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture
) -> None:
    need_module("cryptography", "cryptography")
    proxy = make(tls=True, web=True, web_port=0, domain=["lab.example"])
    for _ in range(2):  # the second time it is there already
        with proxy:
            address = next(at for transport, at in proxy.listen if transport == "tls")
            eventually(lambda: site_answers(f"{proxy.page}/ca.pem"), "the page")
            with urllib.request.urlopen(f"{proxy.page}/ca.pem") as answer:
                context = ssl.create_default_context(cadata=answer.read().decode())
            for name in ("127.0.0.1", "localhost", "lab.example"):
                with socket.create_connection(address, 10) as line:
                    context.wrap_socket(line, server_hostname=name).close()
    assert not caplog.text


def test_without_a_certificate_that_was_wanted_calls_go_on(
    make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "LEAST", {"cryptography": (999,)})
    with make(tls=True, lang="en") as proxy:
        assert [transport for transport, _ in proxy.listen] == ["udp", "tcp"]
        assert "TLS: off, cryptography>=999 missing" in caplog.text
    with pytest.raises(StartError, match="TLS: off, cryptography>=999 missing"):
        make(tls=True, lang="en", listen=["udp", "tls:127.0.0.1:0"]).start()


def test_the_certificate_is_made_anew_while_the_proxy_runs(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    need_module("cryptography", "cryptography")
    monkeypatch.setattr(certificate, "GLANCE", 0.02)
    file = tmp_path / "state" / "proxy.pem"
    with make(tls=True, lang="en"):
        first = file.read_bytes()
        monkeypatch.setattr(certificate, "lan_addresses", lambda: ["10.9.8.7"])  # the laptop is somewhere else now
        eventually(lambda: file.read_bytes() != first, "a new one")
        monkeypatch.setattr(certificate, "lan_addresses", lambda: ["10.9.8.8"])
        monkeypatch.setattr(authority, "keep", full_disk)
        eventually(lambda: "the certificate stays as it was: [Errno 28]" in caplog.text, "the complaint")


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def site_answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):
            return True
    except OSError:
        return False


def test_a_phone_on_tls_registers(make: Callable[..., Proxy], tmp_path: Path) -> None:
    cert, key = certify(tmp_path, "proxy")
    with make(listen=["udp", "tls:127.0.0.1:0"], tls_cert=cert, tls_key=key) as proxy:
        (_, address) = proxy.listen[1]
        with (
            socket.create_connection(address, timeout=30) as line,
            ssl.create_default_context(cafile=str(cert)).wrap_socket(line, server_hostname="127.0.0.1") as secure,
            Phone(proxy) as phone,
        ):
            data = phone.request("REGISTER", "bob@", f"<sip:bob@{phone.address};transport=tls>")
            secure.sendall(data.replace(b"SIP/2.0/UDP", b"SIP/2.0/TLS"))
            assert secure.recv(65535).startswith(b"SIP/2.0 200 ")
            assert [card.transport for card in proxy.phones("bob")] == ["tls"]


def test_without_tcp_there_is_udp_and_a_line_about_it(
    make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with caplog.at_level(logging.WARNING), make(port=port, lang="en") as proxy:
            assert proxy.listen == (("udp", ("127.0.0.1", port)),)
        assert [record.getMessage() for record in caplog.records] == [
            f"no TCP at 127.0.0.1:{port}, only UDP: Address already in use"
        ]
        with pytest.raises(StartError, match=rf"127.0.0.1:{port} \(TCP\) is taken"):
            make(listen=["udp", f"tcp:127.0.0.1:{port}"], lang="en").start()


def test_phones_are_listed_and_removed(make: Callable[..., Proxy]) -> None:
    proxy = make()
    heard: list[Unregistered] = []
    proxy.on("unregistered")(heard.append)
    assert proxy.phones() == []
    with proxy, Phone(proxy) as phone:
        before = time.time()
        phone.register()
        (card,) = proxy.phones()
        assert [phone.id for phone in proxy.phones("alice")] == [card.id]
        assert proxy.phones("bob") == [] and proxy.phones(limit=0) == []
        assert (card.address, card.transport) == (phone.address, "udp")
        assert before - 1 < card.since < time.time() + 1 and card.until == pytest.approx(card.since + 3600)
        assert not proxy.remove("616c696365-0000000000") and not proxy.remove("no such id")
        assert proxy.remove(card.id)
        assert not proxy.remove(card.id)
        assert proxy.phones() == []
    assert not proxy.remove(card.id)
    assert [event.why for event in heard] == ["removed"]


def test_what_passed_can_be_asked_for_also_after_a_restart(make: Callable[..., Proxy]) -> None:
    proxy = make()
    with pytest.raises(RuntimeError):
        _ = proxy.archive
    with proxy, Phone(proxy) as phone:
        phone.register()
        phone.socket.send(phone.request("INVITE", "nobody@").replace(b"INVITE sip:", b"INVITE sip:nobody@"))
        (card,) = eventually(lambda: proxy.archive.calls(), "the call")
        assert (card.end, card.status) == ("failed", 404)
        assert [told.kind for told in proxy.archive.events(card.id)] == ["failed"]
        # A phone of this test uses one Call-ID for all: so the REGISTER and its 200 are among them.
        eventually(lambda: len(proxy.archive.records(card)) >= 4, "the messages")
        records = proxy.archive.records(card)
    assert [record.inward for record in records][:4] == [True, False, True, False]
    assert all(record.cause == records[place - 1].number for place, record in enumerate(records) if not record.inward)
    again = make()
    with again:
        assert again.archive.calls() == [card]
        assert again.archive.records(card)[:4] == records[:4]


def test_a_journal_that_is_a_device_has_no_database(make: Callable[..., Proxy], tmp_path: Path) -> None:
    with make(journal=os.devnull) as proxy, Phone(proxy) as phone:
        phone.register()
        eventually(lambda: proxy.archive.journal(0), "the event")
    assert not Path(os.devnull).with_suffix(".db").exists()


def test_whoever_follows_the_phones_sees_a_number_grow(make: Callable[..., Proxy]) -> None:
    proxy = make()
    versions = [proxy.phones_version]
    with proxy, Phone(proxy) as phone:
        for number in (1, 2):  # a refresh is a change, too: the phone stays for longer
            phone.ask("REGISTER", "alice@", f"<sip:alice@{phone.address}>", number)
            versions.append(proxy.phones_version)
        proxy.remove(proxy.phones()[0].id)
        versions.append(proxy.phones_version)
    assert versions == sorted(set(versions))


def test_phrases_are_those_of_the_settings(make: Callable[..., Proxy]) -> None:
    with make(lang="en", phrases={200: "Hotovo"}) as proxy, Phone(proxy) as phone:
        assert phone.register() == "SIP/2.0 200 Hotovo"
    with make(lang="en") as proxy, Phone(proxy) as phone:
        assert phone.register() == "SIP/2.0 200 OK"
    assert Proxy(phrases="off").settings.phrases == "off"


def test_start_and_stop_may_be_repeated(make: Callable[..., Proxy]) -> None:
    proxy = make()
    proxy.stop()
    for _ in range(2):
        proxy.start()
        address = proxy.address
        proxy.start()
        assert proxy.address == address, "a second start changes nothing"
        with Phone(proxy) as phone:
            assert phone.ask("OPTIONS").startswith("SIP/2.0 200 ")
        proxy.stop()
        proxy.stop()
    with pytest.raises(RuntimeError):
        _ = proxy.address


def test_who_still_has_to_notice_an_end_notices_it_although_there_was_a_new_start(
    make: Callable[..., Proxy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, ends = tmp_path / "users.toml", list[threading.Event]()
    users.write(file, UsersFile())
    monkeypatch.setattr(roll.Roll, "follow", lambda _self, _changed, over: ends.append(over))
    proxy = make(users=file)
    for _ in range(2):
        proxy.stop()
        proxy.start()
    eventually(lambda: len(ends) == 2, "both starts")
    assert [end.is_set() for end in ends] == [True, False]


@pytest.mark.parametrize("ready", [None, lambda: None])
def test_an_end_that_is_wanted_before_the_start_is_over_is_an_end(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch, ready: Callable[[], None] | None
) -> None:
    @contextmanager
    def at_once(end: Callable[[], None]) -> Iterator[None]:
        end()
        yield

    monkeypatch.setattr("sipfullproxy.proxy.endings", at_once)
    proxy = make()
    thread = threading.Thread(target=proxy.run, args=(ready,), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


def test_a_signal_ends_run_wherever_its_thread_stands(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers, ready = list[Callable[[], None]](), threading.Event()

    @contextmanager
    def noted(end: Callable[[], None]) -> Iterator[None]:
        handlers.append(end)
        yield

    monkeypatch.setattr("sipfullproxy.proxy.endings", noted)
    proxy = make()
    thread = threading.Thread(target=proxy.run, args=(ready.set,), daemon=True)
    thread.start()
    assert ready.wait(5)
    assert proxy._server is not None
    with vars(proxy._server._over)["_cond"]:  # as between two steps of Event.wait
        handler = threading.Thread(target=handlers[0], daemon=True)
        handler.start()
        handler.join(5)
        assert not handler.is_alive()
    thread.join(5)
    assert not thread.is_alive()


def test_nothing_is_left_running(make: Callable[..., Proxy]) -> None:
    before = threading.active_count()
    with make():
        assert threading.active_count() > before
    eventually(lambda: threading.active_count() == before, "the threads' end")


def test_run_blocks_until_stop_and_tells_when_ready(make: Callable[..., Proxy]) -> None:
    proxy = make()
    ready = threading.Event()
    thread = threading.Thread(target=proxy.run, args=(ready.set,))
    thread.start()
    assert ready.wait(5)
    with Phone(proxy) as phone:
        assert phone.ask("OPTIONS").startswith("SIP/2.0 200 ")
    proxy.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_a_hook_may_stop_the_proxy(make: Callable[..., Proxy]) -> None:
    proxy = make()

    @proxy.on("registered")
    def enough(event: Registered) -> None:
        proxy.stop()

    ready = threading.Event()
    thread = threading.Thread(target=proxy.run, args=(ready.set,))
    thread.start()
    assert ready.wait(5)
    with Phone(proxy) as phone:
        phone.register()
    thread.join(5)
    assert not thread.is_alive()


def test_calls_are_forwarded_as_the_library_says(make: Callable[..., Proxy]) -> None:
    """From the settings, and changed while calls come in. Alice's own phone is the only one, so it gets them all."""
    proxy = make(phrases="off", forward={"bob": {"always": "carol"}})
    proxy.start()
    with Phone(proxy) as phone:
        phone.register()

        def dial(number: int) -> list[str]:
            """What comes when bob is called, to the INVITE or to a final response."""
            invite = phone.request("INVITE", "bob@", number=number)
            phone.socket.send(invite.replace(b"INVITE sip:", b"INVITE sip:bob@", 1))
            came: list[str] = []
            while not came or came[-1][:9] in ("SIP/2.0 1", "CANCEL si"):
                came.append(phone.socket.recv(65535).decode())
            return [message.partition("\r\n")[0] for message in came]

        assert dial(2) == ["SIP/2.0 404 Not Found"]
        proxy.forward("bob", always="alice")
        assert dial(3) == [
            "SIP/2.0 100 Trying", "SIP/2.0 181 Call Is Being Forwarded", f"INVITE sip:alice@{phone.address} SIP/2.0",
        ]  # fmt: skip
        proxy.forward("bob")
        assert dial(4)[-1] == "SIP/2.0 404 Not Found"
        proxy.forward("%62ob", always="alice")
        assert dial(5)[1] == "SIP/2.0 181 Call Is Being Forwarded", "a name as it stands in a URI, escapes and all"


def test_a_wrong_target_is_told_where_it_was_given(make: Callable[..., Proxy]) -> None:
    proxy = make(lang="en")
    with pytest.raises(SettingsError, match=r"^forward: bob\.busy = 'carol smith': must be a user or a SIP address"):
        proxy.forward("bob", busy="carol smith")
    with pytest.raises(SettingsError, match=r"^forward: bob\.after = 0: must be a whole number"):
        proxy.forward("bob", no_answer="carol", after=0)
    for user in (["x"], ("x", ["y"]), 5, None, "", "carol smith", "a@b"):
        with pytest.raises(SettingsError, match=r"^forward: .*: must be a user, such as bob"):
            proxy.forward(user, busy="carol")  # type: ignore[arg-type]
    proxy.forward("nobody")


def test_an_unknown_kind_of_event_is_told_at_once(make: Callable[..., Proxy]) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        make().on("ringin")


def test_bad_settings_are_told_before_the_start() -> None:
    with pytest.raises(SettingsError, match="port"):
        Proxy(port=-5)
    with pytest.raises(SettingsError, match="journall"):
        Proxy(journall="x.log")


def test_a_taken_port_is_told_in_one_line(make: Callable[..., Proxy]) -> None:
    with make() as first:
        _, port = first.address
        with pytest.raises(StartError, match=rf"127.0.0.1:{port} \(UDP\) je obsadené"):
            make(port=port).start()
        with pytest.raises(StartError, match="is taken"):
            make(port=port, lang="en").start()


def test_an_address_that_is_not_ours_is_told_with_those_that_are(make: Callable[..., Proxy]) -> None:
    with pytest.raises(StartError, match=r"^203.0.113.77 nie je adresa tohto počítača; má \d"):
        make(ip="203.0.113.77").start()


def test_a_journal_that_cannot_be_written_is_told_and_lets_go_of_the_port(
    make: Callable[..., Proxy], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        _, port = probe.getsockname()
    with pytest.raises(StartError, match=r"do denníka .* sa nedá písať"):
        make(port=port, journal=tmp_path).start()
    with make(port=port):
        pass


def test_the_flow_key_outlives_a_restart(make: Callable[..., Proxy], tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        with make():
            keys.append((tmp_path / "state" / "flow.key").read_bytes())
    assert keys[0] == keys[1]


def test_phones_are_registered_still_after_a_restart(make: Callable[..., Proxy], tmp_path: Path) -> None:
    """Also one that was removed is so still."""
    port = free_port()
    proxy = make(port=port)
    proxy.start()
    with Phone(proxy) as phone, Phone(proxy) as other:
        for each in (phone, other):
            assert each.register().startswith("SIP/2.0 200 ")
        before = proxy.phones()
        assert len(before) == 2 and proxy.remove(before[0].id)
        proxy.stop()
        with make(port=port) as after:
            assert [card.contact for card in after.phones()] == [before[1].contact]
            assert after.phones()[0].until == pytest.approx(before[1].until, abs=0.5)
    assert sorted(file.name for file in (tmp_path / "state").iterdir()) == ["flow.key", f"registrations-{port}.db"]


def test_who_has_another_password_after_a_restart_registers_again(make: Callable[..., Proxy], tmp_path: Path) -> None:
    path, port = tmp_path / "users.toml", free_port()
    users.write(path, UsersFile().with_user("alice", "apple"))
    for password, expected in (("apple", ["alice@127.0.0.1"]), ("pear", [])):
        proxy = make(users=path, port=port)
        proxy.start()
        with Phone(proxy) as phone:
            assert phone.log_in("apple") == "SIP/2.0 200 Vybavené OK"
        proxy.stop()
        users.write(path, UsersFile().with_user("alice", password))
        proxy.start()
        assert [card.who for card in proxy.phones()] == expected
        proxy.stop()


def test_of_any_free_port_nothing_is_kept(make: Callable[..., Proxy], tmp_path: Path) -> None:
    """Nobody would find it again."""
    with make() as proxy, Phone(proxy) as phone:
        assert phone.register().startswith("SIP/2.0 200 ")
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["flow.key"]


def test_two_proxies_in_one_folder_each_keep_their_own(
    make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture
) -> None:
    ports = free_port(), free_port()
    proxies = [make(port=port) for port in ports]
    for proxy in proxies:
        proxy.start()
        with Phone(proxy) as phone:
            phone.register()
    kept = [[card.contact for card in proxy.phones()] for proxy in proxies]
    for proxy in proxies:
        proxy.stop()
    for proxy, contacts in zip(proxies, kept, strict=True):
        proxy.start()
        assert [card.contact for card in proxy.phones()] == contacts
    assert caplog.records == []


def test_without_a_place_for_the_key_the_proxy_warns_and_runs(
    make: Callable[..., Proxy], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with make(state=tmp_path / "file" / "state") as proxy, Phone(proxy) as phone:
        assert phone.register().startswith("SIP/2.0 200 ")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "hovory neprežijú reštart" in caplog.text


def test_experiments_are_set_at_any_time_and_told_loudly(make: Callable[..., Proxy], tmp_path: Path) -> None:
    told: list[Experiment] = []
    proxy = make(lang="en", experiments={"fork": False})
    proxy.on("experiment")(told.append)
    with proxy, Phone(proxy) as phone:
        eventually(lambda: [(event.fork, event.drop) for event in told] == [(False, 0)], "the news of the settings")
        proxy.experiment(drop=100)
        proxy.experiment(drop=100)
        proxy.experiment(drop=0, delay=50, stateless=True)
        assert phone.ask("OPTIONS").startswith("SIP/2.0 200 "), "late, but it comes"
        eventually(lambda: len(told) == 3, "the news of two changes")
        assert proxy.settings.experiments == Experiments(delay=50, stateless=True, fork=False)
        proxy.experiment(delay=0, stateless=False, fork=True)
    assert [event.serial for event in told] == [1, 2, 3, 4], "told once for each change, the last at the end"
    assert abs(told[0].time - time.time()) < 60
    lines = (tmp_path / "proxy.log").read_text("utf-8").splitlines()[1:]
    assert [line.partition(":WARNING:")[2] for line in lines[:3]] == [
        "Experiment: only one phone rings",
        "Experiment: 100 % of all messages are dropped, only one phone rings",
        "Experiment: received messages are 50 ms late, messages are forwarded statelessly (RFC 3261 §16.11), "
        "only one phone rings",
    ]
    assert lines[3].endswith(":INFO:Experiment: over, all goes by RFC 3261 again")


def test_experiments_reach_the_engine_and_outlive_a_restart(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines: list[Config] = []

    def noted(config: Config, *others: Any) -> Engine:
        engines.append(config)
        return Engine(config, *others)

    monkeypatch.setattr(server, "Engine", noted)
    proxy = make(experiments={"record_route": False})
    switches = []
    for number in range(2):
        with proxy:
            switches.append(dataclasses.astuple(engines[number].switches))
            proxy.experiment(stateless=True, fork=False)
            switches.append(dataclasses.astuple(engines[number].switches))
    assert switches == [(False, False, True), *[(True, False, False)] * 3]


def test_a_wrong_experiment_changes_nothing(make: Callable[..., Proxy]) -> None:
    proxy = make(lang="en")
    with pytest.raises(SettingsError, match=r"^experiments: drop = 101: must be a whole number from 0 to 100"):
        proxy.experiment(stateless=True, drop=101)
    assert proxy.settings.experiments == Experiments()


class Buggy(Engine):
    """An engine whose verbs have bugs."""

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        if b"bad" in data:
            raise ZeroDivisionError("a bug")
        if b"far" in data:
            return [Send(flow._replace(remote=("127.0.0.1", 0)), data, 1)]
        return super().receive(data, flow, now, spare)

    def tick(self, now: float) -> list[Send]:
        raise KeyError("a bug in a timer")

    def next_timer(self) -> float | None:
        return 0.0

    def lost(self, flow: Flow, now: float) -> list[Send]:
        raise IndexError("a bug in a loss")


def test_bugs_of_the_engine_are_logged_and_the_next_datagram_is_served(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "Engine", Buggy)
    with make() as proxy, Phone(proxy) as phone:
        phone.socket.send(b"bad")
        phone.socket.send(b"far")
        assert phone.ask("OPTIONS").startswith("SIP/2.0 200 ")
    for bug in ("ZeroDivisionError", "KeyError", "IndexError", "Traceback"):
        assert bug in caplog.text


def test_a_bug_inside_the_engine_is_a_500_with_a_traceback_in_the_log(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Engine, "_options", fail)
    with make() as proxy, Phone(proxy) as phone:
        assert phone.ask("OPTIONS").startswith("SIP/2.0 500 ")
        assert phone.register().startswith("SIP/2.0 200 ")
    assert "ZeroDivisionError" in caplog.text


def test_an_exception_in_a_hook_harms_nothing(make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture) -> None:
    proxy = make()
    heard: list[Event] = []

    @proxy.on("*")
    def broken(event: Event) -> None:
        raise ZeroDivisionError("a student's bug")

    proxy.on("*")(heard.append)
    with proxy, Phone(proxy) as phone:
        phone.register()
    assert [event.kind for event in heard] == ["registered"]
    assert "a student's bug" in caplog.text


def test_a_hook_that_sleeps_delays_neither_calls_nor_the_journal(make: Callable[..., Proxy], tmp_path: Path) -> None:
    proxy = make()
    asleep, wake = threading.Event(), threading.Event()

    @proxy.on("registered")
    def sleeps(event: Registered) -> None:
        asleep.set()
        wake.wait(10)

    def journal() -> str:
        return (tmp_path / "proxy.log").read_text("utf-8")

    with proxy:
        with Phone(proxy) as first:
            first.register()
            assert asleep.wait(30)
        with Phone(proxy) as second:
            second.register()
            eventually(lambda: second.address in journal(), "the line of who came later")
        wake.set()


def test_a_hook_finds_its_line_in_the_journal(make: Callable[..., Proxy], tmp_path: Path) -> None:
    proxy = make()
    found: list[str] = []
    proxy.on("registered")(lambda event: found.append((tmp_path / "proxy.log").read_text("utf-8")))
    with proxy, Phone(proxy) as phone:
        phone.register()
        address = phone.address
    assert [address in text for text in found] == [True]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_second_ctrl_c_waits_for_the_end_that_the_first_one_began(make: Callable[..., Proxy]) -> None:
    proxy = make()
    seen: list[Registered] = []

    @proxy.on("registered")
    def impatient(event: Registered) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        eventually(lambda: proxy._server is None, "the end's beginning")
        os.kill(os.getpid(), signal.SIGINT)
        seen.append(event)

    def call() -> None:
        with Phone(proxy) as phone:
            phone.register()

    proxy.run(ready=threading.Thread(target=call).start)
    assert len(seen) == 1


def test_what_fails_when_all_is_open_ends_all(make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    before, port = threading.active_count(), free_port()
    with monkeypatch.context() as broken:
        broken.setattr("sipfullproxy.page.Page.serve", fail)
        proxy = make(port=port)
        with pytest.raises(ZeroDivisionError):
            proxy.start()
        with pytest.raises(RuntimeError):
            _ = proxy.listen
    eventually(lambda: threading.active_count() == before, "the threads' end")
    with make(port=port):
        pass


def test_a_user_without_a_home_is_warned_and_served(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("sipfullproxy.state.folder", homeless)
    with make(state=None) as proxy, Phone(proxy) as phone:
        assert phone.register().startswith("SIP/2.0 200 ")
    assert "Could not determine home directory" in caplog.text


def test_junk_is_counted_and_harms_nothing(
    make: Callable[..., Proxy], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with make() as proxy, Phone(proxy) as phone:
        for junk in (b"", b"\0" * 10, os.urandom(500), b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            phone.socket.send(junk)
        assert phone.ask("OPTIONS").startswith("SIP/2.0 200 ")
    assert capfd.readouterr().err == ""
    assert (tmp_path / "proxy.log").read_text("utf-8").count("\n") == 1, "only the date"


def test_verbose_shows_messages_and_dumps_junk(make: Callable[..., Proxy], capfd: pytest.CaptureFixture[str]) -> None:
    with make(verbose=True) as proxy, Phone(proxy) as phone:
        phone.socket.send(b"\r\n\r\n")
        phone.socket.send(b"junk \x1b[2J")
        phone.socket.send(phone.request("OPTIONS", number=1).replace(b"alice", b"\x1b[31malice"))
        phone.socket.recv(65535)
        shown = eventually(lambda: err if "SIP/2.0 200" in (err := capfd.readouterr().err) else "", "the trace")
    assert "  0000  6a 75 6e 6b 20 1b 5b 32 4a" in shown
    assert "<sip:\\x1b[31malice@" in shown
    assert "\x1b" not in shown
    assert shown.count(f"<- {phone.address} UDP ") == 2, "the junk and the request, not the keepalive"
    assert shown.count(f"-> {phone.address} UDP ") == 1


def test_without_verbose_nothing_is_shown(make: Callable[..., Proxy], capfd: pytest.CaptureFixture[str]) -> None:
    with make() as proxy, Phone(proxy) as phone:
        phone.ask("OPTIONS")
    assert capfd.readouterr() == ("", "")


def test_a_closed_terminal_stops_nothing(make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> None:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Closed())
    with make(verbose=True) as proxy, Phone(proxy) as phone:
        assert phone.ask("OPTIONS").startswith("SIP/2.0 200 ")


class Stuck:
    """A terminal that stands still: Ctrl-S, or a click into the console of Windows."""

    def __init__(self) -> None:
        self.moves = threading.Event()
        self.text = ""

    def write(self, text: str) -> None:
        self.moves.wait(10)
        self.text += text

    def flush(self) -> None:
        """Nothing to do."""


def test_a_terminal_that_stands_still_stops_nothing(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = Stuck()
    monkeypatch.setattr("sys.stderr", stuck)
    monkeypatch.setattr(screen, "SCREEN_LIMIT", 4)
    with make(verbose=True) as proxy, Phone(proxy) as phone:
        for number in range(20):
            assert phone.ask("OPTIONS", number=number).startswith("SIP/2.0 200 ")
        stuck.moves.set()
        eventually(lambda: "messages not shown" in stuck.text, "what was missed")
    assert stuck.text.count("CSeq: 19 OPTIONS") == 2


def test_a_terminal_that_stands_still_does_not_keep_the_proxy_from_stopping(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = Stuck()
    monkeypatch.setattr("sys.stderr", stuck)
    monkeypatch.setattr(screen, "SCREEN_WAIT", 0.01)
    with make(verbose=True) as proxy, Phone(proxy) as phone:
        phone.ask("OPTIONS")
    stuck.moves.set()


def test_importing_the_package_is_cheap() -> None:
    """Whoever asks for the version does not pay for the proxy."""
    import subprocess
    import sys

    code = "import sipfullproxy, sys; print([name for name in sys.modules if name.startswith('sipfullproxy.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_logging_is_left_alone(make: Callable[..., Proxy]) -> None:
    """A library says what it has to say to `logging`, and lets the program decide where it goes."""
    handlers = list(logging.getLogger().handlers)
    with make():
        assert logging.getLogger().handlers == handlers


def test_a_program_of_ones_own_serves_no_page_unless_told(make: Callable[..., Proxy]) -> None:
    with make() as proxy:
        assert proxy.page is None


def test_the_page_comes_and_goes_with_the_proxy(make: Callable[..., Proxy]) -> None:
    proxy = make(web=True, web_port=0)
    for _ in range(2):
        with proxy:
            page = proxy.page
            assert page is not None
            with urllib.request.urlopen(f"{page}/api/about", timeout=30) as answer:
                assert json.load(answer)["address"] == "{}:{}".format(*proxy.address)
        assert proxy.page is None
        with pytest.raises(OSError):
            urllib.request.urlopen(f"{page}/api/about", timeout=30)


def test_what_keeps_the_page_away_is_told_and_calls_go_on(
    make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, make(web=True, web_port=other.getsockname()[1]) as proxy:
        assert proxy.page is None
        with Phone(proxy) as phone:
            assert phone.register() == "SIP/2.0 200 Vybavené OK"
    with make(web=True, web_bind="203.0.113.77", lang="en"):
        pass
    monkeypatch.setattr(site, "NEEDED", ("no_such_library",))
    with make(web=True):
        pass
    taken, elsewhere, missing = caplog.messages
    assert taken.startswith("stránka: vypnutá, port ") and "--web-port" in taken
    assert elsewhere.startswith("the page: off, 203.0.113.77:8080 (TCP) cannot be opened") and "--web-bind" in elsewhere
    assert missing.startswith("stránka: vypnutá, chýba no_such_library")


def test_the_running_proxy_takes_users_over(
    make: Callable[..., Proxy], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a password that changes: whoever registered with the old one is registered no more."""
    monkeypatch.setattr(roll, "GLANCE", 0.01)
    path = tmp_path / "users.toml"
    users.write(path, UsersFile().with_user("alice", "apple").with_user("bob", "banana"))
    proxy = make(users=path)
    proxy.start()
    with Phone(proxy) as phone:
        assert phone.log_in("pear") == "SIP/2.0 401 Vyžaduje sa prihlásenie"
        assert phone.log_in("apple") == "SIP/2.0 200 Vybavené OK"
        users.write(path, users.read(path, "sk").with_user("carol", "cherry"))
        path.write_text("[users", "utf-8")
        eventually(lambda: "ostávajú" in caplog.text, "the complaint about a broken file")
        assert [card.who for card in proxy.phones()] == ["alice@127.0.0.1"]
        assert phone.log_in("apple") == "SIP/2.0 200 Vybavené OK"
        users.write(path, UsersFile().with_user("alice", "pear"))
        eventually(lambda: not proxy.phones(), "the end of what was registered with the old password")
        assert phone.log_in("apple") == "SIP/2.0 401 Vyžaduje sa prihlásenie"
        assert phone.log_in("pear") == "SIP/2.0 200 Vybavené OK"
        path.unlink()
        eventually(lambda: caplog.text.count("ostávajú") == 2, "the complaint about no file")
        assert phone.log_in("pear") == "SIP/2.0 200 Vybavené OK"


def test_the_running_proxy_looks_whether_it_still_has_its_address(
    make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.1 plays an address of a network that is left, and come back to."""
    here = True
    monkeypatch.setattr(whereabouts, "GLANCE", 0.01)
    monkeypatch.setattr(whereabouts, "ip_address", lambda text: ip_address(text.replace("127.", "192.")))
    proxy = make()
    proxy.start()
    monkeypatch.setattr(whereabouts, "is_local", lambda _host: here)
    here = False
    eventually(lambda: "už nemá adresu 127.0.0.1" in caplog.text, "the warning")
    here = True
    eventually(lambda: "má znova adresu 127.0.0.1" in caplog.text, "its end")


def test_without_the_users_file_it_does_not_start(make: Callable[..., Proxy], tmp_path: Path) -> None:
    with pytest.raises(StartError, match="user add"):
        make(users=tmp_path / "none.toml").start()
