"""The engine measured from inside, on a virtual clock, where SIPp would need hours: large tables, and where time goes.

Run in a process of its own: `python -m bench.inside users 1000000`, `… calls 100000`, `… profile`; prints JSON.
"""

from __future__ import annotations

import cProfile
import gc
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from threading import Lock

from bench import processes
from bench.peers import HERE
from sipfullproxy.engine.config import Config
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.randomness import Pool
from sipfullproxy.guard import Guard
from sipfullproxy.journal.text import TextJournal

PROXY = ("10.0.0.1", 5060)
BATCH = 200
"""Calls in one measurement, some 0.1 s."""
BATCHES = 15
SECOND = 1e-3
"""Virtual seconds between two calls: 1,000 calls a second."""
SETTLED = 70.0
"""Virtual seconds after which nothing but calls and bindings is left of what was (RFC 3261: 64 × T1, twice)."""
STEPS = ("INVITE", "180", "200", "ACK", "BYE", "200 to BYE")
TEN = 10
FUNCTIONS = 30
"""Rows of the table of `--profile`."""


class Bench:
    """An engine with its lock and the text journal, and phones that say what is due.

    The database is left out: it writes on a thread of its own, in real time. `bench.plan` measures it with the rest.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.folder = tempfile.TemporaryDirectory(prefix="sip-bench-")
        self.journal = TextJournal(Path(self.folder.name) / "proxy.log", time.time(), "en")
        self.engine = Engine(Config(address=PROXY, flow_key=b"bench"), Pool(os.urandom))
        self.core = Guard(self.engine, Lock(), lambda passage: None, self._publish)
        self.spent = dict.fromkeys((*STEPS, "timers", "REGISTER"), 0.0)
        self.calls = 0

    def _publish(self, events: list[Event]) -> None:
        self.journal(events)

    def receive(self, step: str, text: str, user: int) -> list[Send]:
        """A message of a user arrives; counted under `step`."""
        data, flow = text.encode(), Flow("udp", PROXY, _address(user))
        begin = time.process_time()
        sends = self.core.receive(data, flow, self.now)
        self.spent[step] += time.process_time() - begin
        return sends

    def advance(self, seconds: float) -> None:
        """Let time go by, as the door does: its timers are looked at every now and then."""
        self.now += seconds
        begin = time.process_time()
        due = self.core.next_timer()
        if due is not None and due <= self.now:
            self.core.tick(self.now)
        self.spent["timers"] += time.process_time() - begin

    def register(self, user: int) -> None:
        """A user registers, or comes again."""
        self.calls += 1
        self.receive("REGISTER", _REGISTER.format(**_facts(user), number=self.calls), user)

    def begin(self, caller: int, callee: int) -> tuple[list[str], str, str]:
        """A call, up to its ACK. Returns what `end` needs."""
        self.calls += 1
        facts = {**_facts(caller), "whom": f"u{callee}", "number": self.calls}
        target = "sip:u{}@{}:{}".format(callee, *_address(callee))
        sends = self.receive("INVITE", _INVITE.format(**facts, body=_SDP), caller)
        invite = next(send.data for send in sends if send.data.startswith(b"INVITE")).decode()
        self.receive("180", _answer(invite, "180 Ringing", target), callee)
        sends = self.receive("200", _answer(invite, "200 OK", target, _SDP), callee)
        routes = [
            f"Route: {line.partition(': ')[2]}"
            for line in sends[0].data.decode().split("\r\n")
            if line.startswith("Record-Route")
        ]
        self.receive(
            "ACK", _WITHIN.format(**facts, method="ACK", target=target, cseq=1, routes="\r\n".join(routes)), caller
        )
        return routes, _WITHIN.format(**facts, method="BYE", target=target, cseq=2, routes="\r\n".join(routes)), target

    def end(self, caller: int, callee: int, begun: tuple[list[str], str, str]) -> None:
        """The call's BYE and its answer."""
        sends = self.receive("BYE", begun[1], caller)
        bye = next(send.data for send in sends if send.data.startswith(b"BYE")).decode()
        self.receive("200 to BYE", _answer(bye, "200 OK", begun[2]), callee)

    def call(self, caller: int, callee: int) -> None:
        """A whole call."""
        self.end(caller, callee, self.begin(caller, callee))
        self.advance(SECOND)

    def batch(self, users: int, offset: int) -> float:
        """Microseconds of CPU for one call, over a batch of calls among users that lie far apart."""
        before = sum(self.spent.values())
        for number in range(BATCH):
            # A prime as the stride: all over the tables, and the same ones each time that the benchmark runs.
            caller = (offset + number) * 7919 % users
            self.call(caller, (caller + 1) % users)
        return (sum(self.spent.values()) - before) / BATCH * 1e6

    def settle(self) -> None:
        """Let the transactions go that the preparations have left."""
        for _ in range(round(SETTLED)):
            self.advance(1.0)
        gc.collect()


