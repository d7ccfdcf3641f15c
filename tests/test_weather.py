"""Faults on the wire: a tenth is lost, datagrams come twice, late and in another order. Every call completes all the
same, and the journal tells each of them once.

First in the virtual lab, then before a running proxy: on a loopback that loses packets in the kernel (UDP and TCP), and
on a wire that is worse. Clocks are set meanwhile. `pytest -m soak` does the same with more calls.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sipfullproxy.engine.events import CallEvent
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.message import Request, Response
from tests.load import Sipp, finish, free_port
from tests.running import PATIENCE, Running, running
from tests.test_random_calls import ENDS, Phone, Place, World
from tests.weather import Wire, lossy

# -- in the virtual lab ------------------------------------------------------------------------------------------------


class Answering(Phone):
    """A phone that takes every call, and hangs up what it has begun. ended: its own calls that are over."""

    def __init__(self, world: World | Wire, user: str, address: Place) -> None:
        super().__init__(world, user, address)  # type: ignore[arg-type]  # a wire is a world without an engine in it
        self.dead = False
        self.ended: set[str] = set()

    @property
    def registered(self) -> bool:
        return ("register", "REGISTER") in self._stop

    def register(self, q: float = 1.0) -> None:
        """Again and again until it is answered; for longer than the world lasts."""
        to = f"<sip:{self.user}@10.0.0.1>"
        branch = "z9hG4bKregister" + self.user
        data = self.write("REGISTER", "sip:10.0.0.1", f"r-{self.uri}", 1, to, branch, "Expires: 86400")
        self.repeat(data, (branch, "REGISTER"))

    def _response(self, response: Response) -> None:
        if response.cseq_method == b"BYE" and response.status == 200:
            self.ended.add(response.call_id.decode())
        if response.cseq_method == b"REGISTER" and response.status == 200:
            self._stop.add(("register", "REGISTER"))
        super()._response(response)

    def begin(self, method: str, whom: str) -> None:
        branch, uri = self.branch(), f"sip:{whom}@10.0.0.1"
        self.repeat(self.write(method, uri, f"call-{branch}", 1, f"<{uri}>", branch), (branch, method))

    def _acknowledge(self, response: Response, branch: str) -> None:
        call, to = response.call_id.decode(), (response.first(b"to") or b"").decode()
        target = Address(response.values(b"contact")[0]).spec.decode()
        routes = [f"Route: {value.decode()}" for value in reversed(response.values(b"record-route"))]
        self.put(self.write("ACK", target, call, 1, to, self.branch(), *routes))
        if ("talk", call) not in self._stop:
            self._stop.add(("talk", call))
            bye = self.branch()
            data = self.write("BYE", target, call, 2, to, bye, *routes)
            self.world.later(2.0, lambda: self.repeat(data, (bye, "BYE")))

    def _request(self, request: Request) -> None:
        key = (request.via.branch, request.method)
        if request.method == b"ACK":
            self._stop |= {("acked", request.call_id)}
        elif key in self._answers:
            self.put(self._answers[key])
        elif request.method == b"INVITE":
            self._invites[request.via.branch] = request
            self._answer(request, 180)
            self.world.later(1.0, lambda: self._final(200, key))
        else:
            self._answer(request, 200)


def storm(seed: int, calls: int, *, clock: Random | None = None) -> Counter[str]:
    """So many calls in a network that loses a tenth, doubles a twentieth, and brings what it brings up to 300 ms late.

    clock: sets the clock of people, over and over. Returns how many events of each kind there were.
    """
    world = World(seed)
    world.bad = 0.1
    world.engine._core.config.forward.clear()  # type: ignore[attr-defined]  # a plain dict, which this world has filled
    alice, bob = Answering(world, "alice", ("10.0.1.1", 5060)), Answering(world, "bob", ("10.0.2.1", 5060))
    alice.register()
    bob.register()
    world.run(30.0)
    assert alice.registered and bob.registered
    for number in range(calls):
        world.later(number * 0.1, lambda: alice.begin("INVITE", "bob"))
        if clock is not None:
            world.later(number * 0.1, lambda: setattr(world.engine, "epoch", clock.uniform(-1e9, 2e9)))
    world.run(calls * 0.1 + 150.0)
    told = [event for event in world.engine.events() if isinstance(event, CallEvent)]
    for call in {event.call for event in told}:
        mine = Counter(event.kind for event in told if event.call == call)
        assert mine["calling"] == mine["started"] == 1 >= mine["ringing"], mine  # a 180 is sent once, and may be lost
        assert sum(mine[kind] for kind in ENDS) == mine["ended"] == 1, mine
    assert world.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 2}
    return Counter(event.kind for event in told)


@pytest.mark.parametrize("seed", range(5))
def test_every_call_completes_and_is_told_once(seed: int) -> None:
    assert storm(seed, 60)["ended"] == 60


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_so_do_thousands(seed: int) -> None:
    assert storm(1000 + seed, 1_000)["ended"] == 1_000


def test_who_sets_the_clock_changes_nothing() -> None:
    """Decades forth and back, ten times a second: the engine counts in seconds that only ever grow."""
    calm = storm(7, 60)
    assert storm(7, 60, clock=Random(7)) == calm


# -- between processes -------------------------------------------------------------------------------------------------


def told(proxy: Running) -> tuple[int, int]:
    """How many calls the journal says have started, and ended."""
    journal = proxy.journal.read_text(encoding="utf-8")
    return journal.count("Call started"), journal.count("Call ended")


def by_udp(folder: Path, calls: int, rate: int, *, loss: int = 0, double: int = 0, jitter: float = 0.0) -> Wire:
    """Calls over UDP by phones that keep to RFC 3261 §17; each must be told once. SIPp does not keep to it: where both
    its answers to an INVITE are lost, it takes the one that comes again for a new one."""
    with running(folder, "--domain", "10.0.0.1") as proxy:
        wire = Wire(proxy.address, loss=loss, double=double, jitter=jitter)
        try:
            alice, bob = Answering(wire, "alice", wire.place()), Answering(wire, "bob", wire.place())
            alice.register()
            bob.register()
            wire.run(lambda: alice.registered and bob.registered, within=PATIENCE)
            for number in range(calls):
                wire.later(number / rate, lambda: alice.begin("INVITE", "bob"))
            wire.run(lambda: len(alice.ended) == calls, within=calls / rate + PATIENCE)
        finally:
            wire.close()
    assert told(proxy) == (calls, calls)
    return wire


def by_tcp(folder: Path, calls: int, rate: int) -> None:
    """The same over TCP, on both sides."""
    port = free_port()
    config = folder / "proxy.toml"
    config.write_text(
        f'open = true\n[forward.bob]\nalways = "sip:bob@127.0.0.1:{port};transport=tcp"\n', encoding="utf-8"
    )
    with running(folder, "--config", str(config)) as proxy:
        alice, bob = Sipp(proxy, folder, "alice"), Sipp(proxy, folder, "bob")
        bob.port = port
        try:
            callee = bob.start("callee", "-t", "t1", calls=calls)
            finish(alice.start("caller", "-t", "t1", "-r", str(rate), calls=calls, service="bob"))
            finish(callee)
        finally:
            alice.close()
            bob.close()
    assert told(proxy) == (calls, calls)


WAYS = pytest.mark.parametrize("way", [by_udp, by_tcp], ids=["udp", "tcp"])


@pytest.mark.sipp
@WAYS
def test_a_tenth_of_all_packets_is_lost(tmp_path: Path, way: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(way)
    with lossy(10) as network:
        way(tmp_path, 40, 20)
        lost = network.lost
    assert lost > 20, "it was no bad network"


@pytest.mark.soak
@WAYS
def test_a_tenth_of_many_packets_is_lost(tmp_path: Path, way: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(way)
    with lossy(10) as network:
        way(tmp_path, 1_000, 40)
        lost = network.lost
    with capsys.disabled():
        print(f"\n1000 calls; {lost} packets lost by the kernel")


WORSE: dict[str, Any] = {"loss": 10, "double": 5, "jitter": 0.3}


@pytest.mark.sipp
def test_lost_doubled_late_and_in_another_order(tmp_path: Path) -> None:
    wire = by_udp(tmp_path, 40, 20, **WORSE)
    assert min(wire.lost, wire.doubled, wire.overtaken) > 5, "it was no bad network"


@pytest.mark.soak
def test_lost_doubled_late_and_in_another_order_for_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wire = by_udp(tmp_path, 1_000, 40, **WORSE)
    with capsys.disabled():
        print(f"\n1000 calls; {wire.lost} lost, {wire.doubled} doubled, {wire.overtaken} overtaken")
