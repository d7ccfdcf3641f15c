"""Who is held off, for how long, and who never is: a phone that is registered, whatever a forger sends in its name."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from sipfullproxy.engine import bans
from sipfullproxy.engine.bans import FIRST, GROWTH, GUESSES, LONGEST, Ban, network_of
from sipfullproxy.engine.events import Banned
from sipfullproxy.sip.message import Response
from tests.helpers import Lab, Phone, call, hang_up
from tests.logins import PASSWORDS, URI, authorization, challenges, chosen, credentials, log_in, users

MALLORY = "198.51.100.66"


@pytest.fixture
def lab() -> Lab:
    return Lab(users=users(), bans=True)


def here(lab: Lab, *names: str) -> list[Phone]:
    """Phones that have registered, with their passwords."""
    phones = [lab.phone(name) for name in names]
    for phone in phones:
        assert log_in(phone).status == 200
    lab.events.clear()
    return phones


def guess(phone: Phone, user: str, password: str = "pear") -> int | None:
    """Register as a user by that password. Returns what comes of it, None for silence."""
    uri = {"to": f"<sip:{user}@10.0.0.1>", "from_": f"<sip:{user}@10.0.0.1>;tag=1"}
    phone.request("REGISTER", URI, **uri)
    if not phone.inbox:
        return None
    made = credentials(chosen(phone.takes(401)), "REGISTER", URI, user, password)
    phone.request("REGISTER", URI, cseq=2, headers=(authorization(made),), **uri)
    if not phone.inbox:
        return None
    response = phone.takes()
    assert isinstance(response, Response)
    return response.status


def refused(phone: Phone, times: int) -> None:
    """Ask so often for what a stranger does not get."""
    for _ in range(times):
        phone.request("MESSAGE", "sip:bob@10.0.0.1")


def is_heard(phone: Phone) -> bool:
    phone.inbox.clear()
    phone.request("OPTIONS", "sip:10.0.0.1")
    answered = bool(phone.inbox)
    phone.inbox.clear()
    return answered


def banned(lab: Lab) -> list[tuple[str, float, str, bool]]:
    """What was told of bans."""
    return [(e.address, e.seconds, e.why, e.proved) for e in lab.events if isinstance(e, Banned)]


REFUSALS = int(bans.NUISANCE / bans.POINTS[bans.REFUSED])


# -- guessing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_the_sixth_guess_is_never_looked_at(lab: Lab, user: str) -> None:
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    assert [guess(mallory, user) for _ in range(GUESSES)] == [401] * GUESSES
    assert guess(mallory, user, "apple") is None
    assert lab.kinds == ["rejected"] * GUESSES + ["banned"]
    assert banned(lab) == [(MALLORY, FIRST, "logins", True)]
    assert not is_heard(lab.phone("mallory", f"{MALLORY}:7777")), "another port is the same attacker"


def test_many_guesses_by_one_nonce_are_as_many(lab: Lab) -> None:
    mallory = lab.phone("alice", f"{MALLORY}:5060")
    challenge = chosen(mallory.register())
    for count in range(1, GUESSES + 1):
        made = credentials(challenge, "REGISTER", URI, "alice", "pear", times=count)
        mallory.request("REGISTER", URI, to="<sip:alice@10.0.0.1>", headers=(authorization(made),))
    assert len(mallory.inbox) == GUESSES
    assert not is_heard(mallory)


def test_each_ban_is_longer_and_guesses_are_forgiven_slowly(lab: Lab) -> None:
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    begun, guesses, lengths = lab.now, 0, [0.0]
    while lengths[-1] < LONGEST:
        lab.advance(max(0, lengths[-1] - 1))
        assert not lengths[-1] or not is_heard(mallory)
        lab.advance(1)
        while guess(mallory, "bob") is not None:
            guesses += 1
        lengths = [seconds for _, seconds, *_ in banned(lab)]
    assert lengths == [min(FIRST * GROWTH**power, LONGEST) for power in range(len(lengths))]
    assert guesses <= GUESSES + (lab.now - begun) / bans.GUESS_FADES + 1


def test_who_behaves_for_a_day_begins_anew(lab: Lab) -> None:
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    for _ in range(GUESSES):
        guess(mallory, "alice")
    lab.advance(FIRST + bans.MEMORY)
    assert [guess(mallory, "alice") for _ in range(GUESSES)] == [401] * GUESSES
    assert [seconds for _, seconds, *_ in banned(lab)] == [FIRST, FIRST]


def test_a_user_who_mistypes_is_forgiven_when_he_gets_it_right(lab: Lab) -> None:
    """A class behind one address: each mistypes now and then."""
    for port, user in enumerate(PASSWORDS, 6000):
        phone = lab.phone(user, f"{MALLORY}:{port}")
        assert [log_in(phone, "pear").status for _ in range(GUESSES - 1)] == [401] * (GUESSES - 1)
        assert log_in(phone).status == 200
    assert banned(lab) == []


def test_an_own_password_buys_no_guesses_at_others(lab: Lab) -> None:
    mallory = lab.phone("carol", f"{MALLORY}:5060")
    other = lab.phone("x", f"{MALLORY}:6000")
    for _ in range(GUESSES):
        assert guess(other, "alice") == 401
        log_in(mallory)
    assert guess(other, "alice") is None


def test_who_lives_with_alice_is_not_forgiven_when_her_phone_logs_in(lab: Lab) -> None:
    alice, neighbour = lab.phone("alice", f"{MALLORY}:5060"), lab.phone("x", f"{MALLORY}:6000")
    for _ in range(GUESSES):
        assert log_in(alice).status == 200
        assert guess(neighbour, "alice") == 401
    assert guess(neighbour, "alice", "apple") is None
    assert log_in(alice).status == 200


@pytest.mark.parametrize("victim", ["alice", "nobody"])
def test_a_registered_phone_cannot_guess_either_but_goes_on(lab: Lab, victim: str) -> None:
    carol, bob = here(lab, "carol", "bob")
    for _ in range(GUESSES):
        assert guess(carol, victim) == 401
    assert len(banned(lab)) == 1
    told = len(lab.events)
    assert guess(carol, victim, PASSWORDS.get(victim, "")) == 401, "the right one is answered like a wrong one"
    assert len(lab.events) == told, "nobody fills the journal so"
    assert log_in(carol).status == 200
    call(carol, bob)
    hang_up(carol, bob)


def test_a_ban_looks_the_same_for_a_user_who_is_none(lab: Lab) -> None:
    answers = []
    for port, user in ((1, "alice"), (2, "nobody")):
        phone = lab.phone(user, f"198.51.100.{port}:5060")
        got = []
        while True:
            phone.request("REGISTER", URI, to=f"<{phone.aor}>", from_=f"<{phone.aor}>;tag=r")
            if not phone.inbox:
                break
            made = credentials(chosen(phone.takes()), "REGISTER", URI, user, "pear")
            phone.request(
                "REGISTER", URI, to=f"<{phone.aor}>", from_=f"<{phone.aor}>;tag=r", headers=(authorization(made),)
            )
            response = phone.takes()
            got.append((response.status, response.first(b"warning"), [one.stale for one in challenges(response)]))
        answers.append(got)
    assert answers[0] == answers[1]
    assert len(answers[0]) == GUESSES


def test_passwords_for_calls_are_not_guessed_either() -> None:
    lab = Lab(users=users(calls=True), bans=True)
    mallory = lab.phone("alice", f"{MALLORY}:5060")
    uri = "sip:bob@10.0.0.1"
    for _ in range(GUESSES):
        mallory.request("MESSAGE", uri)
        made = credentials(chosen(mallory.takes(407)), "MESSAGE", uri, "alice", "pear")
        mallory.request("MESSAGE", uri, headers=(f"Proxy-Authorization: {made.encode().decode()}",))
        mallory.takes(407)
    assert not is_heard(mallory)


# -- forged sources ----------------------------------------------------------------------------------------------------


def forge(lab: Lab, source: tuple[str, int]) -> None:
    """Whatever somebody can send in another's name who never sees what goes back."""
    forger = lab.phone("forger", "203.0.113.9:5060")
    seen = chosen(forger.register())
    lies = [
        forger.compose("REGISTER", URI, to="<sip:alice@10.0.0.1>", headers=(authorization(lie),))
        for lie in (
            credentials(seen, "REGISTER", URI, "alice", "pear"),
            credentials(seen._replace(nonce=b"made-up"), "REGISTER", URI, "alice", "pear"),
        )
    ]
    astray = b"Via: SIP/2.0/UDP 203.0.113.9;maddr=203.0.113.9;branch=z9hG4bK-astray"
    lines = forger.compose("REGISTER", URI, to="<sip:alice@10.0.0.1>").split(b"\r\n")
    lies.append(b"\r\n".join(astray if line.startswith(b"Via:") else line for line in lines))
    lies += [forger.compose("MESSAGE", "sip:bob@10.0.0.1"), b"junk", forger.compose("REGISTER", URI)]
    for number in range(int(bans.NUISANCE)):
        for lie in lies:
            lab.put(lie.replace(b"branch=z9hG4bK", b"branch=z9hG4bK%d" % number), source)
    assert not forger.inbox, "no nonce of another's address is led astray to the forger"


