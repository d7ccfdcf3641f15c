"""The benchmark's judgement: what it counts, and what it refuses to count."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench import peers, processes
from bench.figures import Figure, Goal, spread
from bench.load import Calls, Outcome, Refreshes, Work, drive, register
from bench.peers import OURS, PYPY, RELAY, Peer, running
from bench.report import rows
from tests.running import need
from tests.waiting import eventually

GOOD = Outcome(asked=100, amount=20, done=20, rate=100, expected=240, taken=240, sent=240, dropped=0)

# A relay that keeps each twentieth datagram to itself.
LOSSY = """
import runpy, socket, sys
class Lossy(socket.socket):
    count = 0
    def sendto(self, data, to):
        Lossy.count += 1
        return len(data) if Lossy.count % 20 == 0 else super().sendto(data, to)
socket.socket = Lossy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_an_outcome_with_all_that_was_due_has_no_problem() -> None:
    assert GOOD.problems == []
    assert GOOD.generator_limit == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"done": 19}, "1 of 20 not completed"),
        ({"failed": 1}, "1 failed"),
        ({"repeated": 2}, "2 retransmissions"),
        ({"strange": 3}, "3 unexpected messages"),
        ({"dropped": 4}, "4 datagrams dropped for a full buffer"),
        ({"taken": 239}, "239 datagrams received where 240 were due"),
        ({"sent": 241}, "241 datagrams sent where 240 were due"),
        ({"broken": ["SIPp did not start"]}, "SIPp did not start"),
    ],
)
def test_whatever_was_not_as_it_should_be_is_told(change: dict[str, object], words: str) -> None:
    assert replace(GOOD, **change).problems == [words]  # type: ignore[arg-type]


def test_datagrams_that_may_be_those_of_others_are_not_counted() -> None:
    assert replace(GOOD, taken=None, sent=None, dropped=None).problems == []


@pytest.mark.parametrize("change", [{"busy": 0.9}, {"rate": 90.0}])
def test_a_load_generator_that_can_do_no_more_is_told(change: dict[str, float]) -> None:
    assert "SIPp" in replace(GOOD, **change).generator_limit  # type: ignore[arg-type]


def test_a_ratio_is_taken_within_each_round() -> None:
    figure = Figure("CPU", "µs", goals=[Goal(0.6, "kamailio")])
    for ours, theirs in ((10, 20), (100, 200), (30, 60)):
        figure.add("ours", ours)
        figure.add("kamailio", theirs)
    assert figure.ratio("kamailio") == (0.5, 0.5, 0.5)
    assert "met: 0.5" in rows(figure)[0]


def test_a_figure_of_which_most_rounds_had_problems_is_invalid_and_not_shown() -> None:
    figure = Figure("CPU", "µs", goals=[Goal(0.6, "kamailio")])
    for problems in (["1 failed"], ["1 failed"], []):
        figure.add("ours", 12.5, problems)
        figure.add("kamailio", 40.0)
    assert not figure.valid
    assert figure.problems == ["ours: 1 failed"]
    assert "12.5" not in rows(figure)[0]
    assert "**invalid**" in rows(figure)[0]


def test_a_goal_is_judged_for_us_on_both_pythons() -> None:
    figure = Figure("CPU", "µs", goals=[Goal(0.6, "kamailio"), Goal(15)])
    for ours, pypy, theirs in ((20.0, 10.0, 20.0), (30.0, 15.0, 30.0)):
        figure.add("ours", ours)
        figure.add("pypy", pypy)
        figure.add("kamailio", theirs)
    first, second = rows(figure)
    assert "| ours **missed**: 1; pypy met: 0.5 |" in first
    assert "| ours **missed**: 25 ± 10%; pypy met: 12.5 ± 10% |" in second


def test_where_pypy_could_not_be_measured_our_own_figure_stands() -> None:
    figure = Figure("CPU", "µs", goals=[Goal(0.6, "kamailio")])
    figure.add("ours", 10.0)
    figure.add("pypy", 5.0, ["1 failed"])
    figure.add("kamailio", 20.0)
    assert "| ours met: 0.5; pypy **invalid** |" in rows(figure)[0]


@pytest.mark.io
def test_pypy_is_left_out_where_it_cannot_run_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PYPY_COMMAND", (sys.executable,))
    there = replace(PYPY, program=sys.executable)
    assert there.installed
    assert not replace(PYPY, program="pypy-that-is-not-there").installed
    monkeypatch.setattr(peers, "MAIN", "/a/folder/that/it/does/not/see/main.py")
    assert not there.installed
    monkeypatch.setattr(peers, "PYPY_COMMAND", (sys.executable, "-c", "raise SystemExit(2)"))
    assert not there.installed


def test_a_spread_is_the_median_and_its_quartiles() -> None:
    assert spread([5.0, 1.0, 3.0, 2.0, 4.0]) == (3.0, 2.0, 4.0)
    assert spread([7.0]) == (7.0, 7.0, 7.0)


@pytest.mark.io
def test_the_cpu_of_a_process_is_that_of_its_children_too(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    script = (
        f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {burn!r}]); print('x'); time.sleep(60)"
    )
    process = processes.start([sys.executable, "-c", script], processes.allowed(), tmp_path)
    try:
        eventually(lambda: processes.cpu(process.pid) >= 0.2, "the CPU of a child")
    finally:
        processes.stop(process)


def cleanly(peer: Peer, work: Work) -> Outcome:
    """The first of three runs without problems: whoever stands still for half a second is told things twice."""
    with running(peer) as at_work:
        register(at_work)
        outcomes = (drive(at_work, work) for _ in range(3))
        outcome = next((outcome for outcome in outcomes if not outcome.problems), None)
    assert outcome is not None
    return outcome


@pytest.mark.sipp
@pytest.mark.parametrize("peer", [OURS, RELAY], ids=lambda peer: str(peer.name))
def test_twenty_calls_are_measured(peer: Peer) -> None:
    need("sipp", "sip-tester")
    assert cleanly(peer, Calls(rate=40, duration=0.5)).cpu > 0


@pytest.mark.sipp
def test_refreshes_are_measured() -> None:
    need("sipp", "sip-tester")
    assert cleanly(OURS, Refreshes(rate=20, duration=0.6, every=0.2)).cpu > 0


@pytest.mark.sipp
def test_a_peer_that_loses_messages_yields_no_figure() -> None:
    need("sipp", "sip-tester")

    def command(port: int, folder: Path) -> Sequence[str]:
        python, *rest = RELAY.command(port, folder)
        return [python, "-c", LOSSY, *rest]

    with running(replace(RELAY, command=command)) as at_work:
        outcome = drive(at_work, Calls(rate=40, duration=0.5))
    assert outcome.problems != []
    figure = Figure("CPU", "µs")
    figure.add("relay", outcome.cpu, outcome.problems)
    assert figure.of("relay") is None
