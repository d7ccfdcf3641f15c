"""Random calls over a network that loses, doubles and reorders datagrams; what must hold whatever happens.

The phones are small automata that keep to RFC 3261 §17: they repeat what is not answered, answer what is repeated, and
acknowledge. The network between them and the engine is as bad as UDP may be. Every datagram that the engine sends and
receives is looked at by a `Witness`, who knows what no proxy may ever do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sipfullproxy.engine import fsm
from sipfullproxy.engine.config import Config
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import KINDS, CallEvent, CallOver, Ended
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.message import Request, Response, parse
from tests.helpers import PROXY

Place = tuple[str, int]
Message = Request | Response

REPEATING = {"A", "E", "G"}
"""The only timers that send something again."""

ENDS = [kind for kind, event in KINDS.items() if issubclass(event, CallOver | Ended)]
"""How a call may end for people."""


def read(data: bytes) -> Message:
    message = parse(data)
    message.check()
    return message


class World:
    """A clock, a bad network, the engine behind it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.bad = self.random.choice((0.0, 0.1, 0.3))
        self.phones: dict[Place, Phone] = {}
        self.witness = Witness()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        numbers = count(1)
        self.engine = Engine(
            Config(address=PROXY, flow_key=b"k", forward=self._rules()),
            lambda size: next(numbers).to_bytes(size, "big"),
        )

    def _rules(self) -> dict[bytes, Rule]:
        """Some users have calls forwarded: in circles, to nobody, in chains, as it comes."""

        def target() -> str | None:
            return self.random.choice((None, None, "alice", "bob", "carol", "nobody", "sip:far@192.0.2.7"))

        users = [user for user in (b"alice", b"bob", b"carol", b"nobody") if self.random.random() < 0.4]
        return {
            user: Rule(
                always=target() if self.random.random() < 0.3 else None, busy=target(), no_answer=target(),
                not_registered=target(), after=self.random.choice((1, 3, 20)),
            )
            for user in users
        }  # fmt: skip

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        heappush(self._agenda, (self.now + seconds, next(self._order), what))

    def carry(self, deliver: Callable[[], None]) -> None:
        """Over the network: perhaps lost, perhaps twice, never in order."""
        while True:
            if self.random.random() >= self.bad:
                self.later(self.random.choice((0.001, 0.02, 0.3)), deliver)
            if self.random.random() >= self.bad / 2:
                return

    def to_proxy(self, data: bytes, source: Place) -> None:
        self.carry(lambda: self._receive(data, source))

    def _receive(self, data: bytes, source: Place) -> None:
        client = None
        message = read(data)
        if isinstance(message, Response):
            client = self.engine._core.transactions.clients.get((message.via.branch, message.cseq_method))
        alive = client is not None and client.state not in (fsm.COMPLETED, fsm.TERMINATED)
        sends = self.engine.receive(data, Flow("udp", PROXY, source), self.now)
        self.witness.received(message, data, source, sends, alive)
        self._out(sends)

    def _out(self, sends: list[Send]) -> None:
        for send in sends:
            self.witness.sent(send)
            phone = self.phones.get(send.flow.remote)
            if phone is not None:
                self.carry(lambda phone=phone, data=send.data: phone.receive(data))  # type: ignore[misc]

    def lose(self, place: Place) -> None:
        """The network tells that nothing can be sent there."""
        self._out(self.engine.lost(Flow("udp", PROXY, place), self.now))

    def run(self, until: float) -> None:
        """Let happen what happens until then."""
        while True:
            timer = self.engine.next_timer()
            at = min(self._agenda[0][0] if self._agenda else until, until if timer is None else timer)
            if at >= until:
                break
            self.now = max(self.now, at)
            if timer is not None and timer <= self.now:
                self._out(self.engine.tick(self.now))
            elif self._agenda:
                heappop(self._agenda)[2]()
        self.now = until


