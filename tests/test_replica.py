"""Bindings that leave an engine: another one that hears of the same changes sends the same calls to the same phones."""

from __future__ import annotations

import marshal
from itertools import count
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.location import ENDED
from sipfullproxy.engine.registrar import Registrar
from sipfullproxy.engine.replica import Came, Change, Guess, Went, change_of
from sipfullproxy.sip.phrases import Phrasebook
from tests.helpers import PROXY, Lab, Phone

LISTEN = (("udp", PROXY), ("tcp", PROXY))
INSTANCE = ';+sip.instance="<urn:uuid:{}>";reg-id={}'
USERS = ("alice", "bob", "carol")


@pytest.fixture
def lab() -> Lab:
    return Lab(followed=True)


def name_of(change: Change) -> str:
    """The name of the binding that it is of."""
    assert not isinstance(change, Guess)
    return change.name


def engine(number: int = 1) -> Engine:
    """Another one, at the same address, that has heard of nothing; number: where its randomness begins."""
    numbers = count(number * 1_000_000)
    config = Config(
        address=PROXY, listen=LISTEN, flow_key=b"key of the virtual lab", phrases=Phrasebook(mode="off"), followed=True
    )
    return Engine(config, lambda size: next(numbers).to_bytes(size, "big"))


def sent_on(changes: list[Change]) -> list[Change]:
    """What arrives of changes that were written down and read again."""
    written = marshal.dumps([tuple(change) for change in changes])
    return [change_of(values) for values in marshal.loads(written)]


def routing(proxy: Engine, now: float) -> list[tuple[Flow, str]]:
    """Where calls go, to each user and to each Contact that is about; or how they are refused."""
    asker = Lab().phone("asker", "10.9.9.9:5060")
    flow = Flow("udp", PROXY, asker.address)
    proxy.receive(asker.compose("REGISTER", f"sip:{PROXY[0]}", to=f"<{asker.aor}>"), flow, now)
    found = []
    for uri in [*(f"sip:{user}@{PROXY[0]}" for user in USERS), *(f"sip:{user}@192.168.0.2:5060" for user in USERS)]:
        for send in proxy.receive(asker.compose("INVITE", uri), flow, now):
            found.append((send.flow, send.data.partition(b"\r\n")[0].decode()))
    return found


# -- what is told -----------------------------------------------------------------------------------------------------


def test_a_registration_is_a_change_with_all_that_makes_it_again(lab: Lab) -> None:
    bob = lab.phone("bob", "10.0.0.11:5070", contact_params=INSTANCE.format("x", 2) + ";q=0.5")
    bob.register(expires=600, call_id="c", cseq=7, headers=("User-Agent: Linphone",))
    (came,) = lab.engine.changes()
    assert isinstance(came, Came)
    assert came[1:] == (
        b"bob", "bob@10.0.0.1", b"sip:bob@10.0.0.11:5070", b';+sip.instance="<urn:uuid:x>";reg-id=2;q=0.5',
        b"<urn:uuid:x> 2", "udp", *PROXY, "10.0.0.11", 5070, 0, 0.5, 1000.0, 1600.0, b"c", 7, b"Linphone", b"",
    )  # fmt: skip
    assert came.flow == Flow("udp", PROXY, ("10.0.0.11", 5070))


def test_a_refresh_comes_before_the_old_one_goes(lab: Lab) -> None:
    bob = lab.phone("bob")
    bob.register()
    (old,) = lab.engine.changes()
    bob.register()
    new, gone = lab.engine.changes()
    assert isinstance(new, Came) and new.name != name_of(old)
    assert gone == Went(name_of(old), b"bob")


@pytest.mark.parametrize("how", ["request", "expired", "lost", "removed"])
def test_whatever_ends_a_binding_is_told(lab: Lab, how: str) -> None:
    bob = lab.phone("bob", transport="tcp")
    bob.register()
    (came,) = lab.engine.changes()
    match how:
        case "request":
            bob.register(expires=0)
        case "expired":
            lab.advance(3600.0)
        case "lost":
            lab.cut(bob)
        case "removed":
            assert lab.engine.forget(lab.engine.phones(1)[0], lab.now)
    assert lab.engine.changes() == [Went(name_of(came), b"bob")]


def test_of_several_that_share_bindings_one_sees_to_their_ends() -> None:
    first, other = Lab(followed=True), Lab(followed=True, expiring=False)
    other.phone("bob").register()
    first.engine.restore(other.engine.changes(), first.now)
    other.advance(3600.0)
    assert other.engine.next_timer() is None and len(other.engine.phones(9)) == 1
    assert other.engine.changes() == [] and other.told("unregistered") == []
    first.advance(3600.0)
    assert [event.kind for event in first.told()] == ["unregistered"]
    other.engine.restore(first.engine.changes(), other.now)
    assert other.engine.phones(9) == []


def test_nobody_who_did_not_ask_is_told(lab: Lab) -> None:
    alone = Lab()
    alone.phone("bob").register()
    assert alone.engine.changes() == []


