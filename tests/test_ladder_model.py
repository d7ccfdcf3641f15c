"""The ladder of a call: lanes, steps, and how it grows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.record import Record
from sipfullproxy.ladder.model import KINDS, MOST_LANES, PROXY, Ladder, ladder
from tests.ladders import ALL, plain

LADDERS = {name: ladder(records()) for name, records in ALL.items()}


def steps_of(ladder: Ladder, title: str) -> list[int]:
    """The places of the steps of that title."""
    return [step.place for step in ladder.steps if step.title == title]


@pytest.mark.parametrize("name", ALL)
def test_each_record_is_one_step(name: str) -> None:
    records, made = ALL[name](), LADDERS[name]
    assert [step.place for step in made.steps] == list(range(len(records)))
    for record, step in zip(records, made.steps, strict=True):
        phone = step.source if record.inward else step.target
        assert phone != PROXY
        assert (step.target if record.inward else step.source) == PROXY
        assert made.lanes[phone].subtitle.startswith(record.flow.address)
        assert step.time == record.time
        assert step.kind in KINDS
        assert step.title


@pytest.mark.parametrize("name", ALL)
def test_a_ladder_grows_and_nothing_moves(name: str) -> None:
    """The ladder of the first records is the beginning of the ladder of all."""
    records, whole = ALL[name](), LADDERS[name]
    for length in range(1, len(records), 1 + len(records) // 40):
        part = ladder(records[:length])
        assert part.steps == whole.steps[:length]
        assert part.lanes == whole.lanes[: len(part.lanes)]
        assert part.calls == whole.calls[: len(part.calls)]


def test_callers_stand_to_the_left_and_callees_to_the_right() -> None:
    sides = {lane.title: lane.column for lane in LADDERS["conference"].lanes}
    assert sides == {"Proxy": 0, "alica": -1, "boris": 1, "cyril": 2, "dana": -2}
    assert [(lane.title, lane.column) for lane in LADDERS["fork"].lanes] == [
        ("Proxy", 0), ("alica", -1), ("boris", 1), ("boris", 2), ("boris", 3),
    ]  # fmt: skip


def test_a_ladder_of_nothing() -> None:
    assert [lane.title for lane in ladder([]).lanes] == ["Proxy"]
    assert not ladder([]).steps


def test_names_of_registrations_win() -> None:
    names = {"10.0.0.10:5060": "Alžbeta@10.0.0.1", "10.0.0.11:5060": "<b>\x1b"}
    assert [lane.title for lane in ladder(plain(), names).lanes] == ["Proxy", "Alžbeta", "<b>\\x1b"]


def test_what_caused_what() -> None:
    made = LADDERS["plain"]
    assert [made.steps[place].cause for place in range(5)] == [None, 0, 0, None, 3]
    for step in made.steps:
        assert (step.cause is None) == (step.target == PROXY)


def test_retransmissions_are_counted_on_both_sides() -> None:
    made = LADDERS["lossy"]
    assert [made.steps[place].again for place in steps_of(made, "INVITE")] == [0, 0, 1, 2]
    assert [made.steps[place].again for place in steps_of(made, "200 OK")] == [0, 1], "the phone's"
    assert [made.steps[place].again for place in steps_of(made, "200 Vybavené OK")] == [0, 1], "and the proxy's"
    assert [made.steps[place].again for place in steps_of(made, "BYE")] == [0, *range(11)]


def test_timers_are_named_and_lead_back_to_the_first_sending() -> None:
    made = LADDERS["silent"]
    told = [(step.title, step.timer, step.cause) for step in made.steps if step.timer]
    again = [("INVITE", f"časovač A, {waited} s", 2) for waited in ("0,5", "1", "2", "4", "8", "16")]
    assert told == [
        *again,
        ("408 Čas na odpoveď vypršal", "časovač B, 32 s", None),
        ("408 Čas na odpoveď vypršal", "časovač G, 0,5 s", 9),
    ]


def test_calls_that_belong_together() -> None:
    made = LADDERS["transfer"]
    assert [call.name for call in made.calls] == ["alica → boris", "boris → cyril"]
    assert {step.call for step in made.steps} == {0, 1}
    chapters = [("AB"[step.call], step.phase) for step in made.steps if step.phase]
    assert chapters == [
        ("A", "zvoní"), ("A", "hovor"), ("A", "prepojenie"), ("B", "zvoní"), ("B", "hovor"), ("A", "koniec"),
        ("B", "koniec"),
    ]  # fmt: skip


def test_delays() -> None:
    made = LADDERS["plain"]
    assert made.steps[0].delay == 0
    assert [round(step.delay, 2) for step in made.steps[3:8]] == [0.08, 0, 3.2, 0, 0.02]


def test_a_clock_that_was_set_back_makes_no_negative_delay() -> None:
    records = plain()
    records[4] = records[4]._replace(time=records[4].time - 3600)
    assert min(step.delay for step in ladder(records).steps) == 0


def test_answers_to_another_port_of_the_phone_make_no_second_lane() -> None:
    """RFC 3261 §18.2.2: they go to the port that Via says, and without `rport` it was not the one that asked."""
    invite, trying = plain()[:2]
    asked = invite._replace(flow=Flow("udp", invite.flow.local, ("10.0.0.10", 40_000)))
    assert len(ladder([asked, trying]).lanes) == 2
    elsewhere = trying._replace(flow=Flow("udp", invite.flow.local, ("10.0.0.99", 5060)))
    assert len(ladder([asked, elsewhere]).lanes) == 3


def test_the_number_of_lanes_is_bounded() -> None:
    first = plain()[0]
    many = [first._replace(flow=Flow("udp", first.flow.local, ("10.0.0.10", port))) for port in range(1, 200)]
    made = ladder(many)
    assert len(made.lanes) == MOST_LANES + 1
    assert made.lanes[-1].title == "…"
    assert {step.source for step in made.steps[MOST_LANES:]} == {MOST_LANES}
    assert len({lane.column for lane in made.lanes}) == len(made.lanes)


def test_every_text_is_printable() -> None:
    made = LADDERS["hostile"]
    texts = [text for lane in made.lanes for text in (lane.title, lane.subtitle)]
    texts += [text for step in made.steps for text in (step.title, step.note, step.timer, step.phase)]
    texts += [text for call in made.calls for text in (call.id, call.name)]
    assert all(text.isprintable() for text in texts)
    assert max(map(len, texts)) < 500


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=200), st.one_of(st.integers(), st.text(max_size=5)))))
def test_whatever_the_bytes_each_is_a_step(things: list[tuple[bool, bytes, int | str]]) -> None:
    flow = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.9", 5060))
    records = [Record(n, float(n), inward, flow, data, cause) for n, (inward, data, cause) in enumerate(things)]
    made = ladder(records)
    assert len(made.steps) == len(records)
    assert all(step.title.isprintable() and step.timer.isprintable() for step in made.steps)
