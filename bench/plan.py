"""What is measured, and what it should be: the goals of the project, each with its figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from bench import measure
from bench.figures import Figure, Goal
from bench.load import Calls, Registrations, Work, drive, register
from bench.load import Refreshes as Refreshing
from bench.measure import say
from bench.peers import (
    HERE,
    KAMAILIO,
    OURS,
    PYPY,
    PYPY_COMMAND,
    RELAY,
    SIPPY,
    TWO,
    Peer,
    PeerError,
    Running,
    all_running,
    running,
)
from bench.probe import Probe

RATE = 1000.0
"""Calls a second of the goals; halved until every peer can do it."""
FIFTH = 0.2
"""The share of a core for overload, so that the peer is the limit and not the load generator."""
SETTLED = 5.0
"""Seconds after its start until a peer is idle when nobody calls: ours loads its page behind its first answer."""
LONGEST_INSIDE = 1800
"""Seconds that a measurement inside the engine may take."""
SETTLING = 60_000
"""Registrations after which nothing of a proxy grows but its bindings: by then its tape is full (64 MB; one takes
1.6 kB), and transactions end as fast as they begin (they last 32 s, these take 40)."""


def present(*peers: Peer) -> list[Peer]:
    """Those that are installed; the others are told."""
    for peer in peers:
        if not peer.installed:
            say(f"  {peer.title} is not installed: left out")
    return [peer for peer in peers if peer.installed]


def cpu(quick: bool) -> list[Figure]:
    """CPU per call, at once and held."""
    peers = present(OURS, PYPY, KAMAILIO, RELAY)
    rate, figures = RATE, []
    while rate > RATE / 8:
        for hold in (0.0,) if quick else (0.0, 3.0):
            held = f", held for {hold:g} s" if hold else ""
            figure = Figure(
                f"CPU per call at {rate:,.0f} calls/s{held}", "µs", "session attempt rate, RFC 7501", plot=True
            )
            figure.goals = [Goal(0.60, "kamailio"), Goal(4, "relay")]
            with _ready(peers, Calls(rate, 3)) as runnings:
                measure.cpu_per_call(figure, runnings, Calls(rate, 3, hold), rounds=6 if quick else 15)
            figures.append(figure)
        if figures[-1].valid:
            break
        rate /= 2
    return figures


def workers(quick: bool) -> list[Figure]:
    """CPU per call of two processes on one port, by that of one; both on one core, so that the caches are shared."""
    costs = Figure("CPU per call with two workers", "µs")
    with _ready([OURS, TWO]) as runnings:
        measure.cpu_per_call(costs, runnings, Calls(RATE / 2, 3), rounds=6 if quick else 15)
    figure = Figure(f"CPU per call at {RATE / 2:,.0f} calls/s, two workers against one", "ratio", goals=[Goal(1.2)])
    figure.problems = costs.problems
    for one, two in zip(costs.rounds.get(OURS.name, []), costs.rounds.get(TWO.name, []), strict=False):
        figure.add("ours", two / one if one and two else None)
    return [figure]


def b2bua(quick: bool) -> list[Figure]:
    """CPU per call beside sippy's B2BUA, at a rate that it can do."""
    peers = present(OURS, SIPPY)
    if len(peers) < 2:
        return []
    figure = Figure("CPU per call at 50 calls/s", "µs", "session attempt rate, RFC 7501")
    with _ready(peers) as runnings:
        measure.cpu_per_call(figure, runnings, Calls(50, 4), rounds=3 if quick else 8)
    return [figure]


def refresh(quick: bool) -> list[Figure]:
    """CPU per registration of a user who is known."""
    figure = Figure("CPU per REGISTER refresh at 1,000/s", "µs", "re-registration rate, RFC 7501", plot=True)
    figure.goals = [Goal(0.8, "kamailio")]
    with _ready(present(OURS, PYPY, KAMAILIO), Refreshing(RATE, 4)) as runnings:
        measure.cpu_per_call(figure, runnings, Refreshing(RATE, 4), rounds=4 if quick else 10)
    return [figure]


def rate(quick: bool) -> list[Figure]:
    """The highest rate without a failed call: with a core; with a fifth, where the generator cannot be the limit."""
    figures = []
    for share, low, high in ((1.0, 200, 6000), (FIFTH, 40, 1200)):
        name = "Highest rate without a failed call, " + ("one core" if share == 1 else "a fifth of a core")
        figure = Figure(name, "calls/s", "session establishment rate, RFC 7501", plot=True)
        figure.goals = [Goal(1.3, "kamailio", least=True)]
        for _ in range(1 if quick else 3):
            for peer in present(OURS, PYPY, KAMAILIO):
                best = measure.highest_rate(peer, low, high, 2 if quick else 5, 5 if quick else 8, share)
                figure.add(peer.name, best.rate)
                figure.note(f"{peer.name}: the load generator was the limit; it can do at least this" * best.limited)
        figures.append(figure)
    return figures