def growth(grow: Callable[[Bench, int], None], sizes: list[int], users: Callable[[int], int]) -> list[dict[str, float]]:
    """Cost of a call at each size against the smallest one, in turn; and what memory the growth took."""
    small, large = Bench(), Bench()
    grow(small, sizes[0])
    small.settle()
    rows: list[dict[str, float]] = []
    reached = 0
    for size in sizes:
        before, held = processes.memory(os.getpid()), reached
        grow(large, size)
        large.settle()
        reached = size
        memory = processes.memory(os.getpid()) - before
        pairs = [(small.batch(users(sizes[0]), n * BATCH), large.batch(users(size), n * BATCH)) for n in range(BATCHES)]
        rows.append({
            "size": size, "cost": median(b for _, b in pairs), "ratio": median(b / a for a, b in pairs),
            "bytes": memory / (size - held),
        })  # fmt: skip
    return rows


def register_up_to(bench: Bench, users: int) -> None:
    """Have so many users registered in all."""
    for user in range(bench.engine.load["bindings"], users):
        bench.register(user)
        if user % 100 == 0:
            bench.advance(0.1)


def call_up_to(bench: Bench, calls: int) -> None:
    """Have so many calls in progress in all, each begun a virtual millisecond after the one before."""
    register_up_to(bench, 1000)
    for number in range(bench.engine.load["calls"], calls):
        bench.begin(number % 999, number % 999 + 1)
        bench.advance(SECOND)


