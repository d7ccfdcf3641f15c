"""Requests to names, in the virtual lab: a call waits for the DNS, goes to one server after another, or hears why not
(RFC 3263 §4). What the records mean: test_locating.py."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.events import Located
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.forking import BRANCHES
from sipfullproxy.engine.locating import Found, Srv
from sipfullproxy.engine.lookups import LOOKUPS, SHARE
from sipfullproxy.engine.timers import DURATION, LOOKUP, NEXT_SERVER
from sipfullproxy.sip.message import Request, Response
from tests.each import each
from tests.helpers import PROXY, Lab, Phone
from tests.zones import Zone

ONE, TWO = ("192.0.2.1", 5060), ("192.0.2.2", 5070)

ZONE: Zone = {
    "example.com": ["192.0.2.9"],
    "_sip._udp.example.com": [Srv(1, 0, 5060, "one.example.com"), Srv(2, 0, 5070, "two.example.com")],
    "one.example.com": ["192.0.2.1"],
    "two.example.com": ["192.0.2.2"],
    "alone.example.com": ["192.0.2.1"],
}  # fmt: skip


def house(**settings: Any) -> tuple[Lab, Phone, Phone, Phone]:
    """alice is registered; one and two serve example.com."""
    lab = Lab(resolve=True, **settings)
    lab.zone = ZONE
    (alice,) = lab.registered("alice")
    one, two = (lab.phone("bob", f"{host}:{port}") for host, port in (ONE, TWO))
    return lab, alice, one, two


def all_is_over(lab: Lab, phones: int = 1) -> None:
    """Nothing is left in any table but the registrations."""
    lab.resolve()
    lab.advance(400)
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": phones}


def warning(response: Response) -> str:
    return (response.first(b"warning") or b"").decode()


def test_a_call_to_a_name_waits_for_the_dns_and_goes_to_its_first_server() -> None:
    lab, alice, one, two = house()
    invite = alice.invite("sip:bob@example.com")
    assert alice.takes(100) and not one.waiting and not two.waiting
    alice.send(lab_copy(invite))
    assert len(lab.questions) == 1, "the same INVITE again asks nothing"
    alice.inbox.clear()
    lab.resolve()
    got = one.takes("INVITE")
    assert got.uri_text == b"sip:bob@example.com" and not two.waiting
    sent = next(send for send in lab.sent if send.flow.remote == ONE)
    assert sent.cause == "dns" and "dns" in sent.edits
    one.answer(got)
    response = alice.takes(200)
    assert alice.dialog is not None
    alice.dialog.confirm(response)
    alice.dialog.ack(invite)
    one.takes("ACK")
    (located,) = (event for event in lab.events if isinstance(event, Located))
    assert (located.who, located.whom, located.address, located.transport, located.names) == (
        "alice@10.0.0.1", "bob@example.com", "192.0.2.1:5060", "udp",
        "example.com → _sip._udp.example.com → one.example.com",
    )  # fmt: skip
    alice.dialog.request("BYE")
    one.reply(one.takes("BYE"), 200)
    all_is_over(lab)


def lab_copy(request: Any) -> bytes:
    """The same request once more."""
    return b"\r\n".join((request.start, *request.lines, b"", request.body))


FAILURES: dict[str, Callable[[Lab, Phone], object]] = {
    "503": lambda lab, one: one.reply(one.takes("INVITE"), 503),
    "nobody can send there": lambda lab, one: lab.lose(one.address),
    "silence": lambda lab, one: lab.advance(NEXT_SERVER + 0.1),
}


@pytest.mark.purpose(
    "RFC3263_10",
    given="a call to a name with two servers, the first of which answers 503, cannot be reached, or is silent",
    expect="the INVITE to the second, with a branch of its own; the caller hears that one alone",
)
@pytest.mark.parametrize("failure", FAILURES)
def test_where_one_server_fails_the_next_one_is_tried(failure: str) -> None:
    lab, alice, one, two = house()
    alice.invite("sip:bob@example.com")
    alice.takes(100)
    lab.resolve()
    branches = {one.inbox[0].via.branch}
    FAILURES[failure](lab, one)
    second = two.takes("INVITE")
    branches.add(second.via.branch)
    assert len(branches) == 2 and not alice.waiting
    two.ring(second)
    two.answer(second)
    assert [alice.takes(180).status, alice.takes(200).status] == [180, 200]
    assert [event.address for event in lab.events if isinstance(event, Located)] == ["192.0.2.1:5060", "192.0.2.2:5070"]


def test_a_server_that_speaks_up_when_the_next_was_asked_is_cancelled() -> None:
    lab, alice, one, two = house()
    alice.invite("sip:bob@example.com")
    lab.resolve()
    first = one.takes("INVITE")
    one.inbox.clear()
    lab.advance(NEXT_SERVER + 0.1)
    one.inbox.clear()
    second = two.takes("INVITE")
    two.inbox.clear()
    one.ring(first)
    assert one.takes("CANCEL") and alice.waiting == [100]
    two.reply(second, 486)
    assert alice.waiting == [100], "a 200 of the first may be on its way"
    one.reply(first, 487)
    assert alice.waiting == [100, 486]
    all_is_over(lab)


def test_who_has_said_a_word_is_waited_for() -> None:
    """A 100 is enough: then it rings as long as anywhere."""
    lab, alice, one, two = house()
    alice.invite("sip:bob@example.com")
    lab.resolve()
    got = one.takes("INVITE")
    one.reply(got, 100, "Trying")
    lab.advance(60)
    assert not two.waiting and alice.waiting == [100]
    one.answer(got)
    assert alice.waiting == [100, 200]


def test_when_the_last_server_fails_the_call_does() -> None:
    lab, alice, one, two = house()
    alice.invite("sip:bob@example.com")
    lab.resolve()
    one.reply(one.takes("INVITE"), 503)
    two.reply(two.takes("INVITE"), 503)
    assert alice.waiting == [100, 500], "a 503 is not passed on (RFC 3261 §16.7 item 6)"
    all_is_over(lab)


def test_breadth_is_kept_for_the_next_server() -> None:
    """RFC 5393 §5.3.3: what both have, while the first may still answer, is no more than came."""
    lab, alice, one, two = house()
    alice.invite("sip:bob@example.com", headers=("Max-Breadth: 7",))
    lab.resolve()
    lab.advance(NEXT_SERVER + 0.1)
    shares = [int(phone.inbox[0].first(b"max-breadth") or 0) for phone in (one, two)]
    assert shares == [4, 3]
    alice.invite("sip:bob@example.com", headers=("Max-Breadth: 1",))
    lab.resolve()
    one.inbox.clear()
    two.inbox.clear()
    lab.advance(NEXT_SERVER + 0.1)
    assert one.waiting.count("INVITE") and not [m for m in two.inbox if m.first(b"max-breadth") == b"1"]


def test_a_request_without_a_dialog_goes_to_a_name_too() -> None:
    lab, alice, _, two = house()
    alice.request("MESSAGE", "sip:bob@example.com")
    lab.resolve()
    lab.advance(NEXT_SERVER + 0.1)
    two.reply(two.takes("MESSAGE"), 200)
    assert alice.waiting == [100, 200]
    all_is_over(lab)


@pytest.mark.parametrize(
    ("zone", "status", "why"),
    [
        ({}, 404, "The DNS knows no SIP server of example.com"),
        ({"example.com": None}, 504, "The DNS does not say where example.com is"),
        ({"example.com": ["127.0.0.1"]}, 500, "Nothing is sent to where example.com leads"),
        ({"example.com": ["224.0.0.1", "255.255.255.255", "0.0.0.0"]}, 500, "Nothing is sent to where example.com"),
        ({"example.com": ["::1", "::ffff:127.0.0.1", "fe80::1%eth0"]}, 404, "no SIP server"),
        ({"example.com": ["no address", "10.0.0.300"]}, 500, "Nothing is sent"),
        ({"example.com": ["192.0.2.7", "10.0.0.1"]}, 482, "example.com is this proxy"),
    ],
)
def test_a_name_that_leads_nowhere_is_told_so(zone: Zone, status: int, why: str) -> None:
    """DNS rebinding: a name gets nobody to where we would send nothing by numbers."""
    lab, alice, *_ = house()
    lab.zone = zone
    alice.invite("sip:bob@example.com")
    lab.resolve()
    alice.takes(100)
    response = alice.takes(status)
    assert why in warning(response) and not lab.astray
    alice.request("MESSAGE", "sip:bob@example.com")
    lab.resolve()
    assert why in warning(alice.takes(status))
    assert lab.kinds == ["failed"]
    all_is_over(lab)


def test_where_the_dns_says_nothing_at_all_it_is_waited_for_so_long_and_no_longer() -> None:
    lab, alice, *_ = house()
    alice.invite("sip:bob@example.com")
    (question,) = lab.questions
    lab.advance(LOOKUP - 0.1)
    assert alice.waiting == [100]
    lab.advance(0.2)
    assert alice.waiting == [100, 504]
    assert lab.engine.resolved(question.id, Found(), lab.now) == [], "too late"
    assert lab.engine.resolved(12345, Found(), lab.now) == []
    all_is_over(lab)


def test_a_call_that_is_cancelled_while_its_name_is_looked_up_is_over() -> None:
    lab, alice, one, _ = house()
    invite = alice.invite("sip:bob@example.com")
    alice.takes(100)
    alice.cancel(invite)
    assert alice.waiting == [200, 487]
    lab.resolve()
    assert not one.waiting and lab.kinds == ["cancelled"]
    all_is_over(lab)


def test_a_call_that_is_cancelled_at_the_first_server_goes_to_no_other() -> None:
    lab, alice, one, two = house()
    invite = alice.invite("sip:bob@example.com")
    lab.resolve()
    got = one.takes("INVITE")
    one.reply(got, 100, "Trying")
    alice.cancel(invite)
    one.takes("CANCEL")
    one.reply(got, 503)
    assert not two.waiting and alice.waiting == [100, 200, 487]
    all_is_over(lab)


def test_too_many_names_at_once_are_refused() -> None:
    lab, alice, *_ = house()
    phones = lab.registered(*(f"phone{number}" for number in range(LOOKUPS // SHARE)))
    for phone in phones:
        for _ in range(SHARE):
            phone.request("MESSAGE", "sip:bob@example.com")
    assert not any(phone.waiting for phone in phones) and len(lab.questions) == LOOKUPS
    alice.request("MESSAGE", "sip:bob@example.com")
    assert "Too many names" in warning(alice.takes(500))


def test_the_names_of_one_sender_leave_room_for_others() -> None:
    """Wherever he sends from: his address counts, and in IPv6 the network."""
    lab, alice, *_ = house()
    mallory, twin = lab.phone("mallory", "10.0.9.9:5060"), lab.phone("mallory", "10.0.9.9:6000")
    for phone in (mallory, twin):
        phone.register()
        for _ in range(SHARE):
            phone.request("MESSAGE", "sip:bob@slow.example")
    assert len(lab.questions) == SHARE and twin.waiting == [500] * SHARE
    alice.request("MESSAGE", "sip:bob@example.com")
    assert len(lab.questions) == SHARE + 1 and not alice.waiting
    lab.resolve()
    mallory.inbox.clear()
    mallory.request("MESSAGE", "sip:bob@slow.example")
    assert len(lab.questions) == 1, "the others are over"
    assert not lab.engine._core.lookups._shares.keys() - {"10.0.9.9"}


def test_a_fork_does_not_wait_for_names_where_others_answer() -> None:
    """carol's phone answers while the DNS is asked where bob is redirected to."""
    lab, alice, one, _ = house()
    bob, carol = lab.phone("bob"), lab.phone("bob")
    bob.register()
    carol.register()
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:bob@example.com>",), contact=False)
    assert lab.questions
    carol.answer(carol.takes("INVITE"))
    assert alice.waiting.count(200) == 1
    lab.resolve()
    assert not one.waiting