@pytest.mark.parametrize("port", [5060, 5999])
def test_a_forger_bans_no_registered_phone(lab: Lab, port: int) -> None:
    """Neither by the phone's own port nor by another one of its host, from which it may come next."""
    alice, bob = here(lab, "alice", "bob")
    forge(lab, (alice.address[0], port))
    alice.inbox.clear()
    assert banned(lab) == []
    assert lab.told("rejected") == []
    call(alice, bob)
    hang_up(alice, bob)
    lab.advance(10)  # what one address may send at once was used up
    assert log_in(lab.phone("alice", f"{alice.address[0]}:6001")).status == 200


def test_a_forger_bans_a_newcomer_for_a_short_time_and_never_longer(lab: Lab) -> None:
    alice = lab.phone("alice")
    for _ in range(3):
        forge(lab, alice.address)
        assert not is_heard(alice)
        lab.advance(FIRST)
        assert is_heard(alice)
    assert {(seconds, proved) for address, seconds, _, proved in banned(lab) if address == alice.address[0]} == {
        (FIRST, False)
    }
    assert log_in(alice).status == 200


def test_nor_a_phone_that_was_registered_before_a_restart(lab: Lab) -> None:
    before = Lab(users=users(), followed=True)
    (alice,) = here(before, "alice")
    lab.engine.restore(before.engine.snapshot(), lab.now)
    forge(lab, (alice.address[0], 5999))
    assert banned(lab) == []