def delay(quick: bool) -> list[Figure]:
    """Added delay while the peer does 500 calls/s, which is about half of the least that one of them can do."""
    middle = Figure("Added delay at 500 calls/s, median", "µs", "session request delay, RFC 6076")
    late = Figure("Added delay at 500 calls/s, 99th percentile", "µs", "session request delay, RFC 6076", plot=True)
    late.goals = [Goal(1, "kamailio")]
    late.note("INVITE to the callee and 180 back to the caller, timed by the kernel; of both ways together")
    with _ready(present(OURS, PYPY, KAMAILIO, RELAY)) as runnings:
        for _ in range(3 if quick else 8):
            for at_work in runnings:
                if at_work.peer is RELAY:
                    continue  # it knows its pairs only
                probe = Probe(at_work)
                probe.start()
                outcome = drive(at_work, Calls(RATE / 2, 4 if quick else 8))
                probe.stop()
                # The probe's datagrams are counted, too: here SIPp's own word has to do.
                problems = [
                    problem for problem in outcome.problems if "datagrams" not in problem or "dropped" in problem
                ]
                problems += [f"{probe.lost} probes lost"] * bool(probe.lost)
                problems += ["no probe came through"] * (not probe.delays)
                cuts = quantiles(probe.delays, n=100) if len(probe.delays) > 1 else [0.0] * 99
                middle.add(at_work.peer.name, median(probe.delays or [0.0]) * 1e6, problems)
                late.add(at_work.peer.name, cuts[98] * 1e6, problems)
                say(f"  delay: {at_work.peer.name} p50 {cuts[49] * 1e6:.0f} µs, p99 {cuts[98] * 1e6:.0f} µs {problems}")
    return [middle, late]


def memory(quick: bool) -> list[Figure]:
    """Memory per binding, by what the processes grow (shared memory counted once) at a steady rate."""
    users = SETTLING  # as many again: a table that doubles its room when it is full does so once
    figure = Figure(f"Memory per binding, {users:,} of them", "bytes")
    figure.goals = [Goal(1, "kamailio")]
    figure.note(
        f"growth of PSS (shared memory once) behind {SETTLING:,} others, so that transactions and tape grow no more"
    )
    figure.note("all of them from one address and port")
    for peer in present(OURS, PYPY, KAMAILIO):
        with running(peer) as alone:
            drive(alone, Registrations(1500, SETTLING, "w"))
            before = alone.memory
            outcome = drive(alone, Registrations(1500, users))
            figure.add(peer.name, (alone.memory - before) / users, outcome.problems)
    return [figure]


def growth(quick: bool) -> list[Figure]:
    """Cost of a call with large tables, and memory of a call in progress; inside the engine."""
    figures = []
    for what, words, last in (("users", "registered users", 1_000_000), ("calls", "calls in progress", 100_000)):
        last = last // 10 if quick else last
        say(f"  growth: {what} up to {last}")
        found = {peer.name: _inside(python, what, str(last)) for peer, python in _PYTHONS.items() if peer.installed}
        rows = found[OURS.name]
        figure = Figure(
            f"Cost of a call with {last:,} {words}, against {rows[0]['size']:,}", "ratio", goals=[Goal(1.25)]
        )
        for name, sizes in found.items():
            costs = ", ".join(f"{row['size']:,}: {row['cost']:.0f} µs" for row in sizes)
            figure.note(f"{name}, inside the engine, on a virtual clock: {costs}")
            figure.add(name, sizes[-1]["ratio"])
        figures.append(figure)
        held = Figure(f"Memory of a {'binding' if what == 'users' else 'call in progress'}, inside the engine", "bytes")
        held.goals = [Goal(1300 if what == "users" else 4096)]
        held.note(f"growth of PSS between {rows[-2]['size']:,} and {last:,}")
        for name, sizes in found.items():
            held.add(name, sizes[-1]["bytes"])
        figures.append(held)
    return figures


def idle(quick: bool) -> list[Figure]:
    """CPU of a proxy that nobody calls."""
    figure = Figure("Idle CPU", "% of a core", goals=[Goal(0.3)])
    with _ready(present(OURS, PYPY, KAMAILIO)) as runnings:
        for _ in range(3):
            for name, share in measure.idle(runnings, 5 if quick else 20).items():
                figure.add(name, share * 100)
    return [figure]


