"""What a peer is given to do, by SIPp, and whether it was done: all of it, once, with the same messages on the wire."""

from __future__ import annotations

import csv
import resource
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from bench.network import datagrams, isolated, opened
from bench.peers import CALLEES, CALLERS, FIRST_PORT, HERE, HOST, PAIRS, Peer, PeerError, Running
from bench.processes import LOAD_CPUS, start

SCENARIOS = HERE / "scenarios"

# SIPp takes some ports for media from here on, though none is sent; its default, 6000, would be one for all.
MEDIA_PORT, MEDIA_PORTS = 20_000, 4
# Seconds for the last messages of the last call to arrive.
LAST_MESSAGES = 0.2
# Seconds between two looks whether those who wait for calls are there.
GLANCE = 0.02
# Seconds that a run may take beyond what it should; SIPp gives up a call after 32 s, and nobody waits for that.
PATIENCE = 8.0
# The load generator is the limit when its cores are busier than this share, or it offers less than this of what was
# asked.
BUSY, ASKED = 0.85, 0.97


class Run(NamedTuple):
    """One SIPp: its scenario, its port (counted from the peer's), its options."""

    scenario: str
    port: int
    options: tuple[str, ...]


class Work(Protocol):
    """Something to be done by a peer.

    amount: how many calls or registrations it is. rate: how many a second. seconds: how long it takes. tail: how long
    nothing begins any more at its end. each: how many of them SIPp counts as one.
    """

    @property
    def amount(self) -> int: ...
    @property
    def each(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def tail(self) -> float: ...
    @property
    def rate(self) -> float: ...
    def datagrams(self, peer: Peer) -> int:
        """How many the peer must have taken and sent in all."""

    def runs(self, peer: Peer, folder: Path) -> tuple[list[Run], list[Run]]:
        """Who waits for calls, and who makes them."""


@dataclass(frozen=True)
class Calls:
    """Session attempts (RFC 7501): so many a second for so long, each answered at once and held for `hold` seconds."""

    rate: float
    duration: float
    hold: float = 0.0
    each = 1

    @property
    def amount(self) -> int:
        return max(round(self.rate * self.duration / PAIRS), 1) * PAIRS

    @property
    def seconds(self) -> float:
        return self.duration + self.hold

    @property
    def tail(self) -> float:
        return self.hold

    def datagrams(self, peer: Peer) -> int:
        """See `Work`."""
        return peer.datagrams * self.amount

    def runs(self, peer: Peer, folder: Path) -> tuple[list[Run], list[Run]]:
        """See `Work`."""
        calls, rate = str(self.amount // peer.pairs), f"{self.rate / peer.pairs:.3f}"
        waiting = [Run("callee", CALLEES + pair, ("-m", calls, "-s", f"u{pair}")) for pair in range(peer.pairs)]
        calling = [
            Run("caller", CALLERS + pair,
                ("-m", calls, "-l", calls, "-r", rate, "-s", f"u{pair}", "-d", str(round(self.hold * 1000))))
            for pair in range(peer.pairs)
        ]  # fmt: skip
        return waiting, calling


@dataclass(frozen=True)
class Refreshes:
    """Registrations (RFC 7501) of users who are known, so many a second: each comes again after `every` seconds."""

    rate: float
    duration: float
    every: float = 1.0

    @property
    def users(self) -> int:
        return max(round(self.rate * self.every / PAIRS), 1) * PAIRS

    @property
    def each(self) -> int:
        return max(round(self.duration / self.every), 1)

    @property
    def amount(self) -> int:
        return self.users * self.each

    @property
    def seconds(self) -> float:
        return self.duration + self.every

    @property
    def tail(self) -> float:
        return self.every

    def datagrams(self, peer: Peer) -> int:
        """See `Work`."""
        return 2 * self.amount

    def runs(self, peer: Peer, folder: Path) -> tuple[list[Run], list[Run]]:
        """See `Work`."""
        users = self.users // PAIRS
        options = (
            "-m",
            str(users),
            "-l",
            str(users),
            "-r",
            f"{users / self.every:.3f}",
            "-d",
            f"{self.every * 1000:.0f}",
        )
        return [], [
            Run(
                "refresh", CALLERS + pair, (*options, "-inf", names(folder / f"r{pair}", f"r{pair}-", users, self.each))
            )
            for pair in range(PAIRS)
        ]


@dataclass(frozen=True)
class Registrations:
    """Users who register for the first time."""

    rate: float
    users: int
    prefix: str = "n"
    each = 1

    @property
    def amount(self) -> int:
        return self.users

    @property
    def seconds(self) -> float:
        return self.users / self.rate

    tail = 0.0

    def datagrams(self, peer: Peer) -> int:
        """See `Work`."""
        return 2 * self.users

    def runs(self, peer: Peer, folder: Path) -> tuple[list[Run], list[Run]]:
        """See `Work`."""
        file = names(folder / self.prefix, self.prefix, self.users)
        return [], [Run("register", CALLERS, ("-m", str(self.users), "-r", f"{self.rate:.3f}", "-inf", file))]


def names(file: Path, prefix: str, count: int, times: int = 1) -> str:
    """The file of users that SIPp reads: a name and a number on each line. Returns its path."""
    file.write_text("SEQUENTIAL\n" + "".join(f"{prefix}{number};{times};\n" for number in range(count)))
    return str(file)


@dataclass
class Outcome:
    """What became of some work.

    done, failed: calls. repeated: retransmissions that SIPp sent. strange: messages that SIPp did not expect.
    rate: calls that were begun, per second. elapsed: seconds from the first call until the last one was over, or given
    up. busy: share of the load generator's cores that it used. cpu: of the peer while the work was done (seconds).
    taken, sent, dropped: datagrams; None where not only ours would be counted.
    """

    asked: float
    amount: int
    done: int = 0
    failed: int = 0
    repeated: int = 0
    strange: int = 0
    rate: float = 0.0
    elapsed: float = 0.0
    busy: float = 0.0
    cpu: float = 0.0
    expected: int = 0
    taken: int | None = None
    sent: int | None = None
    dropped: int | None = None
    broken: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Why this is no measurement; empty if it is one."""
        found = list(self.broken)
        if self.done != self.amount:
            found.append(f"{self.amount - self.done} of {self.amount} not completed")
        for count, what in (
            (self.failed, "failed"), (self.repeated, "retransmissions"), (self.strange, "unexpected messages"),
            (self.dropped or 0, "datagrams dropped for a full buffer"),
        ):  # fmt: skip
            if count:
                found.append(f"{count} {what}")
        for counted, what in ((self.taken, "received"), (self.sent, "sent")):
            if counted is not None and counted != self.expected:
                found.append(f"{counted} datagrams {what} where {self.expected} were due")
        return found

    @property
    def generator_limit(self) -> str:
        """Why the load generator, and not the peer, may have been the limit; empty if it was not."""
        if self.busy > BUSY:
            return f"SIPp used {self.busy:.0%} of its cores"
        if self.rate < ASKED * self.asked:
            return f"SIPp offered {self.rate:.0f}/s where {self.asked:.0f}/s were asked"
        return ""


def drive(running: Running, work: Work) -> Outcome:
    """Have the work done, once. Takes `work.seconds` and a moment; never much more than that."""
    peer, folder = running.peer, running.folder
    outcome = Outcome(work.rate, work.amount, expected=work.datagrams(peer))
    limit = work.seconds + PATIENCE
    waiting, calling = work.runs(peer, folder)
    before, spent, begin = datagrams(), running.cpu, time.monotonic()
    used = _used()
    answering = [_Sipp(running, run, limit) for run in waiting]
    while {sipp.port for sipp in answering} - opened() and time.monotonic() < begin + PATIENCE:
        time.sleep(GLANCE)  # SIPp does not tell when its port is open
    first = time.monotonic()
    asking = [_Sipp(running, run, limit) for run in calling]
    for sipp in asking:
        sipp.wait(begin + limit + 2)
    last = time.monotonic()
    # Who waits for calls that were refused waits in vain, and no call is longer for that.
    for sipp in answering:
        sipp.wait(last + 2)
    elapsed = time.monotonic() - begin
    time.sleep(LAST_MESSAGES)
    outcome.elapsed = last - first
    outcome.cpu = running.cpu - spent
    outcome.busy = (_used() - used) / elapsed / len(LOAD_CPUS)
    if isolated():
        counted = datagrams().since(before)
        outcome.taken, outcome.sent, outcome.dropped = counted
    for sipp in asking:
        sipp.count(outcome, work.tail)
    outcome.rate *= work.each
    for sipp in answering:
        sipp.count(outcome)
    outcome.done *= work.each
    return outcome


class _Sipp:
    """One SIPp at work. port: its own."""

    def __init__(self, running: Running, run: Run, limit: float) -> None:
        self._file = running.folder / f"{run.scenario}-{run.port}.csv"
        self._file.unlink(missing_ok=True)
        self.port = running.port + run.port
        media = MEDIA_PORT + MEDIA_PORTS * (self.port - FIRST_PORT)
        self._process = start(
            [
                "sipp", f"{HOST}:{running.port}", "-sf", str(SCENARIOS / f"{run.scenario}.xml"), "-i", HOST,
                "-p", str(self.port), "-mp", str(media), "-nostdin", "-trace_stat", "-stf", str(self._file), "-fd",
                "1h", "-timeout", f"{limit:.0f}s", "-timeout_error", "-timer_resol", "1", "-buff_size", str(1 << 20),
                "-max_recv_loops", "100", *run.options,
            ],
            LOAD_CPUS, running.folder,
        )  # fmt: skip

    def wait(self, until: float) -> None:
        """Until it has ended, or that time (monotonic seconds) is over; then it is ended."""
        try:
            self._process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def count(self, outcome: Outcome, tail: float | None = None) -> None:
        """Add what it counted. tail: see `Work`, of one that makes calls."""
        rows: list[dict[str, str]] = []
        if self._file.exists():
            with self._file.open(encoding="latin-1") as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        if not rows:
            outcome.broken.append("SIPp did not start")
            return
        row = rows[-1]
        outcome.failed += int(row["FailedCall(C)"])
        outcome.repeated += int(row["Retransmissions(C)"])
        outcome.strange += int(row["OutOfCallMsgs(C)"]) + int(row["DeadCallMsgs(C)"])
        if tail is not None:
            outcome.done += int(row["SuccessfulCall(C)"])
            first, last = (float(row[column].split("\t")[-1]) for column in ("StartTime", "CurrentTime"))
            outcome.rate += int(row["OutgoingCall(C)"]) / max(last - first - tail, 1e-3)


def _used() -> float:
    """Seconds of CPU of all programs that we have started and seen to their end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def register(running: Running) -> None:
    """The two ends of each pair register, from the ports that they will call from. Raises PeerError."""
    if not running.peer.registers:
        return
    for pair in range(running.peer.pairs):
        for name, port in ((f"u{pair}", CALLEES), (f"caller{pair}", CALLERS)):
            file = running.folder / "users"
            file.write_text(f"SEQUENTIAL\n{name};\n")
            sipp = _Sipp(running, Run("register", port + pair, ("-m", "1", "-inf", str(file))), PATIENCE)
            sipp.wait(time.monotonic() + PATIENCE)
            outcome = Outcome(1, 1)
            sipp.count(outcome, 0.0)
            if outcome.problems:
                raise PeerError(f"{running.peer.title}: {name} could not register: {'; '.join(outcome.problems)}")