def test_a_phones_302_and_a_rule_of_forwarding_lead_to_names() -> None:
    lab, alice, one, _ = house(forward={b"dana": Rule(always="sip:bob@example.com")})
    bob = lab.phone("bob")
    bob.register()
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:bob@alone.example.com>",), contact=False)
    lab.resolve()
    one.answer(one.takes("INVITE"))
    alice.inbox.clear()
    alice.invite("dana")
    lab.resolve()
    got = one.takes("INVITE")
    assert got.uri_text == b"sip:bob@example.com" and got.first(b"diversion")
    one.answer(got)
    assert alice.waiting == [100, 181, 200]


def test_a_rule_that_leads_to_no_server_keeps_to_itself_where_that_is() -> None:
    lab, alice, *_ = house(forward={b"dana": Rule(always="sip:bob@nowhere.example.com")})
    alice.invite("dana")
    lab.resolve()
    response = next(message for message in alice.inbox if message.status == 480)  # type: ignore[union-attr]
    assert isinstance(response, Response) and "nowhere" not in warning(response)


def test_an_ack_waits_for_the_name_in_the_contact() -> None:
    lab, alice, one, two = house()
    one.contact = "sip:bob@two.example.com:5070"
    invite = alice.invite("sip:bob@alone.example.com")
    lab.resolve()
    one.answer(one.takes("INVITE"))
    assert alice.dialog is not None
    alice.dialog.confirm(alice.inbox.pop())  # type: ignore[arg-type]
    alice.dialog.ack(invite)
    assert not two.waiting
    lab.resolve()
    two.takes("ACK")
    alice.dialog.request("BYE")
    lab.resolve()
    two.reply(two.takes("BYE"), 200)
    lab.zone = {}
    alice.dialog.ack(invite)
    lab.resolve()
    assert not two.waiting and not one.waiting
    all_is_over(lab)