def first(quick: bool) -> list[Figure]:
    """From start to the first answer."""
    figure = Figure("Start to first answer", "s", goals=[Goal(0.3)])
    for _ in range(3 if quick else 10):
        for peer in present(OURS, PYPY, KAMAILIO):
            with running(peer) as started:
                figure.add(peer.name, started.first_answer)
    return [figure]


def cold(quick: bool) -> list[Figure]:
    """What a compiler at run time costs at first."""
    lost = Figure(f"Calls lost in the first {measure.COLD_STEP:g} s at {RATE:,.0f} calls/s", "share")
    until = Figure(f"Load of {RATE:,.0f} calls/s from the start on until no call fails", "s")
    for peer in present(OURS, PYPY):
        start = measure.cold(peer, RATE)
        lost.add(peer.name, start.lost)
        until.add(peer.name, start.seconds)
        until.note(f"{peer.name}, CPU per completed call in each {measure.COLD_STEP:g} s: {', '.join(start.steps)}")
    return [lost, until]


def overload(quick: bool) -> list[Figure]:
    """Goodput with a fifth of a core: at twice the highest rate, by that at the highest rate."""
    figure = Figure("Goodput at twice the highest rate, a fifth of a core", "share of the best", plot=True)
    figure.goals = [Goal(0.9, least=True)]
    seconds = 15.0 if quick else 30.0
    figure.note(
        "completed calls by the time until the last one was over or given up: what is repeated late counts little"
    )
    for _ in range(1 if quick else 3):
        for peer in present(OURS, PYPY, KAMAILIO):
            # In two seconds a queue swallows what it could not for long, so the best would be too good.
            best = measure.highest_rate(peer, 40, 1200, 5, 5 if quick else 7, FIFTH).rate
            outcome = measure.fresh(peer, Calls(2 * best, seconds), FIFTH)
            figure.add(peer.name, outcome.done / outcome.elapsed / best)
            done = f"{outcome.done} of {outcome.amount} calls in {outcome.elapsed:.1f} s at {outcome.rate:.0f}/s"
            figure.note(f"{peer.name}: best {best:.0f}/s; {done}")
            say(f"  overload: {figure.notes[-1]}")
            figure.note(f"{peer.name}: {outcome.generator_limit}" if outcome.generator_limit else "")
    return [figure]


@contextmanager
def _ready(peers: Sequence[Peer], work: Work = measure.WARM_UP) -> Iterator[list[Running]]:
    """Peers at work, with their users registered; who compiles at run time has done such work already."""
    with all_running(peers) as runnings:
        time.sleep(SETTLED)
        for each in runnings:
            register(each)
            measure.warm(each, work)
        yield runnings


FIGURES: dict[str, Callable[[bool], list[Figure]]] = {
    "cpu": cpu, "refresh": refresh, "rate": rate, "delay": delay, "growth": growth, "memory": memory, "idle": idle,
    "first": first, "cold": cold, "overload": overload, "b2bua": b2bua, "workers": workers,
}  # fmt: skip
"""All, in the order of the report."""
QUICK = ("cpu", "refresh", "delay", "idle", "first")
"""Those of a quick run, some five minutes."""


def measure_all(chosen: Sequence[str], quick: bool) -> list[Figure]:
    """Measure what is chosen. One that cannot be measured says why, and the others go on."""
    figures = []
    for name in chosen:
        say(f"{name} …")
        begin = time.monotonic()
        try:
            figures += FIGURES[name](quick)
        except (PeerError, subprocess.SubprocessError, OSError) as error:
            figures.append(Figure(name, "", problems=[str(error)[-300:]]))
        say(f"{name}: {time.monotonic() - begin:.0f} s")
    return figures


def profile() -> dict[str, Any]:
    """Where the time of a call goes, inside the engine; see `bench.inside.profile`."""
    return dict(_inside(_PYTHONS[OURS], "profile"))


_PYTHONS: dict[Peer, Sequence[str]] = {OURS: (sys.executable,), PYPY: PYPY_COMMAND}


def _inside(python: Sequence[str], *arguments: str) -> Any:
    """What `bench.inside` has measured, in a process of its own."""
    done = subprocess.run(
        [*python, "-m", "bench.inside", *arguments], cwd=HERE.parent, stdout=subprocess.PIPE, check=True,
        timeout=LONGEST_INSIDE, env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    return json.loads(done.stdout)