def test_what_is_asked_or_refused_changes_nothing(lab: Lab) -> None:
    bob = lab.phone("bob")
    bob.register(expires=None, contacts=[])
    assert bob.register(expires=5).status == 423
    assert lab.engine.changes() == []


def test_a_change_is_made_of_what_every_writer_knows(lab: Lab) -> None:
    bob = lab.phone("bob")
    bob.register()
    bob.register(expires=0)
    changes = lab.engine.changes()
    assert len(changes) == 2 and sent_on(changes) == changes
    assert {type(value) for change in changes for value in change} == {str, bytes, int, float}


def test_names_are_never_used_again() -> None:
    """Not by the next engine either: the random number with which its names begin is another."""
    names = []
    for number in range(2):
        lab = Lab(followed=True)
        lab.engine = engine(number)
        phone = lab.phone("bob")
        for _ in range(3):
            phone.register()
        names += [change.name for change in lab.engine.changes() if isinstance(change, Came)]
    assert len(set(names)) == 6


# -- what is taken in -------------------------------------------------------------------------------------------------


def test_a_call_goes_where_the_neighbour_heard_of(lab: Lab) -> None:
    alice, bob = lab.registered("alice", "bob")
    other = engine()
    other.restore(sent_on(lab.engine.changes()), lab.now)
    lab.engine = other
    alice.invite("bob")
    assert alice.takes(100) and bob.takes("INVITE")


def test_nobody_hears_of_it_again(lab: Lab) -> None:
    """Neither the journal nor the one who told it: two neighbours would tell each other for ever."""
    lab.registered("bob")
    other = engine()
    other.restore(lab.engine.changes(), lab.now)
    assert len(other.phones(9)) == 1
    assert other.changes() == [] and other.events() == []


def test_what_comes_twice_counts_once(lab: Lab) -> None:
    lab.registered("bob")
    changes = lab.engine.changes()
    other = engine()
    other.restore([*changes, *changes], lab.now)
    other.restore(changes, lab.now)
    assert other.phones(9) == lab.engine.phones(9)
    gone = Went(name_of(changes[0]), b"bob")
    other.restore([gone, gone], lab.now)
    assert other.phones(9) == []


@pytest.mark.parametrize("order", ["end first", "all, then an old snapshot"])
def test_who_is_gone_does_not_come_back_by_what_is_told_late(lab: Lab, order: str) -> None:
    """One neighbour tells that a phone came, another that it went; or a third knows it still. A neighbour that does not
    end bindings by itself would keep it for ever."""
    lab.registered("bob")
    (came,) = lab.engine.changes()
    gone = Went(name_of(came), b"bob")
    other = engine()
    other.restore([gone] if order == "end first" else [came, gone], lab.now)
    other.restore([came], lab.now)
    assert other.phones(9) == []


def test_of_those_who_are_gone_only_so_many_names_are_kept() -> None:
    other = engine()
    other.restore([Went(f"a-{number}", b"bob") for number in range(ENDED + 10)], 0.0)
    assert len(other._core.location._ended) == ENDED


def test_what_ran_out_on_the_way_is_gone_and_told(lab: Lab) -> None:
    lab.registered("bob")
    other = engine()
    other.restore(lab.engine.changes(), lab.now + 3600)
    assert other.phones(9) == []
    assert [event.kind for event in other.events()] == ["unregistered"]
    (gone,) = other.changes()
    assert isinstance(gone, Went)


def test_a_restored_phone_refreshes_itself_and_its_order_counts(lab: Lab) -> None:
    """Call-ID and CSeq come along: what the phone sent before is still out of order (RFC 3261 §10.3 item 7)."""
    bob = lab.phone("bob")
    bob.register(cseq=5, call_id="c")
    (came,) = lab.engine.changes()
    lab.engine = engine()
    lab.engine.restore([came], lab.now)
    assert bob.register(cseq=5, call_id="c").status == 500
    assert bob.register(cseq=6, call_id="c").status == 200
    assert len(lab.engine.phones(9)) == 1
    new, gone = lab.engine.changes()
    assert isinstance(new, Came) and gone == Went(name_of(came), b"bob")


def test_what_is_no_uri_any_more_is_left_out(lab: Lab) -> None:
    lab.registered("alice", "bob")
    alice, bob = lab.engine.snapshot()
    other = engine()
    other.restore([alice._replace(uri=b"mailto:alice"), bob], lab.now)
    assert [phone.who for phone in other.phones(9)] == ["bob@10.0.0.1"]


def test_a_change_moves_to_another_port_and_another_clock(lab: Lab) -> None:
    lab.registered("bob")
    (came,) = lab.engine.snapshot()
    moved = came.at(("10.0.0.2", 5080)).later(-900.0)
    assert moved.flow == Flow("udp", ("10.0.0.2", 5080), ("10.0.0.10", 5060))
    assert (moved.since, moved.expires) == (100.0, 3700.0)


# -- any life of a registrar ------------------------------------------------------------------------------------------