def test_a_forger_bans_no_gateway_that_has_answered_us(lab: Lab) -> None:
    alice, _ = here(lab, "alice", "bob")
    gateway = lab.phone("gateway", "192.0.2.99:5060")
    alice.invite("sip:421900@192.0.2.99")
    gateway.ring(gateway.takes("INVITE"))
    forge(lab, gateway.address)
    lab.advance(10)
    assert all(address != gateway.address[0] for address, *_ in banned(lab))
    assert is_heard(gateway)


def test_forged_addresses_drive_out_nobody_who_has_guessed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bans, "ADDRESSES", 10)
    monkeypatch.setattr(bans, "BANS", 10)
    lab = Lab(users=users(), bans=True)
    early, late = lab.phone("x", f"{MALLORY}:1"), lab.phone("x", "198.51.100.67:1")
    for _ in range(GUESSES):
        guess(early, "alice")
    for _ in range(GUESSES - 1):
        guess(late, "alice")
    for number in range(30):
        refused(lab.phone("y", f"203.0.113.{number}:5060"), REFUSALS)
    assert not is_heard(early)
    assert guess(late, "alice") == 401
    assert not is_heard(late)
    assert len(lab.engine.bans(lab.now)) <= 10


def test_the_journal_is_not_filled_by_made_up_addresses(lab: Lab) -> None:
    for number in range(int(bans.TOLD) + 50):
        refused(lab.phone("y", f"203.0.113.{number}:5060"), REFUSALS)
    assert len(banned(lab)) < bans.TOLD
    assert len(lab.engine.bans(lab.now)) == bans.TOLD + 50


# -- other nuisances ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_who_asks_for_what_strangers_do_not_get_is_held_off(lab: Lab, transport: str) -> None:
    mallory = lab.phone("mallory", f"{MALLORY}:5060", transport=transport)
    refused(mallory, REFUSALS)
    assert len(mallory.inbox) == REFUSALS
    assert not is_heard(mallory)
    lab.advance(FIRST)
    assert is_heard(mallory)
    refused(mallory, REFUSALS)
    times = [seconds for _, seconds, *_ in banned(lab)]
    assert times == ([FIRST, FIRST * GROWTH] if transport == "tcp" else [FIRST, FIRST]), "a connection is a proof"


def test_who_asks_for_logins_and_never_logs_in_is_held_off(lab: Lab) -> None:
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    for number in range(int(bans.NUISANCE)):
        mallory.request("REGISTER", URI, to=f"<sip:{number}@10.0.0.1>")
    assert len(mallory.inbox) == bans.NUISANCE
    assert not is_heard(mallory)
    assert [why for *_, why, _ in banned(lab)] == ["asked"]


def test_junk_is_a_nuisance(lab: Lab) -> None:
    for _ in range(REFUSALS):
        lab.put(b"\x00\x01junk", (MALLORY, 9))
    assert [why for *_, why, _ in banned(lab)] == ["junk"]


def test_a_flood_is_cut_off_before_it_is_read(lab: Lab) -> None:
    alice, bob = here(lab, "alice", "bob")
    before = lab.engine.serial
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    for _ in range(2 * int(bans.BURST)):
        mallory.request("OPTIONS", "sip:10.0.0.1")
    assert lab.engine.serial - before == bans.BURST - 1
    assert [why for *_, why, _ in banned(lab)] == ["flood"]
    call(alice, bob)


