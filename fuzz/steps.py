"""What may happen to an engine, as bytes: an input is a list of steps that a fuzzer can change one at a time.

The first byte chooses the settings of the proxy. Steps follow, each behind an 0x1E. A step's first byte says what
happens, its second on which way:

    m  a message comes in: the rest of the step, as it is
    a  who is there answers the last request that he got: the status in three digits, then lines of his own
    n  the DNS answers the oldest question: with where that way leads, or with nothing
    t  time goes by: as many seconds as the second byte says
    l  the way is lost

Alice and Bob talk already, and a second call rings; so whatever comes may be for either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fuzz.message import unmistakable
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.locating import Found, Hop
from sipfullproxy.engine.lookups import Question
from sipfullproxy.journal.passage import Passage
from sipfullproxy.sip.framing import Framer
from sipfullproxy.sip.message import Request, parse
from tests.helpers import PROXY, Lab, call
from tests.logins import users

STEP = b"\x1e"

WAYS = (
    Flow("udp", PROXY, ("10.0.0.10", 5060)),  # alice
    Flow("udp", PROXY, ("10.0.0.11", 5060)),  # bob
    Flow("tcp", PROXY, ("10.0.0.12", 40000), 1),  # carol
    Flow("udp", PROXY, ("203.0.113.66", 5060)),  # a stranger
    Flow("tcp", PROXY, ("203.0.113.66", 40000), 2),  # and another
)

PROXIES: tuple[dict[str, Any], ...] = (
    {"open": True},
    {},
    {"users": users(calls=True), "bans": True, "silent": True},
    {"open": True, "resolve": True, "forward": {b"bob": Rule(busy="carol", no_answer="alice", after=3)}},
)

MOST_STEPS = 24
"""Steps of one input that are made: a longer one is slower, and no worse."""

MOST_SENDS = 64
"""What one step may at most make the proxy send: it answers, and rings each phone of one user."""


@dataclass
class Played:
    """What became of it. passages, events: in order, as the journal gets them. questions: to the DNS, unanswered."""

    engine: Engine
    passages: list[Passage] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    _asked: dict[Flow, Request] = field(default_factory=dict)

    def receive(self, data: bytes, way: Flow, now: float) -> None:
        """A message arrives."""
        self.note(now, way, data, self.engine.receive(data, way, now))

    def note(self, now: float, way: Flow | None, data: bytes | None, sends: list[Send]) -> None:
        """Look at what is sent, and keep it."""
        assert len(sends) <= MOST_SENDS
        for send in sends:
            well_formed(send)
            message = parse(send.data)
            if isinstance(message, Request):
                self._asked[send.flow] = message
        self.passages.append(Passage(now, self.engine.serial, way, data, sends))
        self.events += self.engine.events()
        self.questions += self.engine.questions()

    def answer(self, way: Flow, wanted: bytes) -> bytes:
        """What who is there would say to the last request that he got; b"" where there was none."""
        request = self._asked.get(way)
        if request is None:
            return b""
        names = (b"via", b"record-route", b"from", b"to", b"call-id", b"cseq")
        lines = [request.lines[position] for name in names for position in request.where.get(name, ())]
        return b"\r\n".join((b"SIP/2.0 %b Fine" % wanted[:3], *lines, wanted[3:]))


def well_formed(send: Send) -> None:
    """What leaves the proxy is SIP; a request can be read in one way only; and what leaves by a stream has an end.

    An answer to what was broken holds what it held, so of answers less can be said.
    """
    message = parse(send.data)
    assert 0 < send.flow.remote[1] < 65536
    if isinstance(message, Request):
        message.check()
        unmistakable(message)
        if send.flow.reliable:
            assert Framer().feed(send.data) == [send.data]


def play(data: bytes) -> Played:
    """Make the steps of an input, then let time go by until all is over. Every table is empty then."""
    settings = PROXIES[data[0] % len(PROXIES)] if data else {}
    lab = scene(settings)
    played, now = Played(lab.engine), lab.now
    for step in data[1:].split(STEP)[1 : MOST_STEPS + 1]:
        kind, where, rest = step[:1], step[1:2] or b"\0", step[2:]
        way = WAYS[where[0] % len(WAYS)]
        if kind == b"m":
            played.receive(rest, way, now)
        elif kind == b"a":
            played.receive(played.answer(way, rest), way, now)
        elif kind == b"n" and played.questions:
            found = Found() if rest else Found((Hop(way.transport, *way.remote, ("example.net",)),))
            played.note(now, None, None, lab.engine.resolved(played.questions.pop(0).id, found, now))
        elif kind == b"t":
            now = wait(played, now, now + where[0])
        elif kind == b"l":
            played.note(now, None, None, lab.engine.lost(way, now))
    wait(played, now, float("inf"))
    assert set(lab.engine.load.values()) == {0}, lab.engine.load
    return played


def scene(settings: dict[str, Any]) -> Lab:
    """Always the very same: a lab draws its random numbers in a row."""
    lab = Lab(domains=frozenset({"example.com"}), **settings)
    if "users" not in settings:
        alice, bob = lab.registered("alice", "bob")
        call(alice, bob)
        alice.invite("bob", call_id="ringing", branch="z9hG4bKringing", headers=("Supported: 100rel",))
        bob.ring(bob.takes("INVITE"))
    return lab


def wait(played: Played, now: float, until: float) -> float:
    """Let time go by; each timer fires when it is due. Returns the time that it is then."""
    engine = played.engine
    while (at := engine.next_timer()) is not None and at <= until:
        now = max(now, at)
        played.note(now, None, None, engine.tick(now))
    return now if until == float("inf") else until