class Life:
    """Phones that come, refresh, move, share a NAT and leave, at random."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.lab = Lab(followed=True)
        self.changes: list[Change] = []
        self.phones: list[Phone] = []
        self.numbers = count(1)

    def live(self, steps: int) -> None:
        for _ in range(steps):
            self.random.choice((self.join, self.refresh, self.refresh, self.leave, self.cut, self.wait, self.forget))()
            if self.random.random() < 0.5:
                self.changes += self.lab.engine.changes()
        self.changes += self.lab.engine.changes()

    def join(self) -> None:
        random = self.random
        user, transport = random.choice(USERS), random.choice(("udp", "udp", "tcp"))
        address = f"10.0.0.{random.randrange(10, 14)}:{random.choice((5060, 5070))}"
        hidden = f"sip:{user}@192.168.0.2:5060"
        contact = random.choice(("", hidden, f"{hidden};a={random.randrange(3)}"))
        instance = INSTANCE.format(random.randrange(2), random.randrange(1, 3))
        params = random.choice(("", f";q=0.{random.randrange(9)}", ";expires=90", instance))
        self.phones.append(self.lab.phone(user, address, contact, transport=transport, contact_params=params))
        self.register(self.phones[-1], random.choice((60, 600, 3600)))

    def refresh(self) -> None:
        if self.phones:
            self.register(self.random.choice(self.phones), self.random.choice((60, 600, 3600)))

    def leave(self) -> None:
        if self.phones:
            self.register(self.random.choice(self.phones), 0, everywhere=self.random.random() < 0.3)

    def register(self, phone: Phone, expires: int, *, everywhere: bool = False) -> None:
        """A REGISTER, whatever becomes of it."""
        number = next(self.numbers)
        contact = "*" if everywhere else f"<{phone.contact}>{phone.contact_params}"
        self.lab.phones[phone.address] = phone  # another may have had that address last
        more = self.random.choice(((), (), ("Supported: path, outbound, gruu",), ("User-Agent: another",)))
        phone.send(
            phone.compose(
                "REGISTER", f"sip:{PROXY[0]}", to=f"<{phone.aor}>", cseq=number, call_id=f"register-{phone.user}",
                branch=f"z9hG4bK-{number}", contact=False,
                headers=(f"Contact: {contact}", f"Expires: {expires}", *more),
            )
        )  # fmt: skip

    def cut(self) -> None:
        streams = [phone for phone in self.phones if phone.transport == "tcp"]
        if streams:
            self.lab.cut(self.random.choice(streams))

    def wait(self) -> None:
        self.lab.advance(self.random.choice((0.5, 30.0, 600.0)))

    def forget(self) -> None:
        phones = self.lab.engine.phones(99)
        if phones:
            self.lab.engine.forget(self.random.choice(phones), self.lab.now)


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60))
@example(seed=33, steps=15)  # two that end at one moment, in the order in which they came last
def test_who_says_the_same_again_need_not_be_read_again(seed: int, steps: int) -> None:
    """Whoever is recognised fares as if his REGISTER had been read: the same answers, bindings, events and changes."""
    short, long = Life(seed), Life(seed)
    short.live(steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registrar, "_again", lambda *_: None)
        long.live(steps)
    assert short.changes == long.changes
    assert short.lab.told() == long.lab.told()
    assert short.lab.engine.snapshot() == long.lab.engine.snapshot()
    assert short.lab.sent == long.lab.sent


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60))
def test_changes_make_the_same_phones_and_the_same_routing(seed: int, steps: int) -> None:
    life = Life(seed)
    life.live(steps)
    lab, other = life.lab, engine()
    other.restore(sent_on(life.changes), lab.now)
    assert other.phones(99) == lab.engine.phones(99)
    assert other.snapshot() == lab.engine.snapshot()
    assert routing(other, lab.now) == routing(lab.engine, lab.now)


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60))
def test_a_snapshot_makes_the_same_phones_and_the_same_routing(seed: int, steps: int) -> None:
    """But for a user who was here and is no more: he is unknown (404), not away (480)."""
    life = Life(seed)
    life.live(steps)
    lab, other = life.lab, engine()
    snapshot = lab.engine.snapshot()
    other.restore(snapshot, lab.now)
    assert other.snapshot() == snapshot
    for user in USERS:
        assert other.phones(99, user.encode()) == lab.engine.phones(99, user.encode())
    away = ("SIP/2.0 404", "SIP/2.0 480")
    here, there = routing(lab.engine, lab.now), routing(other, lab.now)
    assert [call for call in there if call[1][:11] not in away] == [call for call in here if call[1][:11] not in away]


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60))
def test_in_whatever_order_the_same_phones_are_left(seed: int, steps: int) -> None:
    """Of two neighbours, what one has told may arrive behind what the other has told of it."""
    life = Life(seed)
    life.live(steps)
    mixed = life.changes * 2
    life.random.shuffle(mixed)
    other = engine()
    for change in mixed:
        other.restore([change], life.lab.now)
    assert set(other.snapshot()) == set(life.lab.engine.snapshot())