def test_a_name_in_route_is_looked_up_and_one_of_ours_is_not() -> None:
    lab, alice, one, _ = house(domains=frozenset(["lab.sk"]))
    bob = lab.phone("bob")
    bob.register()
    for _ in range(2):
        alice.request("MESSAGE", "sip:bob@lab.sk", headers=("Route: <sip:lab.sk;lr>",))
        bob.reply(bob.takes("MESSAGE"), 200)
        alice.takes(200)
    assert not lab.questions
    alice.request("MESSAGE", "sip:bob@lab.sk", headers=("Route: <sip:alone.example.com;lr>",))
    lab.resolve()
    assert one.takes("MESSAGE").values(b"route") == [b"<sip:alone.example.com;lr>"]


def test_strangers_cannot_have_names_looked_up() -> None:
    """Neither as callers, nor by a To tag, nor with `--open`: no question is asked for who is not registered."""
    for settings in ({}, {"open": True}):
        lab, _, one, _ = house(**settings)
        mallory = lab.phone("mallory")
        mallory.invite("sip:bob@example.com")
        mallory.takes(403)
        mallory.request("BYE", "sip:bob@example.com", to="<sip:bob@example.com>;tag=x")
        mallory.takes(403)
        mallory.request("ACK", "sip:bob@example.com", to="<sip:bob@example.com>;tag=x")
        mallory.request("MESSAGE", "sip:bob@10.0.0.1", headers=("Route: <sip:example.com;lr>",))
        mallory.takes(403)
        assert not lab.questions and not one.waiting


