"""Logins: who is asked, what is taken, and what a stranger learns (RFC 3261 §22, RFC 8760)."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.config import Switches, Users
from sipfullproxy.engine.nonces import LIFETIME
from sipfullproxy.sip.digest import ALGORITHMS, MD5, SHA256, Challenge, Credentials
from sipfullproxy.sip.message import Response
from tests.helpers import PROXY, Dialog, Lab, Phone, hang_up
from tests.logins import (
    PASSWORDS,
    REALM,
    URI,
    authorization,
    challenged,
    challenges,
    chosen,
    credentials,
    hashes,
    invite,
    log_in,
    proxy_authorization,
    users,
)


@pytest.fixture
def lab() -> Lab:
    """Who registers must log in."""
    return Lab(users=users())


@pytest.fixture
def strict() -> Lab:
    """Who calls must log in, too."""
    return Lab(users=users(calls=True))


def here(lab: Lab, *names: str) -> list[Phone]:
    """Phones that have registered, with their passwords."""
    phones = [lab.phone(name) for name in names]
    for phone in phones:
        assert log_in(phone).status == 200
    lab.events.clear()
    lab.sent.clear()
    return phones


def answer(phone: Phone, challenge: Challenge, **changed: Any) -> Response:
    """REGISTER with credentials for that challenge."""
    return phone.register(headers=(authorization(credentials(challenge, "REGISTER", URI, phone.user, **changed)),))


def asked(phone: Phone) -> Challenge:
    """The challenge that a REGISTER without a login gets."""
    return chosen(phone.register())


def bindings(lab: Lab) -> int:
    return lab.engine.load["bindings"]


def talk(caller: Phone, callee: Phone) -> None:
    """From the INVITE that went through to the end of the call."""
    caller.takes(100)
    got = callee.takes("INVITE")
    callee.answer(got)
    assert caller.dialog is not None
    caller.dialog.confirm(caller.takes(200))
    caller.dialog.request("ACK", cseq=caller.dialog.cseq)
    callee.takes("ACK")
    hang_up(caller, callee)


# -- registering -----------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_RG_RR_V_018", "RFC8760_03", "RFC8760_06",
    given="REGISTER without a login", expect="401, challenges by SHA-256 and then by MD5 with `qop=auth`; no binding",
)  # fmt: skip
def test_who_registers_is_asked(lab: Lab) -> None:
    response = lab.phone("alice").register()
    assert response.status == 401
    first, second = challenges(response)
    assert (first.algorithm, second.algorithm) == (SHA256, MD5)
    for challenge in (first, second):
        assert (challenge.realm, challenge.qop, challenge.stale) == (REALM, b"auth", False)
    assert bindings(lab) == 0
    assert lab.events == []


@pytest.mark.purpose("SIP_RG_RR_V_022", given="REGISTER with a right login", expect="200, the binding is there")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", ["alice", "mária"])
def test_a_right_password_registers(lab: Lab, name: str, algorithm: bytes) -> None:
    phone = lab.phone(name)
    assert log_in(phone, algorithm=algorithm).status == 200
    assert bindings(lab) == 1


@pytest.mark.purpose(
    "SIP_RG_RR_V_021", given="REGISTER with a wrong password", expect="401 with a new challenge, not stale; no binding"
)
def test_a_wrong_password_is_asked_again(lab: Lab) -> None:
    alice = lab.phone("alice")
    response = log_in(alice, "pear")
    assert response.status == 401
    assert not any(challenge.stale for challenge in challenges(response))
    assert bindings(lab) == 0


@pytest.mark.parametrize(("offered", "other"), [(MD5, SHA256), (SHA256, MD5)])
def test_what_is_not_offered_is_not_taken(offered: bytes, other: bytes) -> None:
    """Also where everybody has a hash by it: a phone that is offered SHA-256 alone shall not be talked down to MD5."""
    alice = Lab(users=Users(realm=REALM, hashes=hashes(PASSWORDS), algorithms=(offered,))).phone("alice")
    (challenge,) = challenges(alice.register())
    assert challenge.algorithm == offered
    assert answer(alice, challenge._replace(algorithm=other)).status == 401
    assert answer(alice, challenge).status == 200


def masked(response: Response) -> list[bytes]:
    """A response without what differs from one to the next anyway."""
    drop = (b"Via", b"CSeq", b"Call-ID", b"From", b"To")
    nonce = challenges(response)[0].nonce
    return [response.start] + [
        line.replace(nonce, b"*") for line in response.lines if not line.startswith(drop)
    ]  # fmt: skip


def test_a_user_who_is_none_looks_like_a_wrong_password(lab: Lab) -> None:
    known, unknown = lab.phone("alice"), lab.phone("nobody")
    assert masked(known.register()) == masked(unknown.register())
    assert masked(log_in(known, "pear")) == masked(log_in(unknown, "pear"))
    assert masked(log_in(unknown, "")) == masked(log_in(known, ""))


def test_as_much_is_computed_for_a_user_who_is_none(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[tuple[bytes, int]] = []

    def proof(made: Credentials, algorithm: bytes, ha1: bytes, method: bytes) -> bytes:
        computed.append((algorithm, len(ha1)))
        return b"0" * len(ha1)

    monkeypatch.setattr("sipfullproxy.engine.login.proof", proof)
    for algorithm in ALGORITHMS:
        log_in(lab.phone("alice"), algorithm=algorithm)
        log_in(lab.phone("nobody"), algorithm=algorithm)
    assert computed == [(SHA256, 64)] * 2 + [(MD5, 32)] * 2


@pytest.mark.purpose(
    "SIP_RG_RR_V_019",
    given="REGISTER of bob's phones by alice, with her password", expect="403, whether bob is known or not",
)  # fmt: skip
@pytest.mark.parametrize("victim", ["bob", "nobody"])
def test_nobody_registers_for_another(lab: Lab, victim: str) -> None:
    phone = lab.phone(victim)
    challenge = asked(phone)
    made = credentials(challenge, "REGISTER", URI, "alice")
    assert phone.register(headers=(authorization(made),)).status == 403
    assert bindings(lab) == 0


@pytest.mark.parametrize("name", [f"sip:bob@{PROXY[0]}", "sip:alice@elsewhere.example", f"sip:{PROXY[0]}", "tel:+421"])
def test_from_is_the_user_too(lab: Lab, name: str) -> None:
    alice = lab.phone("alice")
    made = credentials(asked(alice), "REGISTER", URI, "alice")
    alice.request(
        "REGISTER", URI, to=f"<{alice.aor}>", from_=f"<{name}>;tag=r", headers=(authorization(made),)
    )  # fmt: skip
    alice.takes(403)
    assert bindings(lab) == 0


# -- nonces ----------------------------------------------------------------------------------------------------------


def test_the_same_login_is_not_taken_twice_and_the_phone_need_not_ask_its_user(lab: Lab) -> None:
    alice = lab.phone("alice")
    challenge = asked(alice)
    assert answer(alice, challenge).status == 200
    again = answer(alice, challenge)
    assert again.status == 401
    assert all(one.stale for one in challenges(again))
    assert answer(alice, chosen(again)).status == 200


def test_a_nonce_may_be_used_again_with_the_next_count(lab: Lab) -> None:
    alice = lab.phone("alice")
    challenge = asked(alice)
    assert [answer(alice, challenge, times=nc).status for nc in (1, 2, 5, 4, 6)] == [200, 200, 200, 401, 200]


@pytest.mark.parametrize("password", ["apple", "pear"])
def test_an_old_nonce_is_stale_and_no_password_is_tried_by_it(lab: Lab, password: str) -> None:
    alice = lab.phone("alice")
    challenge = asked(alice)
    lab.advance(LIFETIME + 1)
    assert all(one.stale for one in challenges(answer(alice, challenge, password=password)))


@pytest.mark.parametrize("password", ["apple", "pear"])
def test_nor_by_a_nonce_that_was_sent_to_somebody_else(lab: Lab, password: str) -> None:
    alice, other = lab.phone("alice"), lab.phone("alice")
    assert all(one.stale for one in challenges(answer(other, asked(alice), password=password)))
    assert bindings(lab) == 0


def test_a_nonce_of_a_former_run_is_stale(lab: Lab) -> None:
    old = Challenge(REALM, b"of-another-proxy", SHA256, b"auth")
    assert all(one.stale for one in challenges(answer(lab.phone("alice"), old)))


def test_a_request_that_comes_again_is_no_replay(lab: Lab) -> None:
    """The network doubles it, or its answer was lost: the transaction answers."""
    alice = lab.phone("alice")
    made = credentials(asked(alice), "REGISTER", URI, "alice")
    data = alice.compose("REGISTER", URI, to=f"<{alice.aor}>", from_=f"<{alice.aor}>;tag=r",
                         headers=(authorization(made),))  # fmt: skip
    alice.send(data)
    alice.send(data)
    assert [alice.takes().status for _ in range(2)] == [200, 200]


# -- credentials that are none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"algorithm": b"MD5-sess"}, {"algorithm": b"SHA-512-256"}, {"qop": b""}, {"qop": b"auth-int"},
        {"realm": b"elsewhere"}, {"nc": b"00000000"}, {"nc": b"x"},
    ],
)  # fmt: skip
def test_what_was_not_asked_for_is_not_taken(lab: Lab, changed: dict[str, Any]) -> None:
    alice = lab.phone("alice")
    made = credentials(asked(alice), "REGISTER", URI, "alice", **changed)
    assert alice.register(headers=(authorization(made),)).status == 401
    assert bindings(lab) == 0


@pytest.mark.purpose(
    "RFC8760_04", given="REGISTER with name and password by Basic", expect="401, by Digest alone; no binding"
)
def test_basic_is_no_login(lab: Lab) -> None:
    response = lab.phone("alice").register(headers=("Authorization: Basic YWxpY2U6YXBwbGU=",))
    assert response.status == 401
    assert len(challenges(response)) == 2  # each of them Digest
    assert bindings(lab) == 0


def test_logins_for_others_stand_beside_ours(lab: Lab) -> None:
    alice = lab.phone("alice")
    challenge = asked(alice)
    other = credentials(challenge, "REGISTER", URI, "alice", realm=b"elsewhere")
    mine = credentials(challenge, "REGISTER", URI, "alice")
    lines = ("Authorization: NeverHeardOf x=y", authorization(other), authorization(mine))
    assert alice.register(headers=lines).status == 200


@pytest.mark.purpose(
    "RFC8760_05", given="REGISTER with a right login whose `uri` is another's", expect="400, no binding"
)
@pytest.mark.parametrize(
    ("uri", "status"),
    [
        (f"sip:{PROXY[0]}:5060", 200), (f"sip:{PROXY[0]};transport=udp", 200), ("sip:elsewhere.example", 400),
        (f"sip:bob@{PROXY[0]}", 400), ("http://10.0.0.1/", 400), ("", 400),
    ],
)  # fmt: skip
def test_a_login_is_for_one_uri(lab: Lab, uri: str, status: int) -> None:
    alice = lab.phone("alice")
    made = credentials(asked(alice), "REGISTER", uri, "alice")
    assert alice.register(headers=(authorization(made),)).status == status
    assert bindings(lab) == (status == 200)


# -- calls, where only who registers is asked ------------------------------------------------------------------------


def test_a_registered_phone_calls_without_a_login(lab: Lab) -> None:
    alice, bob = here(lab, "alice", "bob")
    alice.invite("bob")
    talk(alice, bob)


@pytest.mark.parametrize(
    "name", [f"sip:bob@{PROXY[0]}", "sip:alice@elsewhere.example", "sip:anonymous@anonymous.invalid"]
)
@pytest.mark.parametrize("strictly", [False, True])
def test_nobody_calls_in_the_name_of_another(name: str, strictly: bool) -> None:
    lab = Lab(users=users(calls=strictly))
    alice, carol = here(lab, "alice", "carol")
    sent = alice.invite("carol", from_=f"<{name}>;tag=1")
    if strictly:
        response = alice.takes(407)
        alice.ack_failure(sent, response)
        made = credentials(chosen(response), "INVITE", sent.uri_text.decode(), "alice")
        alice.invite("carol", from_=f"<{name}>;tag=1", cseq=2, headers=(proxy_authorization(made),))
    alice.takes(403)
    assert carol.waiting == []


@pytest.mark.parametrize("strictly", [False, True])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_nor_by_a_tag_in_to_that_is_made_up(method: str, strictly: bool) -> None:
    """Some phones show a MESSAGE whatever its To tag says."""
    lab = Lab(users=users(calls=strictly))
    alice, carol = here(lab, "alice", "carol")
    whom = f"sip:carol@{PROXY[0]}"
    alice.request(method, whom, from_=f"<sip:bob@{PROXY[0]}>;tag=1", to=f"<{whom}>;tag=2")
    assert alice.waiting[-1] == 403
    assert carol.waiting == []
    alice.request(method, whom, from_=f"<sip:alice@{PROXY[0]}>;tag=1", to=f"<{whom}>;tag=2")
    carol.takes(method)


@pytest.mark.parametrize(("name", "status"), [("alice", 403), ("stranger", 100)])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_an_open_door_is_not_for_those_who_say_they_are_ours(name: str, status: int, method: str) -> None:
    lab = Lab(users=users(), open=True)
    (bob,) = here(lab, "bob")
    stranger = lab.phone("stranger")
    domain = PROXY[0] if name == "alice" else "elsewhere.example"
    from_ = f"<sip:{name}@{domain}>;tag=1"
    stranger.request(method, f"sip:bob@{PROXY[0]}", from_=from_)
    assert bool(bob.waiting) == (name == "stranger")
    stranger.inbox.clear()
    # Nor by a tag in To that somebody made up.
    stranger.request(method, f"sip:bob@{PROXY[0]}", from_=from_, to=f"<sip:bob@{PROXY[0]}>;tag=2")
    assert (403 in stranger.waiting) == (name == "alice")


def test_by_another_way_than_he_registered_by_a_user_is_asked_for_his_password() -> None:
    """What is too large for UDP comes by TCP (RFC 3261 §18.1.1), and an address is no proof of who sends from there."""
    lab = Lab(users=users())
    _, bob = here(lab, "alice", "bob")
    host = lab.phones["10.0.0.10", 5060].address[0]
    large = lab.phone("alice", f"{host}:40010", transport="tcp")
    invite(large, "bob")
    large.takes(100)
    assert b"proxy-authorization" not in bob.takes("INVITE").where
    _, response = challenged(large, "bob")
    made = credentials(chosen(response), "INVITE", f"sip:bob@{PROXY[0]}", "alice", "wrong")
    large.invite("bob", headers=(proxy_authorization(made),))
    assert large.waiting == [407] and not bob.inbox


@pytest.mark.parametrize("user", ["alice", "bob", "nobody"])
def test_by_udp_it_is_not_told_by_a_challenge_who_has_registered_there(user: str) -> None:
    lab = Lab(users=users())
    here(lab, "alice", "bob")
    scanner = lab.phone(user, "10.0.0.10:40010")
    scanner.invite("bob")
    assert scanner.waiting == [403]


def test_where_he_has_not_registered_he_is_not_asked() -> None:
    lab = Lab(users=users())
    _, bob = here(lab, "alice", "bob")
    stranger = lab.phone("alice", "198.51.100.66:6666", transport="tcp")
    stranger.invite("bob")
    assert stranger.waiting == [403] and not bob.inbox


# -- calls, where each is asked --------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_012",
    given="INVITE of a registered phone without a login", expect="407 with challenges, nothing forwarded, no call told",
)  # fmt: skip
def test_who_calls_is_asked(strict: Lab) -> None:
    alice, bob = here(strict, "alice", "bob")
    _, response = challenged(alice, "bob")
    assert [one.algorithm for one in challenges(response)] == [SHA256, MD5]
    assert b"www-authenticate" not in response.where
    assert bob.waiting == []
    assert strict.events == []


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_013",
    given="INVITE again with a right login", expect="forwarded, without the credentials; the call is made",
)  # fmt: skip
def test_a_right_login_calls(strict: Lab) -> None:
    alice, bob = here(strict, "alice", "bob")
    invite(alice, "bob")
    assert bob.inbox[0].first(b"proxy-authorization") is None
    talk(alice, bob)
    assert strict.kinds == ["started", "ended"]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_CL_V_014",
    given="INVITE again with a wrong password", expect="407 with a new challenge, nothing forwarded",
)  # fmt: skip
def test_a_wrong_login_does_not(strict: Lab) -> None:
    alice, bob = here(strict, "alice", "bob")
    invite(alice, "bob", password="pear")
    assert alice.takes(407)
    assert bob.waiting == []


@pytest.mark.parametrize(("password", "status"), [("apple", 200), ("pear", 407)])
@pytest.mark.purpose(
    "SIP_QC_PR_V_011..013",
    given="OPTIONS to bob without a login, with a wrong one, with the right one",
    expect="407, 407 again, forwarded",
)
def test_options_to_a_phone_are_asked_as_calls_are(strict: Lab, password: str, status: int) -> None:
    alice, bob = here(strict, "alice", "bob")
    uri = f"sip:bob@{PROXY[0]}"
    alice.request("OPTIONS", uri)
    made = credentials(chosen(alice.takes(407)), "OPTIONS", uri, "alice", password)
    alice.request("OPTIONS", uri, headers=(proxy_authorization(made),))
    if status == 200:
        bob.reply(bob.takes("OPTIONS"), 200)
    assert alice.takes().status == status
    assert bob.waiting == []


def test_who_logs_in_calls_from_wherever_he_is(strict: Lab) -> None:
    (bob,) = here(strict, "bob")
    alice = strict.phone("alice")
    invite(alice, "bob")
    talk(alice, bob)


def test_a_stranger_learns_nothing_of_who_is_here(strict: Lab) -> None:
    (bob,) = here(strict, "bob")
    answers = []
    for callee in ("bob", "carol", "nobody"):
        stranger = strict.phone("nobody")
        answers.append(masked(challenged(stranger, callee)[1]))
    assert answers[0] == answers[1] == answers[2]
    assert bob.waiting == []


def test_with_an_open_door_guests_call_and_users_log_in() -> None:
    lab = Lab(users=users(calls=True), open=True)
    (bob,) = here(lab, "bob")
    guest = lab.phone("guest")
    guest.invite("bob", from_="<sip:guest@elsewhere.example>;tag=1")
    guest.takes(100)
    bob.takes("INVITE")
    challenged(lab.phone("alice"), "bob")
    guest.invite("sip:somebody@10.0.0.77", from_="<sip:guest@elsewhere.example>;tag=2")
    guest.takes(403)


def test_cancel_and_bye_are_not_asked(strict: Lab) -> None:
    alice, bob = here(strict, "alice", "bob")
    sent = invite(alice, "bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.ring(got)
    alice.takes(180)
    alice.cancel(sent)
    alice.takes(200)
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(got, 487)
    alice.takes(487)
    assert strict.kinds == ["ringing", "cancelled"]
    # Of nothing that is known: refused, not asked.
    stranger = strict.phone("stranger")
    invited = stranger.invite("bob")
    stranger.takes(407)
    strict.advance(40)
    stranger.inbox.clear()
    stranger.cancel(invited)
    stranger.takes(403)


def test_credentials_for_others_go_on_within_a_call_too(strict: Lab) -> None:
    alice, bob = here(strict, "alice", "bob")
    first, response = challenged(alice, "bob")
    uri = first.uri_text.decode()
    mine = credentials(chosen(response), "INVITE", uri, "alice")
    other = proxy_authorization(mine._replace(realm=b"elsewhere"))
    lines = (proxy_authorization(mine), other, "Proxy-Authorization: NeverHeardOf x=y")
    sent = alice.invite("bob", headers=lines)
    alice.takes(100)
    got = bob.takes("INVITE")
    kept = [got.lines[position].decode() for position in got.where[b"proxy-authorization"]]
    assert kept == list(lines[1:])
    assert any("login-used" in send.edits for send in strict.sent)
    bob.answer(got)
    dialog: Dialog | None = alice.dialog
    assert dialog is not None
    dialog.confirm(alice.takes(200))
    dialog.request("ACK", cseq=sent.cseq, headers=lines)
    ack = bob.takes("ACK")
    assert len(ack.where[b"proxy-authorization"]) == 2
    dialog.request("BYE", headers=lines[:1])
    assert b"proxy-authorization" not in bob.takes("BYE").where


@pytest.mark.parametrize("statuses", [(401, 407), (407, 407), (407, 401)])
def test_what_phones_of_a_fork_want_is_asked_beside_what_we_want(strict: Lab, statuses: tuple[int, int]) -> None:
    """RFC 3261 §16.7 item 7: theirs come back together; the caller answers them all, and ours with its next count."""
    (alice,) = here(strict, "alice")
    bobs = [strict.phone("bob"), strict.phone("bob")]
    for bob in bobs:
        assert log_in(bob).status == 200
    first, response = challenged(alice, "bob")
    ours = chosen(response)
    uri = first.uri_text.decode()
    call_id = first.call_id.decode()
    alice.invite("bob", call_id=call_id, cseq=2, headers=(
        proxy_authorization(credentials(ours, "INVITE", uri, "alice")),
    ))  # fmt: skip
    alice.takes(100)
    for bob, status, realm in zip(bobs, statuses, ("one", "two"), strict=True):
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        bob.reply(bob.takes("INVITE"), status, headers=(f'{name}: Digest realm="{realm}", nonce="n", algorithm=MD5',))
        bob.takes("ACK")
    got = alice.takes()
    wanted = [got.lines[at] for name in (b"www-authenticate", b"proxy-authenticate") for at in got.where.get(name, ())]
    assert len(wanted) == 2
    assert got.status in statuses
    theirs = [Challenge(realm, b"n", MD5) for realm in (b"one", b"two")]
    lines = [proxy_authorization(credentials(ours, "INVITE", uri, "alice", times=2))]
    lines += [proxy_authorization(credentials(one, "INVITE", uri, "alice", password="x")) for one in theirs]
    alice.invite("bob", call_id=call_id, cseq=3, headers=tuple(lines))
    alice.takes(100)
    for bob in bobs:
        onward = bob.takes("INVITE")
        assert [onward.lines[at].decode() for at in onward.where[b"proxy-authorization"]] == lines[1:]


def test_a_call_is_sent_on_without_another_login(strict: Lab) -> None:
    """A 302 of the callee is followed by the proxy: it is still the caller's one request."""
    alice, bob, carol = here(strict, "alice", "bob", "carol")
    invite(alice, "bob")
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 302, headers=(f"Contact: <sip:carol@{PROXY[0]}>",))
    assert carol.takes("INVITE").first(b"proxy-authorization") is None


def test_without_state_a_login_may_come_again_with_its_request() -> None:
    """Then nobody knows a request when it is sent again because its answer was lost."""
    strict = Lab(users=users(calls=True), switches=Switches(stateless=True))
    alice, bob = here(strict, "alice", "bob")
    first, response = challenged(alice, "bob")
    made = credentials(chosen(response), "INVITE", first.uri_text.decode(), "alice")
    data = alice.compose("INVITE", first.uri_text.decode(), headers=(proxy_authorization(made),))
    alice.send(data)
    alice.send(data)
    assert bob.waiting == ["INVITE", "INVITE"]
    assert alice.waiting == []


def test_with_logins_off_nobody_looks_at_any() -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    line = 'Proxy-Authorization: Digest username="a", realm="sipfullproxy", nonce="n", uri="u", response="0"'
    alice.invite("bob", headers=(line,))
    assert bob.takes("INVITE").first(b"proxy-authorization") == line.partition(": ")[2].encode()
