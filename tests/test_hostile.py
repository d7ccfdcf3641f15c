"""Whatever arrives, the engine serves the next message: no bytes make it raise, and nobody can fill its tables.

An engine without a `report` raises its bugs; so these tests only have to come to their end.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.engine.flow import Flow
from tests.helpers import Lab, call
from tests.logins import URI, authorization, challenged, chosen, credentials, proxy_authorization, users
from tests.passing import named, split

FOLDER = Path(__file__).parent / "vectors"
VECTORS = [file.read_bytes() for file in sorted(FOLDER.glob("*.sip"))]

STRANGER = ("203.0.113.66", 5060)

# What breaks a message, what steers it, and what begins something else.
MARKS = [b"\r\n", b"\r\n ", b"\r\n\r\n", b"\n", b"\r", b"\0", b"\xff", *(bytes((mark,)) for mark in b' ,;:"<>=%@?&[]')]
LINES = (
    b"Route: <sip:10.0.0.1;lr>|Route: ,|Route: <sip:x@10.0.0.1;lr>|Contact: ,|Contact: *|Record-Route:|Via: ,|"
    b"Max-Breadth: 0|Max-Breadth: x|Max-Forwards: 0|Expires: 0|Replaces:|Refer-To:|Event: refer|Session-Expires: ;|"
    b"Reason:|Timestamp:|Require: x|Proxy-Require: x|Content-Length: 0"
).split(b"|")
WORDS = (
    b";tag= ;tag=b1 ;lr ;maddr=10.0.0.1 ;expires= ;q= ;rport ;received= ;+sip.instance= INVITE ACK CANCEL BYE REGISTER "
    b"OPTIONS NOTIFY REFER UPDATE PRACK SIP/2.0 sip: sips: tel: sip:10.0.0.1 sip:bob@10.0.0.11:5060 sip:[::1] 99999 -1 "
    b"10.0.0.256 z9hG4bK alice bob"
).split()
PIECES = [*MARKS, *(line + b"\r\n" for line in LINES), *WORDS]


@st.composite
def mutants(draw: st.DrawFn, of: list[bytes]) -> bytes:
    """A message with a few of its bytes cut out, doubled, or replaced by what means something elsewhere."""
    data = draw(st.sampled_from(of))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 24)))
        new = draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(data[start:end] * 2))
        data = data[:start] + new + data[end:]
    return data


def scene() -> Lab:
    """Two phones in a call, and a second call that rings: whatever comes may be for either. Always the very same."""
    lab = Lab(domains=frozenset({"example.com"}), open=True)
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    alice.invite("bob", call_id="ringing", branch="z9hG4bKringing", headers=("Supported: 100rel",))
    bob.ring(bob.takes("INVITE"))
    return lab


def live() -> list[bytes]:
    """What the phones of the scene could rightly send next."""
    lab = scene()
    alice, bob = lab.phones.values()
    sent = [send.data for send in lab.sent if send.data.startswith(b"INVITE")][-1]
    ring = [send.data for send in lab.sent if send.data.startswith(b"SIP/2.0 180")][-1]
    start, lines, body = split(sent)
    via = [line for line in lines if line.startswith(b"Via:")]
    names = (b"record-route", b"from", b"call-id", b"cseq")
    ours = [*via, *named(lines, *names), b"To: <sip:bob@10.0.0.1>;tag=bob-5060", b"Contact: <sip:bob@10.0.0.11:5060>"]
    hers = [via[1], *named(lines, *names), b"To: <sip:bob@10.0.0.1>", b"Contact: <sip:alice@10.0.0.10:5060>"]
    answers = [b"\r\n".join((b"SIP/2.0 %d Fine" % status, *ours, b"", body)) for status in STATUSES]
    again = b"\r\n".join((b"INVITE sip:bob@10.0.0.1 SIP/2.0", *hers, b"", body))
    assert ring and start
    for phone in (alice, bob):
        assert phone.dialog is not None
        for method in ("BYE", "INVITE", "UPDATE", "REFER", "NOTIFY", "INFO"):
            phone.dialog.request(method, headers=("Refer-To: <sip:carol@10.0.0.1>", "Event: refer"), body="v=0")
    asked = [send.data for send in lab.sent if b"\r\nRefer-To: " in send.data]
    return [*answers, again, again.replace(b"INVITE", b"CANCEL"), again.replace(b"INVITE", b"ACK"), *asked]


STATUSES = (100, 180, 183, 199, 200, 202, 301, 302, 380, 401, 404, 407, 408, 480, 486, 487, 503, 600, 603, 699)
LIVE = live()

SOURCES = (("10.0.0.10", 5060), ("10.0.0.11", 5060), STRANGER)


@st.composite
def logins(draw: st.DrawFn) -> tuple[Lab, bytes]:
    """Where each call needs a login: Alice with a right one, a few bytes of which were changed on the way."""
    lab = Lab(users=users(calls=True))
    alice = lab.phone("alice")
    if draw(st.booleans()):
        challenge = chosen(alice.register())
        line = authorization(credentials(challenge, "REGISTER", URI, "alice"))
        data = alice.compose("REGISTER", URI, to=f"<{alice.aor}>", from_=f"<{alice.aor}>;tag=r", headers=(line,))
    else:
        sent, answer = challenged(alice, "bob")
        line = proxy_authorization(credentials(chosen(answer), "INVITE", sent.uri_text.decode(), "alice"))
        data = alice.compose("INVITE", sent.uri_text.decode(), headers=(line,))
    start = data.index(b"Digest")
    end = data.index(b"\r\n", start)
    return lab, data[:start] + draw(mutants([data[start:end]])) + data[end:]


def survive(lab: Lab, messages: list[tuple[bytes, tuple[str, int]]]) -> None:
    """Have them all arrive, and whatever follows from it happen; then everything is forgotten."""
    engine, now = lab.engine, lab.now
    for data, source in messages:
        for send in engine.receive(data, Flow("udp", lab.address, source), now):
            assert send.data and 0 < send.flow.remote[1] < 65536
        engine.events()
    while (at := engine.next_timer()) is not None:
        now = max(now, at)
        engine.tick(now)
    engine.events()
    assert set(engine.load.values()) == {0}


@given(st.binary() | st.lists(st.sampled_from(PIECES)).map(b"".join), st.sampled_from(SOURCES))
def test_any_bytes_are_survived(data: bytes, source: tuple[str, int]) -> None:
    survive(scene(), [(data, source)])


@given(st.lists(st.tuples(mutants(VECTORS), st.sampled_from(SOURCES)), min_size=1, max_size=4))
def test_any_mutants_of_our_vectors_are_survived_and_forgotten(messages: list[tuple[bytes, tuple[str, int]]]) -> None:
    survive(scene(), messages)


@given(st.lists(st.tuples(mutants(LIVE), st.sampled_from(SOURCES)), min_size=1, max_size=6))
def test_so_are_mutants_of_what_belongs_to_a_call(messages: list[tuple[bytes, tuple[str, int]]]) -> None:
    survive(scene(), messages)


@given(logins(), st.sampled_from(SOURCES))
def test_so_are_mutants_of_logins(lab_and_login: tuple[Lab, bytes], source: tuple[str, int]) -> None:
    lab, data = lab_and_login
    survive(lab, [(data, source)])


@given(logins())
def test_a_changed_login_lets_in_nobody_but_its_user(lab_and_login: tuple[Lab, bytes]) -> None:
    """Whatever was changed: the proof fits for alice alone, or not at all."""
    lab, data = lab_and_login
    lab.put(data, STRANGER)
    assert {phone.user for phone in lab.engine.phones(10)} <= {b"alice"}