class Phone:
    """A user agent with the transactions of §17, driven by chance."""

    def __init__(self, world: World, user: str, address: Place) -> None:
        self.world, self.user, self.address = world, user, address
        self.uri = f"sip:{user}@{address[0]}:{address[1]}"
        self.dead = world.random.random() < 0.15
        self._answers: dict[tuple[bytes, bytes], bytes] = {}
        self._invites: dict[bytes, Request] = {}
        self._stop: set[object] = set()
        self._numbers = count(1)
        world.phones[address] = self

    # -- sending -------------------------------------------------------------------------------------------------------

    def put(self, data: bytes) -> None:
        self.world.to_proxy(data, self.address)

    def repeat(self, data: bytes, key: object, pause: float = 0.5, left: float = 32.0) -> None:
        """Send it, and again and again until `key` is in the set of what may stop."""
        if key not in self._stop and left > 0:
            self.put(data)
            self.world.later(pause, lambda: self.repeat(data, key, min(pause * 2, 4.0), left - pause))

    def write(self, method: str, uri: str, call: str, cseq: int, to: str, branch: str, *more: str) -> bytes:
        lines = [
            f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {self.address[0]}:{self.address[1]};branch={branch};rport",
            f"From: <sip:{self.user}@10.0.0.1>;tag={call}", f"To: {to}", f"Call-ID: {call}", f"CSeq: {cseq} {method}",
            "Max-Forwards: 70", f"Contact: <{self.uri}>", *more, "Content-Length: 0", "", "",
        ]  # fmt: skip
        return "\r\n".join(lines).encode()

    def branch(self) -> str:
        return f"z9hG4bK{self.user}{self.address[1]}-{next(self._numbers)}"

    def register(self, q: float) -> None:
        """Once, for longer than the world lasts."""
        to = f"<sip:{self.user}@10.0.0.1>"
        data = self.write("REGISTER", "sip:10.0.0.1", f"r-{self.uri}", 1, to, self.branch(), "Expires: 86400")
        self.world._receive(data.replace(b"\r\nExpires", b";q=%.1f\r\nExpires" % q), self.address)

    def begin(self, method: str, whom: str) -> None:
        """A request outside a dialog; an INVITE perhaps with a CANCEL to come."""
        call, branch, uri = f"{self.user}{self.address[1]}-{next(self._numbers)}", self.branch(), f"sip:{whom}@10.0.0.1"
        self.repeat(self.write(method, uri, call, 1, f"<{uri}>", branch), (branch, method))
        if method == "INVITE" and self.world.random.random() < 0.4:
            self.world.later(self.world.random.choice((0.1, 1.0, 5.0)), lambda: self._cancel(call, branch, uri))

    def _cancel(self, call: str, branch: str, uri: str) -> None:
        if ("provisional", branch) in self._stop and ("final", branch) not in self._stop:
            self.repeat(self.write("CANCEL", uri, call, 1, f"<{uri}>", branch), (branch, "CANCEL"))

    # -- receiving -----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        if self.dead:
            return
        message = read(data)
        if isinstance(message, Response):
            self._response(message)
        else:
            self._request(message)

    def _response(self, response: Response) -> None:
        branch, method = response.via.branch.decode(), response.cseq_method.decode()
        if method == "INVITE":
            self._stop |= {(branch, method), ("provisional", branch)}
        if response.status >= 200:
            self._stop |= {(branch, method), ("final", branch)}
            if method == "INVITE":
                self._acknowledge(response, branch)

    def _acknowledge(self, response: Response, branch: str) -> None:
        call, to = response.call_id.decode(), (response.first(b"to") or b"").decode()
        if response.status >= 300:
            self.put(self.write("ACK", "sip:x@10.0.0.1", call, 1, to, branch))
            return
        target = Address(response.values(b"contact")[0]).spec.decode()
        routes = [f"Route: {value.decode()}" for value in reversed(response.values(b"record-route"))]
        self.put(self.write("ACK", target, call, 1, to, self.branch(), *routes))
        if ("talk", to) not in self._stop:
            self._stop.add(("talk", to))
            if self.world.random.random() < 0.8:
                bye = self.branch()
                data = self.write("BYE", target, call, 2, to, bye, *routes)
                self.world.later(self.world.random.choice((0.0, 3.0)), lambda: self.repeat(data, (bye, "BYE")))

    def _request(self, request: Request) -> None:
        method, chance = request.method, self.world.random.random()
        key = (request.via.branch, method)
        if method == b"ACK":
            self._stop |= {("acked", request.call_id)}
        elif key in self._answers:
            self.put(self._answers[key])
        elif method == b"CANCEL":
            self._answer(request, 200)
            invite = (request.via.branch, b"INVITE")
            if invite in self._answers and not self._answers[invite].startswith(b"SIP/2.0 2"):
                self._final(487, invite)
        elif method == b"INVITE":
            self._invites[request.via.branch] = request
            self._answer(request, self.world.random.choice((100, 180, 183)))
            if chance < 0.85:
                status = self.world.random.choice((200, 200, 200, 486, 603, 404, 401, 503, 302))
                wait = self.world.random.choice((0.0, 0.2, 4.0, 40.0))
                self.world.later(wait, lambda: self._final(status, key))
        elif chance < 0.8:
            status = self.world.random.choice((200, 200, 200, 404, 503, 408))
            self.world.later(self.world.random.choice((0.0, 0.0, 2.0, 33.0)), lambda: self._answer(request, status))

    def _final(self, status: int, key: tuple[bytes, bytes]) -> None:
        if ("done", key) in self._stop:
            return
        self._stop.add(("done", key))
        self._answers[key] = data = self._compose(self._invites[key[0]], status)
        self.repeat(data, ("acked", self._invites[key[0]].call_id))

    def _answer(self, request: Request, status: int) -> None:
        data = self._answers[request.via.branch, request.method] = self._compose(request, status)
        self.put(data)

    def _compose(self, request: Request, status: int) -> bytes:
        names = (b"via", b"record-route", b"from", b"to", b"call-id", b"cseq")
        lines = [request.lines[position] for name in names for position in request.where.get(name, ())]
        if status > 100 and not request.to_tag:
            to = request.lines[request.where[b"to"][0]]
            lines[lines.index(to)] = to + b";tag=%b%d" % (self.user.encode(), self.address[1])
        lines += [b"Contact: <sip:bob@10.0.0.1>" if status == 302 else f"Contact: <{self.uri}>".encode()]
        return b"\r\n".join((b"SIP/2.0 %d X" % status, *lines, b"Content-Length: 0", b"", b""))