def profile(calls: int = 3000) -> dict[str, object]:
    """Where the time of a call goes: by message, unobserved; by file and function, as cProfile sees it."""
    bench = Bench()
    register_up_to(bench, 100)
    for _ in range(calls // BATCH):
        bench.batch(100, 0)
    bench.spent = dict.fromkeys(bench.spent, 0.0)
    gc.disable()  # it would come in the middle of any message; its share is told by itself
    for _ in range(calls // BATCH):
        bench.batch(100, 0)
    gc.enable()
    done = calls // BATCH * BATCH
    messages = {step: spent / done * 1e6 for step, spent in bench.spent.items() if step != "REGISTER"}
    collections: list[float] = []
    gc.callbacks.append(_collections(collections))
    for _ in range(calls // BATCH):
        bench.batch(100, 0)
    collector = {
        "passes": len(collections),
        "us_per_call": sum(collections) / done * 1e6,
        "longest_ms": max(collections, default=0.0) * 1e3,
    }
    observer = cProfile.Profile(time.process_time, builtins=False)  # their time is their caller's
    observer.enable()
    bench.batch(100, 0)
    observer.disable()
    rows = sorted(_rows(observer), key=lambda row: -row[1])
    whole = sum(own for _, own, _ in rows)
    return {
        "messages": messages, "collector": collector,
        "functions": [
            {"where": where, "share": own / whole, "calls": count / BATCH} for where, own, count in rows[:FUNCTIONS]
        ],
    }  # fmt: skip


def _rows(observer: cProfile.Profile) -> Iterator[tuple[str, float, int]]:
    for (file, _, name), (_, count, own, _, _) in pstats.Stats(observer).stats.items():  # type: ignore[attr-defined]
        if not file.startswith(str(HERE)):
            _, ours, place = file.rpartition("sipfullproxy/")
            place = place if ours else Path(file).name
            yield f"{place}: {name}", own, count


def _collections(times: list[float]) -> Callable[[str, dict[str, int]], None]:
    """A callback for gc.callbacks that keeps how long each pass of the garbage collector took (seconds)."""

    def see(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            times.append(-time.process_time())
        elif times:
            times[-1] += time.process_time()

    return see


def _address(user: int) -> tuple[str, int]:
    return f"10.{user >> 14 & 255}.{user >> 6 & 255}.{user & 63}", 5060


def _facts(user: int) -> dict[str, object]:
    host, port = _address(user)
    return {"user": f"u{user}", "host": host, "port": port, "proxy": PROXY[0]}


def _answer(request: str, status: str, target: str, body: str = "") -> str:
    lines = [
        line
        for line in request.split("\r\n")
        if line.startswith(("Via", "Record-Route", "From", "To", "Call-ID", "CSeq"))
    ]
    lines = [f"{line};tag=there" if line.startswith("To:") and ";tag=" not in line else line for line in lines]
    kind = ["Content-Type: application/sdp"] * bool(body)
    return "\r\n".join(
        [f"SIP/2.0 {status}", *lines, f"Contact: <{target}>", *kind, f"Content-Length: {len(body)}", "", body]
    )


_VIA = "Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{number}{kind};rport\r\n"
_ENDS = "Max-Forwards: 70\r\nContact: <sip:{user}@{host}:{port}>\r\n"
_REGISTER = (
    "REGISTER sip:{proxy} SIP/2.0\r\n" + _VIA.replace("{kind}", "r")
    + "From: <sip:{user}@{proxy}>;tag=r{number}\r\nTo: <sip:{user}@{proxy}>\r\nCall-ID: r{number}\r\n"
    "CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n"
    'Contact: <sip:{user}@{host}:{port}>;+sip.instance="<urn:uuid:{user}>"\r\nExpires: 86400\r\n'
    "User-Agent: bench\r\nContent-Length: 0\r\n\r\n"
)  # fmt: skip
_SDP = (
    "v=0\r\no=caller 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 7078 RTP/AVP 96 0 8 101\r\n"
    "a=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
)
_INVITE = (
    "INVITE sip:{whom}@{proxy} SIP/2.0\r\n" + _VIA.replace("{kind}", "i")
    + "From: <sip:{user}@{proxy}>;tag=f{number}\r\nTo: <sip:{whom}@{proxy}>\r\nCall-ID: c{number}@{host}\r\n"
    "CSeq: 1 INVITE\r\n" + _ENDS + "User-Agent: bench\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY\r\n"
    f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n\r\n{{body}}"
)  # fmt: skip
_WITHIN = (
    "{method} {target} SIP/2.0\r\n" + _VIA.replace("{kind}", "{method}") + "{routes}\r\n"
    "From: <sip:{user}@{proxy}>;tag=f{number}\r\nTo: <sip:{whom}@{proxy}>;tag=there\r\nCall-ID: c{number}@{host}\r\n"
    "CSeq: {cseq} {method}\r\n" + _ENDS + "Content-Length: 0\r\n\r\n"
)


def sizes(first: int, last: int) -> list[int]:
    """From the first to the last, ten times as many each."""
    return [first] if first >= last else [first, *sizes(first * TEN, last)]


def main(what: str, last: int = 0) -> object:
    """See the top of the file."""
    if what == "users":
        return growth(register_up_to, sizes(100, last), lambda size: size)
    if what == "calls":
        return growth(call_up_to, sizes(10, last), lambda size: 1000)
    return profile()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
