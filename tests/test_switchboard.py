"""Several workers behave as one, although every message comes to the wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from sipfullproxy.engine.bans import GUESSES
from sipfullproxy.engine.flow import Flow
from sipfullproxy.workers.neighbours import AT_ONCE
from sipfullproxy.workers.owner import owner
from sipfullproxy.workers.parcel import Wrong
from tests.crew import Crew
from tests.helpers import PROXY, Lab, Phone, call, hang_up
from tests.logins import URI, authorization, chosen, credentials, users


@pytest.fixture(params=[2, 3])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    crew = Crew(request.param)
    yield crew
    crew.close()


def story(lab: Lab, *transports: str) -> tuple[list[str], list[object]]:
    """Registrations and calls with all that can happen in them; what was told of it, and what every phone got."""
    alice, bob, carol = (
        lab.phone(user, transport=transport)
        for user, transport in zip(("alice", "bob", "carol"), transports, strict=True)
    )
    got: list[object] = [phone.register().status for phone in (alice, bob, carol)]
    for number in range(4):  # so that each worker has some
        call(alice, bob, call_id=f"plain-{number}")
        hang_up(bob, alice)
        cancelled = alice.invite("bob", call_id=f"cancelled-{number}")
        alice.takes(100)
        invite = bob.takes("INVITE")
        bob.ring(invite)
        alice.takes(180)
        alice.cancel(cancelled)
        alice.takes(200)
        bob.reply(bob.takes("CANCEL"), 200)
        bob.reply(invite, 487)
        bob.takes("ACK")
        alice.ack_failure(cancelled, alice.takes(487))
        nobody = carol.invite("nobody", call_id=f"failed-{number}")
        carol.ack_failure(nobody, carol.takes(404))
        repeated = bob.invite("carol", call_id=f"repeated-{number}", branch=f"z9hG4bKsame{number}")
        bob.send(bob.compose("INVITE", repeated.uri_text.decode(), call_id=f"repeated-{number}"))
        got.append([*bob.waiting, *carol.waiting])
        bob.inbox.clear()
        carol.inbox.clear()
    lab.advance(400)
    for phone in (alice, bob, carol):
        got.append(phone.waiting)
        phone.inbox.clear()
    return lab.kinds, got


@pytest.mark.parametrize("transports", [("udp",) * 3, ("tcp",) * 3, ("udp", "tcp", "udp"), ("tcp", "udp", "tcp")])
def test_what_happens_is_the_same_as_with_one(crew: Crew, transports: tuple[str, ...]) -> None:
    kinds, got = story(crew, *transports)
    alone_kinds, alone_got = story(Lab(), *transports)
    assert got == alone_got
    assert sorted(kinds) == sorted(alone_kinds)


def test_every_worker_knows_every_phone_before_the_phone_knows_it(crew: Crew) -> None:
    bob = crew.phone("bob")
    assert bob.register().status == 200
    for worker in crew.workers:
        assert [phone.who for phone in worker.engine.phones(9)] == ["bob@10.0.0.1"]
    assert bob.register(expires=0).status == 200
    assert all(worker.engine.phones(9) == [] for worker in crew.workers)
    assert crew.kinds == ["registered", "unregistered"]


@pytest.fixture
def guarded() -> Iterator[Crew]:
    crew = Crew(3, users=users(), bans=True)
    yield crew
    crew.close()


def logs_in(phone: Phone, number: int, password: str | None = None) -> int | None:
    """A login in a registration of that number, and so by another worker each time. Returns what comes of it, None for
    silence."""
    call_id = "y" * number
    phone.request("REGISTER", URI, to=f"<{phone.aor}>", from_=f"<{phone.aor}>;tag=1", call_id=call_id)
    if not phone.inbox:
        return None
    made = credentials(chosen(phone.takes(401)), "REGISTER", URI, phone.user, password)
    answer = phone.register(call_id=call_id, cseq=2, headers=(authorization(made),))
    return answer.status


def test_an_address_has_five_guesses_in_all_whoever_serves_them(guarded: Crew) -> None:
    mallory = guarded.phone("alice", "198.51.100.66:5060")
    heard = [logs_in(mallory, number, "pear") for number in range(1, 3 * GUESSES)]
    assert heard == [401] * GUESSES + [None] * (len(heard) - GUESSES)
    for worker in guarded.workers:
        assert [ban.network for ban in worker.engine.bans(guarded.now)] == ["198.51.100.66"]


def test_so_has_who_asks_for_all_nonces_first(guarded: Crew) -> None:
    """His guesses wait in the queues of all, and have been taken out of them: each is counted before the next."""
    mallory = guarded.phone("alice", "198.51.100.66:5060")
    guesses = []
    for number in range(1, 4 * GUESSES):
        challenge = chosen(mallory.register(call_id="y" * number))
        made = authorization(credentials(challenge, "REGISTER", URI, "alice", "pear"))
        to = "<sip:alice@10.0.0.1>"
        guesses.append(mallory.compose("REGISTER", URI, to=to, call_id="y" * number, cseq=2, headers=(made,)))
    for data in guesses:
        worker = guarded.workers[owner(data, 3) or 0]
        worker.deliver(worker.switchboard.receive(data, guarded.source(mallory.address), guarded.now))
    assert guarded.kinds.count("rejected") == GUESSES


def test_what_a_user_mistyped_is_forgiven_by_all(guarded: Crew) -> None:
    alice = guarded.phone("alice")
    numbers = count(1)
    for _ in range(3):
        for _ in range(GUESSES - 1):
            assert logs_in(alice, next(numbers), "pear") == 401
        assert logs_in(alice, next(numbers)) == 200
    assert not any(worker.engine.bans(guarded.now) for worker in guarded.workers)


def test_a_registration_runs_out_once(crew: Crew) -> None:
    crew.phone("bob").register(expires=60)
    crew.advance(61)
    assert all(worker.engine.phones(9) == [] for worker in crew.workers)
    assert crew.kinds == ["registered", "unregistered"]


def test_a_connection_that_ends_is_told_once_and_to_all(crew: Crew) -> None:
    alice, bob = crew.phone("alice"), crew.phone("bob", transport="tcp")
    alice.register(), bob.register()
    for number in range(4):
        alice.invite("bob", call_id=f"waiting-{number}")
    crew.cut(bob)
    assert [event.kind for event in crew.told("unregistered")] == ["unregistered"]
    assert all(len(worker.engine.phones(9)) == 1 for worker in crew.workers)
    for number in range(4):
        alice.invite("bob", call_id=f"late-{number}")
    assert alice.waiting.count(480) == 4, "nobody sends him anything any more"


def test_what_has_no_call_id_is_answered_where_it_comes(crew: Crew) -> None:
    alice = crew.phone("alice")
    options = alice.compose("OPTIONS", "sip:10.0.0.1").replace(b"Call-ID", b"X-Call")
    for worker in crew.workers:
        (answer,) = worker.switchboard.receive(options, crew.flow(alice), crew.now)
        assert answer.data.startswith(b"SIP/2.0 400 ")
        assert worker.switchboard.receive(b"\r\n\r\n", crew.flow(alice), crew.now) == []
        assert worker.switchboard.receive(b"junk", crew.flow(alice), crew.now) == []
    assert all(list(worker.neighbours.read()) == [] for worker in crew.workers)


def test_an_order_of_the_first_worker_is_obeyed(crew: Crew) -> None:
    first, *others = crew.workers
    first.neighbours.tell_all(Wrong({"drop": 5}))
    for worker in others:
        worker.switchboard.read(crew.now)
        assert worker.orders == [Wrong({"drop": 5})]
    assert first.orders == []


def test_a_way_that_leads_nowhere_is_lost_everywhere(crew: Crew) -> None:
    """An INVITE that a worker wants sent by a connection that is no more fails at once; and then the phone is gone."""
    alice, bob = crew.phone("alice"), crew.phone("bob", transport="tcp")
    alice.register(), bob.register()
    first = crew.workers[0]
    gone = Flow("tcp", PROXY, bob.address, bob.connection)

    def post(send: object) -> bool:
        return getattr(send, "flow", None) != gone

    first.switchboard._post = post
    for number in range(4):
        alice.invite("bob", call_id=f"void-{number}")  # the first of them is not the first worker's
    assert all(len(worker.engine.phones(9)) == 1 for worker in crew.workers)
    assert sorted(set(alice.waiting)) == [100, 480, 500] and alice.waiting.count(500) == 1


def test_more_than_is_heard_at_once_is_not_forgotten(crew: Crew) -> None:
    """A datagram that comes later finds it all the same, one look after the other."""
    first, second, *_ = crew.workers
    for _ in range(AT_ONCE + 1):
        first.neighbours.send(1, Wrong({}))
    for _ in range(2):
        second.switchboard.receive(b"\r\n\r\n", crew.flow(crew.phone("alice")), crew.now)
    assert len(second.orders) == AT_ONCE + 1