class Witness:
    """Remembers all that the engine received and sent, and objects to what must not be."""

    def __init__(self) -> None:
        self._heard: Counter[tuple[Place, bytes]] = Counter()
        self._said: set[tuple[Flow, bytes]] = set()
        self._copy = False
        self._forwarded: dict[tuple[bytes, bytes, int, Flow], set[bytes]] = defaultdict(set)
        self._provisional: set[bytes] = set()
        self._ended: set[bytes] = set()
        self._cancelled: set[bytes] = set()
        self.told: set[tuple[bytes, bytes]] = set()
        self.asked: set[tuple[bytes, bytes, Place]] = set()
        self.answered: dict[tuple[bytes, bytes, Place], list[bytes]] = defaultdict(list)

    def received(self, message: Message, data: bytes, source: Place, sends: list[Send], alive: bool) -> None:
        """Called before `sent` is, for each of what that made the engine send."""
        self._heard[source, data] += 1
        self._copy = self._heard[source, data] > 1
        if isinstance(message, Request):
            if message.method not in (b"ACK", b"REGISTER"):
                self.asked.add((message.via.branch, message.method, source))
            return
        branch, method = message.via.branch, message.cseq_method
        if not alive or method == b"CANCEL":
            return
        if method != b"INVITE":
            if message.status >= 200 and message.status != 408:  # which nobody may send on (RFC 4320 §4.2)
                self.told.add((Via(message.values(b"via")[1]).branch, method))
        elif message.status < 200:
            self._provisional.add(branch)
        else:
            self._ended.add(branch)
            self._invite_ended(message, sends)

    def _invite_ended(self, message: Response, sends: list[Send]) -> None:
        out = [(send.data, read(send.data)) for send in sends]
        if message.status < 300:
            up = [to for data, to in out if data.startswith(b"SIP/2.0 2") and to.to_tag == message.to_tag]
            assert len(up) == 1, "§16.7 item 5: every 2xx to an INVITE is forwarded"
        else:
            acks = [to for data, to in out if data.startswith(b"ACK ") and to.via.branch == message.via.branch]
            assert len(acks) == 1, "§17.1.1.3: what is no 2xx is acknowledged"

    def sent(self, send: Send) -> None:
        """Called for each Send, in order."""
        key = (send.flow, send.data)
        if key in self._said:
            assert send.cause in REPEATING or (isinstance(send.cause, int) and self._copy), "sent twice without a cause"
        self._said.add(key)
        message = read(send.data)
        if isinstance(message, Response):
            self._response(message, send)
        elif message.method == b"CANCEL":
            assert message.via.branch in self._provisional, "§9.1: no CANCEL before a provisional response"
            self._cancelled.add(message.via.branch)
        elif message.method != b"ACK":
            copies = self._forwarded[message.call_id, message.method, message.cseq, send.flow]
            copies.add(send.data)
            assert len(copies) == 1, "one request, one target, one branch"

    @property
    def left_ringing(self) -> set[bytes]:
        """Phones that know of a call, have not answered it, and were never told that it is over."""
        return self._provisional - self._ended - self._cancelled

    def _response(self, message: Response, send: Send) -> None:
        sent = self.answered[message.via.branch, message.cseq_method, send.flow.remote]
        if send.data in sent:
            return
        finals = [data[8:11] for data in sent if data[8:9] != b"1"]
        if message.status < 200:
            assert not finals, "a provisional response behind a final one"
        elif message.status < 300 and message.cseq_method == b"INVITE":
            pass  # a 2xx may come behind anything (§16.7 item 5)
        else:
            assert not finals, f"{message.status} is a second final response, behind {finals}"
        sent.append(send.data)