def test_the_parties_of_a_call_reach_each_other_by_name_and_nobody_else() -> None:
    """A guest calls a user whose calls go on to a name, and the one who answers there is reached by his name."""
    lab, _, one, two = house(open=True, forward={b"dana": Rule(always="sip:bob@alone.example.com")})
    one.contact = "sip:bob@one.example.com:5060"
    guest = lab.phone("guest")
    invite = guest.invite("dana")
    lab.resolve()
    one.answer(one.takes("INVITE"))
    assert guest.dialog is not None
    guest.dialog.confirm(guest.inbox.pop())  # type: ignore[arg-type]
    guest.dialog.ack(invite)
    lab.resolve()
    one.takes("ACK")
    guest.dialog.target = "sip:bob@two.example.com:5070"
    guest.inbox.clear()
    guest.dialog.request("MESSAGE")
    guest.dialog.ack(invite)
    lab.resolve()
    assert guest.waiting == [500] and not two.waiting and not lab.astray
    guest.dialog.target = one.contact
    guest.inbox.clear()
    guest.dialog.request("BYE")
    lab.resolve()
    one.reply(one.takes("BYE"), 200)
    assert guest.waiting == [200]
    all_is_over(lab)


def test_numbers_that_are_no_addresses_are_no_names() -> None:
    lab, alice, *_ = house()
    for host in ("10.0.0.300", "1.2.3", "0.0.0.0", "255.255.255.255", "127.0.0.1", "[::1]", "7", "224.0.0.5"):
        alice.request("MESSAGE", f"sip:bob@{host}")
        assert alice.waiting and not lab.questions
        alice.inbox.clear()


