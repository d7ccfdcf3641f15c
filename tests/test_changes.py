"""Each change of a message has its reason, each reason its change, and each edit of the engine a name here."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sipfullproxy.engine
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.explain.changes import EDITS, Change, changes
from sipfullproxy.explain.trail import Trail
from sipfullproxy.explain.words import table
from sipfullproxy.journal.record import Record
from sipfullproxy.lang import LANGS
from sipfullproxy.sip.grammar import split_list, unfold
from sipfullproxy.sip.index import canonical
from sipfullproxy.sip.phrases import Phrasebook
from tests import (
    helpers,
    test_diversion,
    test_flows,
    test_forking,
    test_forwarding,
    test_nat,
    test_random_calls,
    test_torture,
    test_vectors,
)  # fmt: skip
from tests.each import each
from tests.helpers import Lab, call
from tests.passing import split
from tests.recording import RecordingEngine, RecordingLab
from tests.test_hostile import live, mutants, scene

STOPS = (b"via", b"route", b"record-route", b"diversion")
FROM_REQUEST = (b"via", b"from", b"to", b"call-id", b"cseq", b"timestamp", b"content-length")
START = ("Request-URI", "Reason-Phrase", "Status-Line", "Request-Line")


def values(data: bytes) -> dict[str, list[str]]:
    """The header values of a message by lower-case name; taken apart in another way than the room under test does."""
    found: dict[str, list[str]] = {}
    for line in split(data)[1]:
        name, _, value = line.partition(b":")
        value = unfold(value.strip())
        items = split_list(value) if canonical(name) in STOPS else [value]
        found.setdefault(canonical(name).decode(errors="replace"), []).extend(plain(item) for item in items if item)
    return {name: [item for item in items if item] for name, items in found.items()}


def plain(value: bytes) -> str:
    text = value.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def pairs(records: list[Record]) -> Iterator[tuple[bytes, Record]]:
    """Each message of the proxy that was made of another one, with that one."""
    trail = Trail(records)
    for place, record in enumerate(records):
        origin = trail.origin[place]
        if origin is not None:
            yield records[origin].data, record._replace(edits=records[trail.first[place]].edits)
        elif not record.inward:
            assert record.cause == 0, f"made of nothing: {record.data!r}"


def assert_explained(before: bytes, record: Record) -> list[Change]:
    """The changes turn one message into the other, all of it, and each has a reason that is known."""
    after = record.data
    found = changes(before, after, record.edits, "en")
    for one in found:
        assert one.why and "the proxy changed this" not in one.why, (one, before, after)
        assert one.before != one.after or (one.header, one.after) == ("Supported", "")  # empty, and that says a lot
    old, new = values(before), values(after)
    start, new_start = split(before)[0], split(after)[0]
    own = start[:4].upper() != b"SIP/" and (new_start[:4] == b"SIP/" or start.split()[0] != new_start.split()[0])
    if own:
        taken = {name.decode() for name in FROM_REQUEST}
        taken |= {"route", "max-forwards"} if new_start[:4] != b"SIP/" else set()
        taken |= {"contact"} if b"REGISTER" in after.partition(b"CSeq")[2][:30] else set()
        old = {name: items for name, items in old.items() if name in taken and name in new}
    for name in old.keys() | new.keys():
        was, now = Counter(old.get(name, [])), Counter(new.get(name, []))
        for one in found:
            if one.header.lower() == name:
                was += Counter([one.after] if one.after else [])
                was.subtract([one.before] if one.before else [])
        assert +was == +now and all(count >= 0 for count in was.values()), (name, before, after, found)
    assert bool([one for one in found if one.header in START]) == (own or start != new_start)
    return found


# -- one by one ------------------------------------------------------------------------------------------------------


def reasons(lab: RecordingLab, call_id: bytes) -> set[str]:
    """The keys of all reasons that a call shows."""
    patterns = {key: re.sub(r"\\{[a-z]+\\}", ".*", re.escape(said.en)) for key, said in table("reasons").items()}
    return {
        next(key for key, pattern in patterns.items() if re.fullmatch(pattern, one.why))
        for before, record in pairs(lab.of(call_id))
        for one in assert_explained(before, record)
    }


def test_an_ordinary_call() -> None:
    lab = RecordingLab(phrases=Phrasebook())
    alice, bob = lab.registered("alice", "bob")
    sent, _ = call(alice, bob)
    assert reasons(lab, sent.call_id) == {
        "uri.binding", "via.added", "via.rport", "max-forwards.down", "max-breadth", "record-route.added", "route.ours",
        "via.popped", "phrase.sk", "answer.start", "answer.length",
    }  # fmt: skip


def test_what_the_request_line_became_is_told_by_name() -> None:
    lab = RecordingLab()
    alice, bob = lab.registered("alice", "bob")
    sent, _ = call(alice, bob)
    before, invite = next(pair for pair in pairs(lab.of(sent.call_id)) if pair[1].data.startswith(b"INVITE"))
    first = changes(before, invite.data, invite.edits, "sk")[0]
    assert (first.header, first.kind, first.before, first.after) == (
        "Request-URI", "changed", "sip:bob@10.0.0.1", "sip:bob@10.0.0.11:5060",
    )  # fmt: skip
    assert first.why.startswith("bob@10.0.0.1 sa zmenilo na adresu, z ktorej sa zaregistroval telefón používateľa bob")
    assert first.source == "RFC 3261 §16.6 bod 2"


def test_max_forwards_says_from_what_to_what() -> None:
    lab = RecordingLab()
    alice, bob = lab.registered("alice", "bob")
    sent, _ = call(alice, bob)
    whys = [one.why for before, record in pairs(lab.of(sent.call_id)) for one in assert_explained(before, record)]
    assert "70 → 69: each proxy takes one, so that a message that goes in a circle ends some time" in whys


def test_a_cancelled_call() -> None:
    lab = RecordingLab()
    alice, bob = lab.registered("alice", "bob")
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    alice.cancel(sent, "Reason: SIP;cause=487")
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(got, 487)
    assert reasons(lab, sent.call_id) >= {
        "cancel.start", "hop.via", "hop.cseq", "hop.reason", "ack.start", "hop.to", "hop.max-forwards", "answer.tag",
    }  # fmt: skip


def test_a_call_that_goes_on_elsewhere() -> None:
    lab = RecordingLab(forward={b"bob": Rule(always="carol")})
    alice, *_ = lab.registered("alice", "bob", "carol")
    sent = alice.invite("bob")
    assert reasons(lab, sent.call_id) >= {"uri.diverted", "diversion.added"}


def test_a_call_behind_nat() -> None:
    lab = RecordingLab()
    alice = lab.phone("alice", "10.0.0.10:5060")
    bob = lab.phone("bob", "203.0.113.5:40000", contact="sip:bob@192.168.1.7:5060")
    for phone in (alice, bob):
        phone.register()
    sent, _ = call(alice, bob)
    bye = reasons(lab, sent.call_id)
    assert bye >= {"record-route.token", "route.token"}


def test_a_call_from_browser_to_browser() -> None:
    lab = RecordingLab(listen=(("ws", ("10.0.0.1", 8088)),))
    alice, bob = (lab.phone(user, transport="ws", rport=False) for user in ("alice", "bob"))
    for phone in (alice, bob):
        phone.register()
    sent, _ = call(alice, bob)
    found = reasons(lab, sent.call_id)
    assert found >= {"uri.browser", "via.browser", "record-route.browser", "route.token"}
    assert not found & {"uri.binding", "via.received", "record-route.token"}


def test_a_name_in_the_address_of_the_outbound_proxy_is_no_token() -> None:
    lab = RecordingLab()
    alice, _ = lab.registered("alice", "bob")
    sent = alice.request("MESSAGE", "sip:bob@10.0.0.1", headers=("Route: <sip:alice@10.0.0.1;lr>",))
    found = reasons(lab, sent.call_id)
    assert "route.ours" in found and "route.token" not in found


def test_a_refusal_says_why_in_a_warning() -> None:
    lab = RecordingLab()
    (alice,) = lab.registered("alice")
    assert reasons(lab, alice.invite("nobody").call_id) >= {"answer.warning", "answer.tag"}
    assert reasons(lab, alice.request("SUBSCRIBE", "sip:10.0.0.1").call_id) >= {"answer.start"}
    assert reasons(lab, alice.request("MESSAGE", "sip:10.0.0.1").call_id) >= {"answer.allow"}
    strange = alice.request("INVITE", "sip:bob@10.0.0.1", headers=("Proxy-Require: magic",))
    assert reasons(lab, strange.call_id) >= {"answer.unsupported"}
    assert reasons(lab, alice.request("OPTIONS", "sip:10.0.0.1").call_id) >= {"answer.capability", "answer.allow"}
    brief = lab.phone("carol").register(expires=5)
    assert brief.status == 423 and reasons(lab, brief.call_id) >= {"answer.min-expires"}
    assert reasons(lab, lab.phone("dora").register().call_id) >= {"answer.contact"}


def test_strict_routes_both_ways() -> None:
    lab = RecordingLab()
    alice, _ = lab.registered("alice", "bob")
    strict = alice.request("MESSAGE", "sip:bob@10.0.0.1", headers=("Route: <sip:10.0.0.1;lr>, <sip:10.0.0.77>",))
    assert reasons(lab, strict.call_id) >= {"uri.strict", "route.strict", "route.target", "route.ours"}
    back = alice.request("MESSAGE", "sip:10.0.0.1;lr", headers=("Route: <sip:bob@10.0.0.11:5060>",))
    assert reasons(lab, back.call_id) >= {"uri.restored", "route.restored"}


def test_addresses_that_say_too_much() -> None:
    lab = RecordingLab()
    alice, _ = lab.registered("alice", "bob")
    at_us = alice.request("MESSAGE", "sip:x@10.0.0.77;maddr=10.0.0.1", to="<sip:x@10.0.0.77>")
    assert reasons(lab, at_us.call_id) >= {"uri.maddr"}
    headed = alice.request("MESSAGE", "sip:x@10.0.0.77?subject=hi", to="<sip:x@10.0.0.77>")
    assert reasons(lab, headed.call_id) >= {"uri.cleaned"}


def test_a_sender_who_says_nothing_of_hops_and_something_wrong_of_himself() -> None:
    lab = RecordingLab()
    alice, _ = lab.registered("alice", "bob")
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1", max_forwards=None, call_id="a")
    alice.send(data.replace(b";rport", b";received=1.2.3.4") + b"more than it says")
    alice.send(alice.compose("MESSAGE", "sip:bob@10.0.0.1", call_id="b").replace(b"UDP 10.0.0.10:5060", b"UDP pc7"))
    assert reasons(lab, b"a") >= {"max-forwards.added", "via.unreceived", "body.cut"}
    assert reasons(lab, b"b") >= {"via.rport"}
    alice.send(
        alice.compose("MESSAGE", "sip:bob@10.0.0.1", call_id="c")
        .replace(b"10.0.0.10:5060", b"pc7")
        .replace(b";rport", b"")
    )
    assert reasons(lab, b"c") >= {"via.received"}


def test_two_phones_that_want_a_password() -> None:
    lab = RecordingLab()
    alice, one, two = lab.registered("alice", "bob", "bob")
    sent = alice.invite("bob")
    for phone, realm in ((one, "a"), (two, "b")):
        phone.reply(phone.takes("INVITE"), 401, headers=(f'WWW-Authenticate: Digest realm="{realm}", nonce="1"',))
    assert "challenge.added" in reasons(lab, sent.call_id)


@pytest.mark.parametrize(
    ("phrases", "phrase", "key"),
    [
        (Phrasebook("sk"), "Ringing", "phrase.sk"),
        (Phrasebook("en"), "Vyzvananie", "phrase.en"),
        (Phrasebook("sk", "all", {180: "Crn crn"}), "Ringing", "phrase.own"),
    ],
)
def test_whose_words_the_phrase_has_now(phrases: Phrasebook, phrase: str, key: str) -> None:
    lab = RecordingLab(phrases=phrases)
    alice, bob = lab.registered("alice", "bob")
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 180, phrase)
    assert {one for one in reasons(lab, sent.call_id) if one.startswith("phrase")} == {key}


# -- all of them -----------------------------------------------------------------------------------------------------


def edits_of_the_engine() -> set[str]:
    """Every name of an edit that stands in the engine's source."""
    found: set[str] = set()
    for file in Path(next(iter(sipfullproxy.engine.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.AugAssign) and ast.unparse(node.target).endswith("edits"):
                found |= strings(node.value)
            elif isinstance(node, ast.Return | ast.Call) and not isinstance(node, ast.Return):
                inner = [one for one in node.args if isinstance(one, ast.Tuple)]
                if ast.unparse(node.func).endswith("transactions.request"):
                    found |= set().union(*map(strings, inner))
            elif isinstance(node, ast.Return) and file.name == "forwarding.py":
                found |= strings(node)
    return found


def strings(node: ast.AST) -> set[str]:
    """The texts in a piece of source."""
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_edit_of_the_engine_has_a_name_here() -> None:
    made = edits_of_the_engine()
    assert {"via-push", "via-pop", "uri-to-binding", "cancel", "phrase", "diversion", "strict-route"} <= made
    assert made == EDITS


def test_every_reason_is_told_in_both_languages() -> None:
    for key, said in table("reasons").items():
        assert said.sk and said.en and said.sk != said.en, key
        assert said.source.startswith("RFC ") or key == "unknown", key


def fits(function: Any, known: set[str]) -> bool:
    return inspect.isfunction(function) and set(inspect.signature(function).parameters) <= known


STORIES = [
    pytest.param(module, name, id=f"{module.__name__.removeprefix('tests.test_')}-{name.removeprefix('test_')}")
    for module in (test_flows, test_forking, test_diversion, test_forwarding, test_nat)
    for name, function in vars(module).items()
    if name.startswith("test_") and fits(function, {"lab", "alice", "bob", "carol"})
]


@pytest.fixture
def tapes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is heard by every engine that tests make from now on."""
    found: list[Any] = []
    monkeypatch.setattr(RecordingEngine, "tapes", found)
    monkeypatch.setattr(helpers, "Engine", RecordingEngine)
    monkeypatch.setattr(test_random_calls, "Engine", RecordingEngine)
    return found


@pytest.mark.parametrize(("module", "name"), STORIES)
def test_every_story_that_other_tests_tell_is_explained(module: ModuleType, name: str, tapes: list[Any]) -> None:
    function = getattr(module, name)
    wanted = inspect.signature(function).parameters
    given: dict[str, Any] = {}
    if wanted:
        given["lab"] = lab = Lab()
        if set(wanted) - {"lab"}:
            given |= zip(("alice", "bob", "carol"), lab.registered("alice", "bob", "carol"), strict=True)
    function(**{key: value for key, value in given.items() if key in wanted})
    for tape in tapes:
        for before, record in pairs(tape.records):
            assert_explained(before, record)


@each(range(40))
def test_every_random_call_is_explained(seed: int, tapes: list[Any]) -> None:
    tapes.clear()
    test_random_calls.play(seed)
    (tape,) = tapes
    explained = [assert_explained(before, record) for before, record in pairs(tape.records)]
    assert len(explained) == sum(not record.inward for record in tape.records)


@each(test_vectors.TABLE, test_vectors.named)
def test_every_vector_is_explained(vector: test_vectors.Vector, tapes: list[Any]) -> None:
    tapes.clear()
    test_vectors.play(vector.data)
    for before, record in pairs(tapes[0].records):
        assert_explained(before, record)


TORTURE = [*test_torture.RFC_4475, *test_torture.RFC_5118] if test_torture.FOLDER.is_dir() else []


@pytest.mark.skipif(not TORTURE, reason="the torture messages are not here")
@each(TORTURE, lambda torture: torture.name)
def test_every_torture_message_is_explained(torture: test_torture.Torture, tapes: list[Any]) -> None:
    tapes.clear()
    test_torture.play(torture.data)
    for tape in tapes:
        for before, record in pairs(tape.records):
            assert_explained(before, record)


@given(mutants(live()) | mutants([vector.data for vector in test_vectors.TABLE]), st.booleans())
@settings(derandomize=True)
def test_whatever_is_sent_its_changes_are_explained(data: bytes, strange: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordingEngine, "tapes", [])
        patch.setattr(helpers, "Engine", RecordingEngine)
        lab = scene()
        lab.phones.clear()  # they would stumble over a broken answer to a broken request
        lab.put(data, ("203.0.113.66", 5060) if strange else ("10.0.0.10", 5060))
        lab.advance(40)
        for before, record in pairs(RecordingEngine.tapes[0].records):
            assert_explained(before, record)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("before", [b"", b"junk", b"SIP/2.0 200 OK\r\n\r\n", b"INVITE x SIP/2.0\r\nRoute: ,\r\n\r\n"])
def test_what_is_no_pair_breaks_nothing(before: bytes, lang: Any) -> None:
    for after in (b"", b"junk", b"SIP/2.0 486 Busy\r\nVia: x\r\n\r\n", b"ACK sip:x SIP/2.0\r\nVia: a, b\r\n\r\nbody"):
        for one in changes(before, after, (), lang):
            assert one.why