def play(seed: int) -> None:
    """One world with a handful of phones and calls, until all is over."""
    world = World(seed)
    chance = world.random
    callers = [Phone(world, "alice", ("10.0.1.1", 5060)), Phone(world, "carol", ("10.0.1.2", 5060))]
    phones = callers + [Phone(world, "bob", ("10.0.2.1", 5060 + number)) for number in range(chance.choice((1, 2, 3)))]
    for caller in callers:
        caller.dead = False
    for phone in phones:
        phone.register(chance.choice((1.0, 1.0, 0.5)))
    for _ in range(chance.choice((1, 3))):
        method = chance.choice(("INVITE", "INVITE", "INVITE", "MESSAGE"))
        caller, whom = chance.choice(callers), chance.choice(("bob", "bob", "bob", "carol", "nobody"))
        world.later(chance.choice((0.0, 0.1, 1.0)), lambda c=caller, m=method, w=whom: c.begin(m, w))  # type: ignore[misc]
    if chance.random() < 0.2:
        world.later(chance.choice((0.1, 0.5, 5.0)), lambda: world.lose(phones[-1].address))
    world.run(600.0)
    witness = world.witness
    for key in witness.asked:
        if key[1] in (b"INVITE", b"CANCEL") or key[:2] in witness.told:
            finals = [data for data in witness.answered[key] if data[8:9] != b"1"]
            assert finals, f"nobody ever answered the {key[1]!r}"
    assert not witness.left_ringing, "§16.7 item 10, §16.8: no phone rings for ever"
    assert world.engine.load["transactions"] == 0
    world.run(14 * 3600.0)
    told = Counter((event.call, event.kind) for event in world.engine.events() if isinstance(event, CallEvent))
    for call in {call for call, _ in told}:
        assert told[call, "calling"] <= 1 and told[call, "started"] <= 1 and told[call, "ringing"] <= 1
        ends = sum(told[call, kind] for kind in ENDS)
        assert ends == 1 or (not ends and not told[call, "started"]), "only a 3xx or a challenge leaves a call open"
    assert world.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": len(phones)}


@given(st.integers(min_value=0, max_value=2**32))
@example(0)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_whatever_the_network_does_the_rules_hold(seed: int) -> None:
    play(seed)