def test_without_a_dns_names_lead_nowhere() -> None:
    lab = Lab()
    (alice,) = lab.registered("alice")
    alice.request("MESSAGE", "sip:bob@example.com")
    assert not lab.questions
    assert "No way leads there" in warning(alice.takes(500))


def test_sips_to_a_name_is_tls_or_nothing() -> None:
    lab, alice, *_ = house(listen=(("udp", ("10.0.0.1", 5060)), ("tls", ("10.0.0.1", 5061))))
    lab.zone = {"_sips._tcp.example.com": [Srv(0, 0, 5063, "one.example.com")], **ZONE}
    alice.request("MESSAGE", "sips:bob@example.com")
    lab.resolve()
    assert [send.flow[::2] for send in lab.astray] == [("tls", ("192.0.2.1", 5063), "example.com")]
    lab, alice, *_ = house()
    alice.request("MESSAGE", "sips:bob@example.com")
    assert not lab.questions and alice.waiting == [480]


def test_sips_behind_a_route_to_a_name_is_tls_all_the_same() -> None:
    """RFC 3261 §8.1.2: the next hop is looked up as if it were a sips URI, though it is written as sip."""
    lab, alice, one, _ = house(listen=(("udp", PROXY), ("tls", (PROXY[0], 5061))))
    secure = lab.phone("two", "192.0.2.2:5061", transport="tls")
    lab.zone = {"_sip._udp.example.com": [Srv(1, 0, 5060, "one.example.com")], "example.com": ["192.0.2.2"]}
    alice.invite("sips:bob@far.example.com", headers=("Route: <sip:example.com;lr>",))
    lab.resolve()
    assert not one.inbox
    assert secure.takes("INVITE")


def test_sips_behind_a_route_to_a_name_needs_tls() -> None:
    lab, alice, *_ = house()
    alice.invite("sips:bob@far.example.com", headers=("Route: <sip:example.com;lr>",))
    assert alice.takes(480) and not lab.questions


@pytest.mark.parametrize("heard", [False, True])
def test_what_was_sent_on_is_not_sent_again_when_its_connection_fails(heard: bool) -> None:
    """A large MESSAGE goes by TCP. That fails when the next server has answered, or when this one has shown that it
    knows the request: then UDP would only bring it twice."""
    lab, alice, *_ = house()
    one, two = (lab.phone("bob", f"{host}:{port}", transport="tcp") for host, port in (ONE, TWO))
    alice.request("MESSAGE", "sip:bob@example.com", body="x" * 1500)
    lab.resolve()
    if heard:
        one.reply(one.takes("MESSAGE"), 100)
    else:
        lab.advance(NEXT_SERVER + 1)
        two.reply(two.takes("MESSAGE"), 200)
    lab.lose(ONE, "tcp")
    assert not [send for send in lab.astray if send.flow == Flow("udp", PROXY, ONE)]


