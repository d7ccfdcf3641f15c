"""How it is measured: peers in turn (A B A B …), so that whatever else the machine does meets all alike."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from bench.figures import Figure
from bench.load import BUSY, Calls, Outcome, Work, drive, register
from bench.network import quiet
from bench.peers import WARMING, Peer, Running, running
from bench.processes import rationed

# Seconds until everything that a call leaves behind is gone (RFC 3261: timers D, H and J are 32 s). What it costs to
# clear that away belongs to the call, so rounds count only after so long a time of the same load.
LINGER = 33.0

HOPELESS = 3
"""Rounds after which a figure is given up of which too many did not count."""
WARM_UP = Calls(500, 5)
"""What a peer is warmed with where the work itself could be too much for it."""
IDLE = 3.0
"""Seconds of doing nothing, to know what that costs."""


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def idle(runnings: Sequence[Running], seconds: float = IDLE) -> dict[str, float]:
    """CPU of each peer that has nothing to do, in seconds per second."""
    before = [each.cpu for each in runnings]
    time.sleep(seconds)
    pairs = zip(runnings, before, strict=True)
    return {each.peer.name: (each.cpu - spent) / seconds for each, spent in pairs}


def warm(at_work: Running, work: Work) -> None:
    """Have a peer that compiles at run time do that work until there is little left to compile."""
    if at_work.peer.warms:
        for _ in range(math.ceil(WARMING / work.seconds)):
            if drive(at_work, work).problems:
                quiet()


def cpu_per_call(figure: Figure, runnings: Sequence[Running], work: Work, rounds: int) -> None:
    """Microseconds of CPU of each peer for one call (or registration) of `work`, into the figure.

    A round of a peer begins with its work and ends when its work begins again: while the others work it clears away
    what earlier rounds have left. What it would have used in that pause anyway, idle, is taken off.
    """
    resting = idle(runnings)
    turn = sum([work.seconds + 1.0] * len(runnings))
    warm = int(LINGER / turn) + 1
    begun: dict[str, tuple[float, float, Outcome]] = {}
    for number in range(warm + rounds + 1):
        if number > warm + HOPELESS and not figure.valid:
            return
        for at_work in runnings:
            name = at_work.peer.name
            spent, now = at_work.cpu, time.monotonic()
            if number > warm:
                before, ended, outcome = begun[name]
                cost = spent - before - resting[name] * (now - ended)
                figure.add(name, cost / outcome.amount * 1e6, outcome.problems)
                if not outcome.problems:
                    figure.note(outcome.generator_limit)
                say(f"  {figure.name}: {name} {cost / outcome.amount * 1e6:.1f} µs {'; '.join(outcome.problems)}")
            if number < warm + rounds:
                outcome = drive(at_work, work)
                begun[name] = spent, time.monotonic(), outcome
                if outcome.problems:
                    quiet()


def fresh(peer: Peer, work: Work, share: float = 1.0) -> Outcome:
    """The work, done by a peer that has just been started and is warm, with that share of its core."""
    with running(peer) as alone:
        register(alone)
        warm(alone, WARM_UP)
        if share == 1.0:
            return drive(alone, work)
        with rationed(alone.process.pid, share):
            return drive(alone, work)


COLD_STEP, COLD_STEPS = 5.0, 12
"""Seconds of one step, and the largest number of them, until a peer that has just been started does all that is due."""


class Start(NamedTuple):
    """How a peer gets along that has just been started: calls lost in the first step, as a share; seconds of load until
    no call fails any more; and what each step cost and lost, for readers."""

    lost: float
    seconds: float
    steps: list[str]


def cold(peer: Peer, rate: float) -> Start:
    """Calls from the first second on."""
    lost: list[float] = []
    steps: list[str] = []
    with running(peer) as alone:
        register(alone)
        while len(steps) < COLD_STEPS and (len(lost) < 2 or any(lost[-2:])):
            outcome = drive(alone, Calls(rate, COLD_STEP))
            lost.append(1 - outcome.done / outcome.amount)
            steps.append(f"{outcome.cpu / max(outcome.done, 1) * 1e6:.0f} µs ({lost[-1]:.0%} lost)")
            if outcome.problems:
                quiet()
    return Start(lost[0], COLD_STEP * sum(1 for at in range(len(lost)) if any(lost[at:])), steps)


class Highest(NamedTuple):
    """The highest rate that went well (calls a second), and whether the load generator kept us from more."""

    rate: float
    limited: bool


def highest_rate(peer: Peer, low: float, high: float, seconds: float, steps: int, share: float = 1.0) -> Highest:
    """The session establishment rate (RFC 7501): the most session attempts a second that all succeed, by bisection.

    Between `low` and `high`, in so many steps of so many seconds. A rate goes well when no call fails and no message
    has to be sent again: the establishment threshold time is thus T1, 500 ms.
    """
    limited = False
    for _ in range(steps):
        # In ratios: a step from 100 to 200 is as large as one from 1,000 to 2,000.
        rate = math.sqrt(low * high)
        outcome = fresh(peer, Calls(rate, seconds), share)
        bad = outcome.problems or outcome.generator_limit
        say(f"  {peer.name} at {rate:.0f}/s: {'; '.join(outcome.problems) or outcome.generator_limit or 'good'}")
        if bad:
            high, limited = rate, bool(outcome.generator_limit) and outcome.busy > BUSY
        else:
            low = rate
    return Highest(low, limited)
