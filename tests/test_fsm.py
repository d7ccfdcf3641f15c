"""The tables are closed: nothing leads out of them, nothing is out of reach, and everything comes to an end."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from sipfullproxy.engine import fsm
from sipfullproxy.engine.timers import DURATION
from sipfullproxy.engine.transaction import ClientTransaction, ServerTransaction

DOCS = Path(__file__).parent.parent / "docs"

EVENTS = {"1xx", "2xx", "final", "request", "ack", "error", "silence", "refusal", *"ABDEFGHIJKLM"}

TABLES = pytest.mark.parametrize("name", fsm.TABLES)


def reached(table: fsm.Table, start: str) -> set[str]:
    """All states that can be reached from one, itself included."""
    found, ahead = {start}, [start]
    while ahead:
        for target, _ in table[ahead.pop()].values():
            if target not in found:
                found.add(target)
                ahead.append(target)
    return found


def test_there_are_the_four_machines_of_section_17() -> None:
    assert list(fsm.TABLES) == ["INVITE client", "non-INVITE client", "INVITE server", "non-INVITE server"]


@TABLES
def test_every_target_is_a_state(name: str) -> None:
    table = fsm.TABLES[name]
    assert {target for row in table.values() for target, _ in row.values()} <= table.keys()


@TABLES
def test_every_event_is_one_that_somebody_raises(name: str) -> None:
    assert {event for row in fsm.TABLES[name].values() for event in row} <= EVENTS


@TABLES
def test_every_action_is_a_method_or_starts_a_timer_with_a_duration(name: str) -> None:
    cls = ClientTransaction if "client" in name else ServerTransaction
    actions = {action for row in fsm.TABLES[name].values() for _, actions in row.values() for action in actions}
    for action in actions:
        if action.startswith("start "):
            assert action.removeprefix("start ") in DURATION
        else:
            assert callable(getattr(cls, action.replace(" ", "_")))


@TABLES
def test_every_state_can_be_reached_from_the_first(name: str) -> None:
    table = fsm.TABLES[name]
    assert reached(table, next(iter(table))) == table.keys()


@TABLES
def test_from_every_state_the_end_can_be_reached(name: str) -> None:
    table = fsm.TABLES[name]
    for state in table:
        assert fsm.TERMINATED in reached(table, state), state


@TABLES
def test_the_end_is_the_end_and_whoever_gets_there_leaves_the_tables(name: str) -> None:
    table = fsm.TABLES[name]
    assert table[fsm.TERMINATED] == {}
    for state, row in table.items():
        for event, (target, actions) in row.items():
            assert (target == fsm.TERMINATED) == ("forget" in actions), (state, event)


@TABLES
def test_a_timer_that_is_awaited_was_started_on_the_way_there(name: str) -> None:
    table = fsm.TABLES[name]
    started = {
        action.removeprefix("start ")
        for row in table.values() for _, actions in row.values() for action in actions if action.startswith("start ")
    }  # fmt: skip
    at_birth = {"INVITE client": {"A", "B"}, "non-INVITE client": {"E", "F"}}.get(name, set())
    awaited = {event for row in table.values() for event in row if event in DURATION}
    assert awaited == started | at_birth


@pytest.mark.parametrize("name", ["INVITE server", "non-INVITE server"])
def test_a_server_sends_one_final_response_and_no_provisional_one_behind_it(name: str) -> None:
    table = fsm.TABLES[name]
    for state in table.keys() - {fsm.TRYING, fsm.PROCEEDING}:
        assert not {"1xx", "final"} & table[state].keys(), state
    # RFC 6026 §7.1: an INVITE may be answered by a 2xx more than once.
    again = {state for state in table.keys() - {fsm.TRYING, fsm.PROCEEDING} if "2xx" in table[state]}
    assert again == ({fsm.ACCEPTED} if name == "INVITE server" else set())


def test_rfc_6026_section_7_1_an_invite_server_outlives_transport_errors() -> None:
    assert not any("error" in row for row in fsm.INVITE_SERVER.values())


# -- the picture of it -------------------------------------------------------------------------------------------------


def test_the_diagrams_of_the_documentation_are_those_of_the_tables() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    drawn = runpy.run_path(str(DOCS / "make_state_diagrams.py"))["drawn"]
    assert drawn(page) == page, "run `python docs/make_state_diagrams.py`"


def test_all_four_diagrams_are_in_the_documentation() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert re.findall(r"<!-- diagram: (.+) -->\n```mermaid\nstateDiagram-v2", page) == list(fsm.TABLES)