def test_a_class_behind_one_address_that_is_switched_on_meets_no_limit(lab: Lab) -> None:
    """Sixty phones at once, each of which asks for an event that nobody keeps before it has logged in."""
    for port in range(6000, 6060):
        phone = lab.phone("alice", f"{MALLORY}:{port}")
        phone.request("PUBLISH", "sip:alice@10.0.0.1")
        phone.inbox.clear()
        assert log_in(phone).status == 200
    assert banned(lab) == []


def test_nobody_is_held_off_unless_that_is_wanted() -> None:
    lab = Lab(users=users())
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    for _ in range(3 * GUESSES):
        assert guess(mallory, "alice") == 401
    refused(mallory, 3 * REFUSALS)
    assert lab.kinds == ["rejected"] * 3 * GUESSES, "that is for fail2ban then"
    assert lab.engine.bans(lab.now) == []
    assert not lab.engine.lift(MALLORY, lab.now)


def test_trusted_networks_are_never_held_off() -> None:
    lab = Lab(users=users(), bans=True, trusted=(ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")))
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    for _ in range(3 * GUESSES):
        assert guess(mallory, "alice") == 401
    refused(mallory, 3 * REFUSALS)
    for _ in range(2 * int(bans.BURST)):
        lab.put(b"junk", (MALLORY, 9))
    assert banned(lab) == []
    lab.engine.ban(Ban(MALLORY, lab.now, lab.now + 60, 1, "logins", True), lab.now)
    assert is_heard(mallory)


# -- what is known of bans ---------------------------------------------------------------------------------------------


def test_bans_are_listed_lifted_and_taken_over(lab: Lab) -> None:
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    for _ in range(GUESSES):
        guess(mallory, "alice")
    (ban,) = lab.engine.bans(lab.now)
    assert ban == Ban(MALLORY, lab.now, lab.now + FIRST, 1, "logins", True)
    assert lab.engine.lift(MALLORY, lab.now)
    assert not lab.engine.lift(MALLORY, lab.now)
    assert lab.engine.bans(lab.now) == []
    assert is_heard(mallory)
    assert lab.kinds[-1] == "unbanned"
    assert guess(mallory, "alice") == 401
    assert is_heard(mallory), "what led to it is forgotten too"
    lab.engine.ban(ban, lab.now)
    assert not is_heard(mallory)
    lab.engine.ban(ban._replace(until=lab.now + 1), lab.now)
    lab.advance(2)
    assert not is_heard(mallory), "a shorter one changes nothing"


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"), ("::1", "::/64"),
    ],
)  # fmt: skip
def test_what_is_counted_as_one(host: str, network: str) -> None:
    assert network_of(host) == network


# -- silence -----------------------------------------------------------------------------------------------------------


SILENT: list[dict[str, Any]] = [{"silent": True}, {"silent": True, "users": users(), "bans": True}]


@pytest.mark.parametrize("settings", SILENT)
@pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "MESSAGE", "PUBLISH", "SUBSCRIBE", "CANCEL", "BYE", "FOO"])
@pytest.mark.parametrize("uri", ["sip:bob@10.0.0.1", "sip:10.0.0.1", "sip:x@192.0.2.1", "nonsense"])
def test_strangers_are_told_nothing(settings: dict[str, Any], method: str, uri: str) -> None:
    lab = Lab(**settings)
    mallory = lab.phone("mallory", f"{MALLORY}:5060")
    data = mallory.compose(method, uri, to="<sip:bob@10.0.0.1>")
    mallory.send(data)
    mallory.send(data)
    mallory.send(data.replace(b"CSeq: 1", b"CSeq: x"))
    assert not mallory.inbox
    lab.advance(100)
    assert not mallory.inbox
    assert lab.engine.load["transactions"] == 0


def test_phones_are_told_what_they_need_where_strangers_are_not(lab: Lab) -> None:
    lab = Lab(silent=True, users=users())
    alice, bob = here(lab, "alice", "bob")
    assert is_heard(alice)
    call(alice, bob)
    hang_up(alice, bob)
    alice.request("MESSAGE", "sip:nobody@10.0.0.1")
    alice.takes(404)


def test_an_open_proxy_tells_its_guests_what_became_of_their_call() -> None:
    lab = Lab(silent=True, open=True)
    guest = lab.phone("guest", f"{MALLORY}:5060")
    (bob,) = lab.registered("bob")
    guest.invite("bob")
    guest.takes(100)
    bob.reply(bob.takes("INVITE"), 486)
    guest.takes(486)