def test_a_request_is_not_sent_on_and_on_because_the_dns_says_so() -> None:
    """Twenty phones of a user who are all redirected to names with eight addresses each."""
    lab, alice, *_ = house()
    lab.zone = {f"h{number}.sk": [f"192.0.2.{host}" for host in range(1, 9)] for number in range(20)}
    bob = lab.phone("bob")
    bob.register()
    alice.invite("bob")
    contacts = ", ".join(f"<sip:bob@h{number}.sk>" for number in range(20))
    bob.reply(bob.takes("INVITE"), 302, headers=(f"Contact: {contacts}",), contact=False)
    for _ in range(200):
        lab.resolve()
        lab.lose(("192.0.2.1", 5060))
        for host in range(2, 9):
            lab.lose((f"192.0.2.{host}", 5060))
    sent = {send.data.partition(b"branch=")[2].partition(b"\r")[0] for send in lab.astray}
    assert len(sent) <= BRANCHES and alice.waiting[-1] == 500
    all_is_over(lab, 2)


@each(range(150))
def test_whatever_happens_there_is_one_answer_and_nothing_is_left(seed: int) -> None:
    """The DNS, the servers, the network and the caller at random: one final response (or 2xx after it), and tables that
    end empty, but for a call that was answered."""
    chance = Random(seed)
    lab, alice, one, two = house(forward={b"dana": Rule(always="sip:bob@example.com")})
    lab.zone = chance.choice([ZONE, ZONE, ZONE, {}, {"example.com": None}, {"example.com": ["192.0.2.2", "192.0.2.1"]}])
    method = chance.choice(["INVITE", "INVITE", "MESSAGE"])
    whom = chance.choice(["sip:bob@example.com", "sip:bob@one.example.com", "sip:dana@10.0.0.1"])
    request = alice.invite(whom) if method == "INVITE" else alice.request(method, whom)
    asked: dict[Phone, list[Request]] = {one: [], two: []}
    for _ in range(chance.randint(1, 25)):
        match chance.randrange(8):
            case 0 | 1:
                lab.resolve()
            case 2:
                lab.advance(chance.choice([0.1, 1, NEXT_SERVER, 40]))
            case 3 if method == "INVITE" and chance.random() < 0.3:
                alice.cancel(request)
            case 4:
                lab.lose(chance.choice([ONE, TWO]))
            case _:
                phone = chance.choice([one, two])
                while phone.inbox:
                    message = phone.inbox.popleft()
                    assert isinstance(message, Request)
                    if message.method == request.method:
                        asked[phone].append(message)
                    elif message.method == b"CANCEL":
                        phone.reply(message, 200)
                if asked[phone]:
                    status = chance.choice([100, 180, 200, 302, 408, 486, 503, 503, 603])
                    phone.reply(chance.choice(asked[phone]), status, contact=False)
    lab.resolve()
    lab.advance(800)
    finals = [
        message.status for message in alice.inbox
        if isinstance(message, Response) and message.status >= 200 and message.cseq_method == request.method
    ]  # fmt: skip
    assert method == "MESSAGE" or finals, "who calls hears the end of it"
    assert len({status for status in finals if status >= 300}) <= 1
    assert method == "INVITE" or len(set(finals)) <= 1
    load = lab.engine.load
    assert not load["transactions"] and load["timers"] == load["calls"] <= (method == "INVITE" and 200 in finals)


