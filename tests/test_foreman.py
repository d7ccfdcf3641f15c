"""Several workers as their user has them: `--workers 2`, with phones that are sockets, and SIPp."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sipfullproxy import roll, users
from sipfullproxy.engine.bans import GUESSES
from sipfullproxy.engine.events import Event
from sipfullproxy.experiments import Experiments
from sipfullproxy.proxy import Proxy
from sipfullproxy.settings import StartError
from sipfullproxy.sip.digest import read_challenge
from sipfullproxy.users import UsersFile
from sipfullproxy.workers import feed
from sipfullproxy.workers.foreman import Foreman
from sipfullproxy.workers.owner import owner
from tests.callflows.flow import Flow
from tests.load import LOSING, ends, finish
from tests.logins import authorization, credentials
from tests.running import Running, running
from tests.test_callflows import FLOWS, Stage
from tests.waiting import eventually

pytestmark = pytest.mark.io

PATIENCE = 30.0
"""Seconds; nothing here takes a tenth of it."""

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="several workers are for Linux only")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Proxy]]:
    """Makes proxies with three workers."""
    with ExitStack() as stack:

        def make(**settings: object) -> Proxy:
            usual = {
                "ip": "127.0.0.1", "port": 0, "journal": tmp_path / "proxy.log", "state": tmp_path / "state",
                "workers": 3, "lang": "en",
            }  # fmt: skip
            proxy = Proxy(**{**usual, **settings})  # type: ignore[arg-type]
            stack.callback(proxy.stop)
            return proxy

        yield make


class Phone:
    """A socket of a user. Each thing that it says is a call of its own, so all workers get something."""

    def __init__(self, proxy: Proxy, user: str, stack: ExitStack, transport: str = "udp") -> None:
        self.user, self.transport = user, transport.upper()
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.socket = stack.enter_context(socket.socket(socket.AF_INET, kind))
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(proxy.address)
        self.socket.settimeout(30)
        self.proxy = "{}:{}".format(*proxy.address)
        self.address = "{}:{}".format(*self.socket.getsockname())
        self.number = 0
        self._answers: dict[bytes, bytes] = {}

    def compose(self, method: str, to: str, call_id: str = "") -> bytes:
        self.number += 1
        target = self.proxy if method in ("REGISTER", "OPTIONS") else f"{to}@{self.proxy}"
        lines = [
            f"{method} sip:{target} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.address};rport;branch=z9hG4bK{self.user}{self.number}",
            f"From: <sip:{self.user}@{self.proxy}>;tag=1", f"To: <sip:{to}@{self.proxy}>",
            f"Call-ID: {call_id or f'{self.user}-{self.number}'}", f"CSeq: {self.number} {method}", "Max-Forwards: 70",
            f"Contact: <sip:{self.user}@{self.address};transport={self.transport.lower()}>", "Content-Length: 0",
        ]  # fmt: skip
        return "\r\n".join([*lines, "", ""]).encode()

    def ask(self, method: str, to: str = "", call_id: str = "") -> int:
        """Send a request; the final status of the answer."""
        self.socket.send(self.compose(method, to or self.user, call_id))
        while True:
            answer = self.socket.recv(65_535)
            # What belongs to an earlier call may be repeated: nobody here acknowledges a refusal.
            if (
                not answer.startswith(b"SIP/2.0 1")
                and b"\r\nCSeq: %d %b\r\n" % (self.number, method.encode()) in answer
            ):
                return int(answer[8:11])

    def log_in(self, password: str, call_id: str) -> int:
        """REGISTER, and again with what the 401 wants; the status of the second answer."""
        self.socket.send(self.compose("REGISTER", self.user, call_id))
        value = self.socket.recv(65_535).decode().partition("WWW-Authenticate: ")[2].partition("\r\n")[0]
        challenge = read_challenge(value.encode())
        assert challenge is not None
        line = authorization(credentials(challenge, "REGISTER", f"sip:{self.proxy}", self.user, password))
        again = self.compose("REGISTER", self.user, call_id)
        self.socket.send(again.replace(b"Max-Forwards", line.encode() + b"\r\nMax-Forwards"))
        return int(self.socket.recv(65_535)[8:11])

    def hears(self) -> bytes:
        """The method of the next request, which is answered 200; one that comes again is answered again, and no next
        one: where anybody was slow for half a second, the proxy has repeated it."""
        while (request := self.socket.recv(65_535)) in self._answers:
            self.socket.send(self._answers[request])
        head = request.partition(b"\r\n\r\n")[0].split(b"\r\n")
        kept = [line for line in head[1:] if line.startswith((b"Via", b"From", b"To", b"Call-ID", b"CSeq"))]
        self._answers[request] = answer = b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"Content-Length: 0", b"", b""])
        self.socket.send(answer)
        return head[0].partition(b" ")[0]


def workers_of(proxy: Proxy) -> list[int]:
    """The process ids of the other workers."""
    assert proxy._server is not None
    staff = proxy._server._staff
    assert isinstance(staff, Foreman)
    return [process.pid for process in staff.processes.values()]


@LINUX
@pytest.mark.parametrize("transports", [("udp", "udp"), ("tcp", "udp"), ("udp", "tcp"), ("tcp", "tcp")])
def test_who_is_registered_is_found_at_once_by_every_worker(
    make: Callable[..., Proxy], transports: tuple[str, str]
) -> None:
    proxy = make()
    proxy.start()
    with ExitStack() as stack:
        alice, bob = (Phone(proxy, user, stack, how) for user, how in zip(("alice", "bob"), transports, strict=True))
        assert [alice.ask("REGISTER"), bob.ask("REGISTER")] == [200, 200]
        for number in range(9):
            assert bob.ask("REGISTER", call_id=f"another-{number}") == 200
            alice.socket.send(alice.compose("MESSAGE", "bob", f"message-{number}"))
            assert bob.hears() == b"MESSAGE"
            assert alice.socket.recv(65_535).startswith(b"SIP/2.0 200 ")
        assert {owner(alice.compose("MESSAGE", "bob", f"message-{number}"), 3) for number in range(9)} == {0, 1, 2}
        assert {phone.who for phone in proxy.phones()} == {f"{user}@127.0.0.1" for user in ("alice", "bob")}


@LINUX
def test_hooks_and_journal_hear_of_all_calls_in_one_row(make: Callable[..., Proxy], tmp_path: Path) -> None:
    proxy, heard = make(), list[Event]()
    proxy.on("*")(heard.append)
    with proxy, ExitStack() as stack:
        alice = Phone(proxy, "alice", stack)
        assert alice.ask("REGISTER") == 200
        for number in range(12):
            assert alice.ask("INVITE", "nobody", f"call-{number}") == 404
            alice.socket.send(alice.compose("ACK", "nobody", f"call-{number}"))
    assert [event.kind for event in heard] == ["registered", *["failed"] * 12]
    assert [event.serial for event in heard] == list(range(1, 14))
    assert [event.time for event in heard] == sorted(event.time for event in heard)
    assert (tmp_path / "proxy.log").read_text().count("nobody") == 12
    card, *_ = proxy.archive.calls("call-3")
    assert len(proxy.archive.records(card)) == 3, "INVITE, 404, ACK"


@LINUX
def test_what_the_user_changes_is_so_at_every_worker(make: Callable[..., Proxy]) -> None:
    proxy = make()
    proxy.start()
    with ExitStack() as stack:
        alice, bob = Phone(proxy, "alice", stack), Phone(proxy, "bob", stack)
        assert [alice.ask("REGISTER"), bob.ask("REGISTER")] == [200, 200]

        def said(number: int, to: str) -> bool:
            alice.socket.send(alice.compose("MESSAGE", to, f"{to}-{number}-{alice.number}"))
            return bob.hears() == b"MESSAGE" and alice.socket.recv(65_535).startswith(b"SIP/2.0 200 ")

        assert [alice.ask("MESSAGE", "carol", f"none-{number}") for number in range(6)] == [404] * 6
        proxy.forward("carol", not_registered="bob")
        for number in range(6):
            alice.socket.send(alice.compose("INVITE", "carol", f"forwarded-{number}"))
            assert bob.hears() == b"INVITE"
            assert alice.socket.recv(65_535).startswith(b"SIP/2.0 1")
            while not alice.socket.recv(65_535).startswith(b"SIP/2.0 200 "):
                pass
        proxy.forward("carol")
        assert [alice.ask("INVITE", "carol", f"gone-{number}") for number in range(6)] == [404] * 6
        proxy.experiment(drop=100)
        alice.socket.settimeout(0.3)
        for number in range(6):
            with pytest.raises(TimeoutError):
                alice.ask("OPTIONS", call_id=f"dropped-{number}")
        alice.socket.settimeout(30)
        proxy.experiment(drop=0)
        for phone in proxy.phones():
            assert proxy.remove(phone.id)
        assert [alice.ask("MESSAGE", "bob", f"removed-{number}") for number in range(6)] == [403] * 6


@LINUX
def test_the_user_may_change_something_while_a_worker_starts(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, starting, changing = make(workers=2), threading.Event(), threading.Event()
    put = feed.put

    def slowly(line: socket.socket, value: tuple[object, ...]) -> None:
        starting.set()
        assert changing.wait(PATIENCE)
        put(line, value)

    proxy.start()
    monkeypatch.setattr(feed, "put", slowly)
    go_wrong = Foreman.go_wrong

    def telling(foreman: Foreman, experiments: Experiments) -> None:
        changing.set()
        go_wrong(foreman, experiments)

    monkeypatch.setattr(Foreman, "go_wrong", telling)
    (worker,) = workers_of(proxy)
    os.kill(worker, signal.SIGKILL)
    assert starting.wait(PATIENCE)
    user = threading.Thread(target=lambda: proxy.experiment(drop=1), daemon=True)
    user.start()
    user.join(PATIENCE)
    assert not user.is_alive()


@LINUX
def test_users_who_come_and_go_do_so_at_every_worker(
    make: Callable[..., Proxy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "GLANCE", 0.05)
    told, admit = list[object](), Foreman.admit

    def telling(foreman: Foreman, *given: Any) -> None:
        admit(foreman, *given)
        told.append(given)

    monkeypatch.setattr(Foreman, "admit", telling)
    file = tmp_path / "users.toml"
    users.write(file, UsersFile())
    proxy = make(users=file, bans=False)
    proxy.start()
    with ExitStack() as stack:
        alice = Phone(proxy, "alice", stack)
        assert [alice.ask("REGISTER", call_id=f"{number}") for number in range(6)] == [401] * 6
        users.write(file, UsersFile().with_user("alice", "apple"))
        eventually(lambda: len(told) == 1, "all workers to be told")
        assert [alice.log_in("apple", f"after-{number}") for number in range(6)] == [200] * 6
        assert [alice.log_in("wrong", f"wrong-{number}") for number in range(3)] == [401] * 3
        users.write(file, UsersFile())
        eventually(lambda: len(told) == 2, "all workers to be told")
        assert [alice.log_in("apple", f"gone-{number}") for number in range(6)] == [401] * 6
        eventually(lambda: not proxy.phones(), "the end of her registrations")


@LINUX
def test_an_address_has_five_guesses_in_all_and_its_ban_is_told_once(
    make: Callable[..., Proxy], tmp_path: Path
) -> None:
    users.write(tmp_path / "users.toml", UsersFile().with_user("alice", "apple"))
    proxy, heard = make(users=tmp_path / "users.toml"), list[Event]()
    proxy.on("*")(heard.append)
    with proxy, ExitStack() as stack:
        alice = Phone(proxy, "alice", stack)
        assert [alice.log_in("pear", f"guess-{number}") for number in range(GUESSES)] == [401] * GUESSES
        alice.socket.settimeout(0.2)
        for number in range(6):  # each worker hears one
            with pytest.raises(TimeoutError):
                alice.ask("REGISTER", call_id=f"later-{number}")
    assert [event.kind for event in heard] == ["rejected"] * GUESSES + ["banned"]


@LINUX
def test_a_worker_that_dies_is_told_of_and_replaced_and_knows_all_again(
    make: Callable[..., Proxy], caplog: pytest.LogCaptureFixture
) -> None:
    proxy = make()
    proxy.start()
    with ExitStack() as stack:
        alice, bob = Phone(proxy, "alice", stack), Phone(proxy, "bob", stack)
        assert [alice.ask("REGISTER"), bob.ask("REGISTER")] == [200, 200]
        eventually(lambda: len(workers_of(proxy)) == 2, "both workers")
        victims = workers_of(proxy)
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        # Who is about to die in `recvfrom` may take a datagram with it, which a phone would say again.
        eventually(lambda: not set(victims) & set(workers_of(proxy)), "their ends")
        # What comes from then on waits for the next one.
        assert [alice.ask("MESSAGE", "nobody", f"after-{number}") for number in range(9)] == [404] * 9
        for number in range(6):
            alice.socket.send(alice.compose("MESSAGE", "bob", f"found-{number}"))
            assert bob.hears() == b"MESSAGE"
            assert alice.socket.recv(65_535).startswith(b"SIP/2.0 200 ")
    lines = [record.getMessage() for record in caplog.records]
    assert sorted(line[:24] for line in lines) == ["process 2 of --workers h", "process 3 of --workers h"]
    assert all("SIGKILL" in line for line in lines)


@LINUX
def test_the_others_end_with_the_first_one(tmp_path: Path) -> None:
    proxy = Running(tmp_path, "--workers", "3", "--no-web")
    children = eventually(lambda: found if len(found := _children(proxy.pid)) == 2 else None, "the workers")
    os.kill(proxy.pid, signal.SIGKILL)
    proxy.stop()
    eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "their ends")


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@LINUX
def test_another_program_finds_the_port_taken(make: Callable[..., Proxy]) -> None:
    proxy = make()
    proxy.start()
    with pytest.raises(StartError, match="is taken"):
        make(port=proxy.address[1], workers=2).start()
    with pytest.raises(StartError, match="is taken"):
        make(port=proxy.address[1], workers=1).start()


@LINUX
def test_a_start_that_fails_leaves_the_port_free(make: Callable[..., Proxy], tmp_path: Path) -> None:
    proxy = make(workers=1)
    proxy.start()
    port = proxy.address[1]
    proxy.stop()
    with pytest.raises(StartError, match="cannot be written"):
        make(port=port, journal=tmp_path).start()
    make(port=port, workers=1).start()


def test_elsewhere_than_on_linux_it_is_said_in_a_line(
    make: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(StartError, match="on Linux only"):
        make().start()


# -- SIPp -------------------------------------------------------------------------------------------------------------


@contextmanager
def two(folder: Path, *options: str) -> Iterator[Running]:
    with running(folder, "--workers", "2", "--no-web", *options) as proxy:
        yield proxy


@LINUX
@pytest.mark.sipp
def test_every_call_is_connected_and_ended_and_journaled_once(tmp_path: Path) -> None:
    with two(tmp_path) as proxy, ends(proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", calls=200)
        finish(alice.start("caller", "-r", "100", calls=200, service="bob"))
        finish(callee)
    journal = proxy.journal.read_text(encoding="utf-8")
    assert journal.count("Call started") == journal.count("Call ended") == 200


@LINUX
@pytest.mark.sipp
def test_so_they_are_over_a_network_that_loses_messages(tmp_path: Path) -> None:
    with two(tmp_path) as proxy, ends(proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", "-lost", "10", *LOSING, calls=40)
        finish(alice.start("caller", "-lost", "10", "-r", "20", calls=40, service="bob"))
        finish(callee)
    assert proxy.journal.read_text(encoding="utf-8").count("Call ended") == 40


@LINUX
@pytest.mark.sipp
@pytest.mark.parametrize(
    "name", ["rfc3665-3.02", "rfc3665-3.08", "rfc5359-2.04", "rfc5359-2.07", "rfc5359-2.11", "rfc5359-2.16"]
)
def test_a_flow(name: str, tmp_path: Path) -> None:
    (file,) = (file for flow, file in FLOWS.items() if flow.startswith(name))
    with ExitStack() as stack:
        Stage(Flow.read(file), tmp_path, stack, "--workers", "2").play()
