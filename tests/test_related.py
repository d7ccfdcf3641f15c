"""Calls that belong together find each other by their messages, and no others."""

from __future__ import annotations

from sipfullproxy.engine.flow import Flow
from sipfullproxy.explain.related import PATIENCE, Marks, Tie, marks, related
from sipfullproxy.journal.record import Record
from tests import test_flows
from tests.helpers import PROXY, Phone, call
from tests.recording import RecordingLab


def scene() -> tuple[RecordingLab, list[Phone]]:
    lab = RecordingLab()
    return lab, lab.registered("alice", "bob", "carol")


def all_marks(lab: RecordingLab) -> list[Marks]:
    """Those of every call of the lab, in the order in which they began."""
    ids = dict.fromkeys(
        line.partition(b":")[2].strip()
        for record in lab.records
        for line in record.data.split(b"\r\n")
        if line.startswith(b"Call-ID") and record.data.startswith(b"INVITE")
    )
    return [marks(lab.of(call_id)) for call_id in ids]


def ties(lab: RecordingLab) -> list[list[str]]:
    """For each call, how it is tied to each of the others."""
    found = all_marks(lab)
    return [[tie.how for tie in related(one, found)] for one in found]


def test_a_blind_transfer_and_the_call_that_it_made() -> None:
    lab, (alice, bob, carol) = scene()
    test_flows.test_blind_transfer(lab, alice, bob, carol)
    assert ties(lab) == [["transfer"], ["transfer"]]


def test_an_attended_transfer_ties_three_calls() -> None:
    lab, (alice, bob, carol) = scene()
    test_flows.test_attended_transfer(lab, alice, bob, carol)
    with_bob, with_carol, made = all_marks(lab)
    assert [tie.how for tie in related(made, [with_bob, with_carol])] == ["transfer", "replaces"]
    assert related(with_bob, [with_carol]) == [Tie(call=with_carol.call.decode(), how="replaces")]


def test_the_legs_of_a_conference() -> None:
    lab, (alice, bob, carol) = scene()
    test_flows.test_conference_of_three(lab, alice, bob, carol)
    assert ties(lab) == [["conference"], ["conference"]]


def test_calls_of_the_same_people_are_not_tied_by_that() -> None:
    lab, (alice, bob, carol) = scene()
    call(alice, bob)
    call(bob, carol)
    call(alice, bob)
    assert ties(lab) == [[], [], []]


def test_a_call_is_not_tied_to_itself() -> None:
    lab, (alice, bob, _) = scene()
    sent, _ = call(alice, bob)
    own = marks(lab.of(sent.call_id))
    assert own.call == sent.call_id and (own.caller, own.callee) == (b"alice", b"bob")
    assert related(own, [own]) == []


def test_a_call_long_after_a_refer_came_of_something_else() -> None:
    lab, (alice, bob, carol) = scene()
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("REFER", headers=("Refer-To: <sip:carol@10.0.0.1>",))
    bob.reply(bob.takes("REFER"), 202)
    lab.advance(PATIENCE + 1)
    call(bob, carol)
    assert ties(lab) == [[], []]


def test_a_call_that_left_the_proxy_and_came_back() -> None:
    """A phone that follows a 302 by itself, and says so by Diversion, begins a new call."""
    lab = RecordingLab(recurse=False)
    alice, bob, carol = lab.registered("alice", "bob", "carol")
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",), contact=False)
    alice.invite("carol", headers=("Diversion: <sip:bob@10.0.0.1>;reason=deflection",))
    assert carol.waiting == ["INVITE"]
    assert ties(lab) == [["forwarded"], ["forwarded"]]


def test_marks_of_nothing_and_of_nonsense() -> None:
    empty = marks([])
    assert empty.call == b"" and related(empty, [empty]) == []
    start = b"INVITE x SIP/2.0\r\nVia: ,\r\nCall-ID: odd\r\nContact: isfocus\r\n"
    data = start + b"Replaces: ;;\r\nRefer-To: ?replaces=%\r\n\r\n"
    assert marks([Record(1, 1.0, True, Flow("udp", PROXY, ("10.0.0.9", 5060)), data)]).call == b"odd"