@each(range(150))
def test_names_flows_and_forwarding_together(seed: int) -> None:
    """Erin has one phone with three flows, and her calls go on to a name. Whatever the phones, the network and the
    caller do: the phone rings by one flow at a time, the caller hears one end, and nobody is left ringing."""
    chance = Random(seed)
    rule = Rule(busy="sip:bob@example.com", no_answer="sip:bob@example.com", after=chance.choice([1, 20]))
    lab, alice, one, two = house(forward={b"erin": rule})
    flows = [erins_phone(lab, number, chance.choice(["udp", "tcp"])) for number in (1, 2, 3)]
    invite = alice.invite("erin", body="x" * chance.choice([10, 1500]))
    rings: dict[bytes, tuple[Phone, Request]] = {}
    over: set[bytes] = set()
    cancelled: set[bytes] = set()
    given_up = False
    for step in range(chance.randint(5, 60)):
        for phone in (one, two, *flows):
            while phone.inbox:
                message = phone.inbox.popleft()
                assert isinstance(message, Request)
                if message.method == b"CANCEL":
                    phone.reply(message, 200)
                    cancelled.add(message.via.branch)
                elif message.method == b"INVITE" and message.via.branch not in rings:
                    assert not given_up, "who has hung up calls nobody else"
                    phone.ring(message)
                    rings[message.via.branch] = phone, message
        ringing = rings.keys() - over - cancelled
        assert len([branch for branch in ringing if rings[branch][0] in flows]) <= 1
        assert not (ringing and ends(alice)), "who rings when the call is over has been told so"
        match chance.randrange(8):
            case 0:
                lab.resolve()
            case 1:
                lab.advance(chance.choice([0.1, 1, NEXT_SERVER, 30]))
            case 2 if step > 5 and not ends(alice):
                alice.cancel(invite)
                given_up = True
            case 3:
                lab.lose(chance.choice([ONE, TWO]), chance.choice(["udp", "tcp"]))
            case _ if rings.keys() - over:
                branch = chance.choice(sorted(rings.keys() - over))
                phone, message = rings[branch]
                status = chance.choice([487, 430] if branch in cancelled else [408, 430, 430, 486, 503])
                phone.reply(message, status, contact=False)
                over.add(branch)
    for branch in cancelled - over:
        rings[branch][0].reply(rings[branch][1], 487, contact=False)
    lab.resolve()
    lab.advance(800)
    assert len(ends(alice)) == 1
    told = cancelled | {branch for phone in (one, two, *flows) for branch in cancels(phone)}
    assert rings.keys() - over <= told
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 4}


def erins_phone(lab: Lab, number: int, transport: str) -> Phone:
    """One flow of it."""
    params = f';+sip.instance="<urn:uuid:erin>";reg-id={number}'
    phone = lab.phone("erin", f"10.0.0.3{number}:5060", contact_params=params, transport=transport)
    assert phone.register(headers=("Supported: path, outbound",)).status == 200
    return phone


def cancels(phone: Phone) -> set[bytes]:
    """What the phone was told to give up, and has not read yet."""
    requests = [message for message in phone.inbox if isinstance(message, Request)]
    return {request.via.branch for request in requests if request.method == b"CANCEL"}


def ends(caller: Phone) -> set[int]:
    """How her call has ended, as she has heard it."""
    responses = [message for message in caller.inbox if isinstance(message, Response)]
    return {response.status for response in responses if response.status >= 200 and response.cseq_method == b"INVITE"}


# -- responses ---------------------------------------------------------------------------------------------------------


def by_name(phone: Phone, host: str) -> bytes:
    """A MESSAGE to bob whose Via names that host."""
    data = phone.compose("MESSAGE", "sip:bob@10.0.0.1")
    return data.replace(b"UDP 10.0.0.10:5060;", f"UDP {host};".encode())


