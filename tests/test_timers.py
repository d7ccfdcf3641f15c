"""The clockwork: durations of RFC 3261 §17 and queues that never sort."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.engine import timers
from sipfullproxy.engine.timers import DURATION, Timers


class Bell:
    """Writes down what rang."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, float]] = []

    def fired(self, letter: str, now: float) -> None:
        self.rung.append((letter, now))


def ring(clock: Timers, now: float) -> list[str]:
    return [timer.letter for timer in clock.due(now)]


@pytest.mark.parametrize(
    ("letters", "seconds"),
    [("AEG", 0.5), ("BFHJLM", 32.0), ("D", 32.0), ("IK", 5.0)],
)
def test_the_values_of_rfc_3261_table_4_and_rfc_6026(letters: str, seconds: float) -> None:
    assert {DURATION[letter] for letter in letters} == {seconds}


def test_timer_c_is_over_three_minutes_as_section_16_6_item_11_wants() -> None:
    assert DURATION["C"] > 180


def test_a_cancelled_invite_waits_64_t1_as_section_9_1_wants() -> None:
    assert DURATION["9.1"] == 64 * timers.T1


def test_a_timer_rings_once_and_not_before_its_time() -> None:
    clock, bell = Timers(), Bell()
    clock.start("A", 0.5, bell, 10.0)
    assert clock.next() == 10.5
    assert ring(clock, 10.4) == []
    assert ring(clock, 10.5) == ["A"]
    assert ring(clock, 99.0) == []
    assert clock.next() is None


def test_a_stopped_timer_never_rings_and_wakes_nobody() -> None:
    clock, bell = Timers(), Bell()
    first = clock.start("B", 32.0, bell, 0.0)
    clock.start("B", 32.0, bell, 1.0)
    first.stop()
    assert clock.next() == 33.0
    assert len(clock) == 1
    assert ring(clock, 40.0) == ["B"]


def test_those_that_are_due_together_ring_in_the_order_of_their_times() -> None:
    clock, bell = Timers(), Bell()
    clock.start("C", 185.0, bell, 0.0)
    clock.start("B", 32.0, bell, 100.0)
    clock.start("A", 0.5, bell, 131.0)
    assert ring(clock, 200.0) == ["A", "B", "C"]


def test_a_stopped_timer_keeps_nothing_alive() -> None:
    timer = Timers().start("C", 185.0, Bell(), 0.0)
    timer.stop()
    assert timer.owner is None


def test_stopped_timers_do_not_lie_about_until_their_time() -> None:
    """Timer C runs for three minutes, and nearly every call stops it."""
    clock, bell = Timers(), Bell()
    kept = [clock.start("C", 185.0, bell, float(number)) for number in range(timers.SWEEP // 2)]
    for number in range(10 * timers.SWEEP):
        clock.start("C", 185.0, bell, 1_000.0 + number).stop()
    assert len(clock._queues[185.0]) <= 2 * timers.SWEEP
    assert len(clock) == len(kept)
    assert len(clock.due(2_000.0)) == len(kept)


@given(st.lists(st.tuples(st.sampled_from([0.5, 1.0, 2.0, 4.0, 5.0, 32.0]), st.booleans()), max_size=40))
def test_every_timer_rings_at_its_time_unless_it_was_stopped(plan: list[tuple[float, bool]]) -> None:
    clock, bell, now, expected = Timers(), Bell(), 0.0, []
    for number, (seconds, stopped) in enumerate(plan):
        now = number * 0.25
        timer = clock.start(str(number), seconds, bell, now)
        if stopped:
            timer.stop()
        else:
            expected.append(now + seconds)
    assert len(clock) == len(expected)
    rung = []
    while (at := clock.next()) is not None:
        rung += [timer.at for timer in clock.due(at)]
    assert rung == sorted(expected)
    assert len(clock) == 0