@pytest.mark.purpose(
    "RFC3263_12",
    given="a MESSAGE of a phone whose Via names a host with two addresses; nothing can be sent to where it came from, "
    "nor to the first of them",
    expect="the response to the second",
)
def test_a_response_goes_to_where_the_via_names_a_host_when_its_way_fails() -> None:
    lab, alice, one, _ = house()
    lab.zone = {"laptop.lab.sk": ["192.0.2.8", "192.0.2.1"]}
    bob = lab.phone("bob")
    bob.register()
    alice.send(by_name(alice, "laptop.lab.sk:5060"))
    bob.reply(bob.takes("MESSAGE"), 200)
    alice.takes(200)
    lab.lose(alice.address)
    lab.resolve()
    assert [send.flow.remote for send in lab.astray] == [("192.0.2.8", 5060)]
    lab.lose(("192.0.2.8", 5060))
    assert one.waiting == [200]
    lab.lose(ONE)
    assert not lab.questions, "it is asked for once"
    all_is_over(lab, 2)


def test_a_name_in_a_via_without_a_port_is_looked_up_with_its_transport() -> None:
    lab, alice, _, two = house()
    lab.zone = {"_sip._udp.lab.sk": [Srv(0, 0, 5070, "two.lab.sk")], "two.lab.sk": ["192.0.2.2"]}
    bob = lab.phone("bob")
    bob.register()
    alice.send(by_name(alice, "lab.sk").replace(b";rport", b""))
    lab.lose(alice.address)
    lab.resolve()
    bob.reply(bob.takes("MESSAGE"), 200)
    assert two.waiting == [200], "what had not come when its way failed goes there, too"


@pytest.mark.parametrize(("transport", "again"), [("UDP", True), ("TCP", False)])
def test_a_refusal_that_goes_another_way_is_repeated_where_that_loses_messages(transport: str, again: bool) -> None:
    """§17.2.1: timer G is for transports that are not reliable; that of the way it takes counts."""
    lab, alice, *_ = house()
    lab.zone = {"laptop.lab.sk": ["192.0.2.9"]}
    invite = alice.compose("INVITE", "sip:nobody@10.0.0.1")
    alice.send(invite.replace(b"UDP 10.0.0.10:5060;", f"{transport} laptop.lab.sk:5060;".encode()))
    lab.lose(alice.address)
    lab.resolve()
    lab.advance(DURATION["H"])
    assert {send.flow.transport for send in lab.astray} == {transport.lower()}
    assert sum(send.cause == "G" for send in lab.astray) == (10 if again else 1), "one was running when its way failed"
    all_is_over(lab)


def test_a_response_without_a_way_is_over() -> None:
    for host, zone in (("laptop.lab.sk", {}), ("laptop.lab.sk", {"laptop.lab.sk": ["10.0.0.1"]}), ("10.0.0.77", {})):
        lab, alice, *_ = house()
        lab.zone = zone
        bob = lab.phone("bob")
        bob.register()
        alice.send(by_name(alice, host))
        bob.reply(bob.takes("MESSAGE"), 200)
        lab.lose(alice.address)
        lab.resolve()
        assert not lab.astray
        all_is_over(lab, 2)


def test_strangers_cannot_have_a_response_sent_to_a_name() -> None:
    lab, *_ = house()
    lab.zone = {"victim.sk": ["192.0.2.1"]}
    mallory = lab.phone("mallory", "10.0.0.66:5060")
    mallory.send(mallory.compose("OPTIONS", "sip:10.0.0.1").replace(b"UDP 10.0.0.66:5060;", b"UDP victim.sk;"))
    lab.lose(mallory.address)
    assert not lab.questions


def test_a_response_whose_request_is_over_is_not_sent_when_the_dns_answers() -> None:
    lab, alice, one, _ = house()
    lab.zone = {"laptop.lab.sk": ["192.0.2.1"]}
    alice.send(by_name(alice, "laptop.lab.sk").replace(b"sip:bob@", b"sip:nobody@"))
    lab.advance(DURATION["J"] - 1)
    lab.lose(alice.address)
    assert lab.questions
    lab.advance(2)
    lab.resolve()
    assert not one.waiting
    all_is_over(lab)
