"""The location service: which phones a user can be reached at, found without looking at anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sipfullproxy.engine import location
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.location import Binding, Location
from sipfullproxy.sip.uri import Uri, parse_uri

PROXY = ("10.0.0.1", 5060)


def flow(host: str = "10.0.0.11", port: int = 5060) -> Flow:
    return Flow("udp", PROXY, (host, port))


def phone(user: str = "bob", contact: str = "", way: Flow | None = None, **fields: Any) -> Binding:
    """A binding; its Contact is where it sends from, if the test does not say otherwise."""
    way = way or flow()
    host, port = way.remote
    more: dict[str, Any] = {
        "params": b"", "instance": b"", "q": 1.0, "since": 0.0, "expires": 3600.0, "call_id": b"c", "cseq": 1,
        "agent": b"",
    } | fields  # fmt: skip
    uri = parse_uri((contact or f"sip:{user}@{host}:{port}").encode())
    return Binding(aor=user.encode(), domain=b"10.0.0.1", uri=uri, flow=way, **more)


def uri(text: str) -> Uri:
    return parse_uri(text.encode())


# -- who is found -----------------------------------------------------------------------------------------------------


def test_the_phones_of_a_user_newest_first() -> None:
    here = Location()
    desk, mobile = phone(way=flow(port=5060)), phone(way=flow(port=5070))
    here.add(desk)
    here.add(mobile)
    here.add(phone("carol"))
    assert here.of(b"bob") == [mobile, desk]
    assert here.of(b"nobody") == []
    assert len(here) == 3


def test_the_version_grows_with_whatever_changes() -> None:
    here = Location()
    versions = [here.version]
    old, new = phone(), phone()
    for change, binding in ((here.add, old), (here.add, new), (here.remove, old), (here.remove, new)):
        change(binding)
        versions.append(here.version)
    assert versions == sorted(set(versions))


def test_who_was_here_is_still_known_when_gone() -> None:
    """So that the caller hears 480 instead of 404 (RFC 3261 §21.4.18)."""
    here = Location()
    bob = phone()
    here.add(bob)
    here.remove(bob)
    assert here.of(b"bob") == []
    assert here.known(b"bob")
    assert not here.known(b"zoe")
    assert len(here) == 0


def test_only_so_many_of_those_who_left_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(location, "REMEMBERED", 2)
    here = Location()
    for user in ("ann", "ben", "cid"):
        gone = phone(user)
        here.add(gone)
        here.remove(gone)
    assert [here.known(user) for user in (b"ann", b"ben", b"cid")] == [False, True, True]


def test_a_refresh_makes_nobody_else_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new binding comes before the old one goes; so the user is never away, not even for a moment."""
    monkeypatch.setattr(location, "REMEMBERED", 1)
    here = Location()
    ann, bob = phone("ann"), phone("bob")
    here.add(ann)
    here.remove(ann)
    here.add(bob)
    here.add(phone("bob"))
    here.remove(bob)
    assert here.known(b"ann")


def test_a_flow_tells_who_sends() -> None:
    here = Location()
    bob, bobs_second_account = phone("bob"), phone("robert")
    here.add(bob)
    here.add(bobs_second_account)
    assert here.on(flow()) == [bob, bobs_second_account]
    assert here.has_flow(flow())
    here.remove(bob)
    assert here.has_flow(flow())
    here.remove(bobs_second_account)
    assert not here.has_flow(flow())
    assert here.on(flow(port=9)) == []


def test_a_contact_is_found_whatever_parameters_it_carries() -> None:
    """A conference host adds `conf-id` to its own Contact (RFC 4579); it is the same phone."""
    here = Location()
    bob = phone(contact="sip:bob@10.0.0.11;transport=udp")
    here.add(bob)
    assert here.with_contact(uri("sip:bob@10.0.0.11:5060;conf-id=abc;transport=udp")) is bob
    assert here.with_contact(uri("sip:%62ob@10.0.0.11")) is bob
    assert here.with_contact(uri("sip:bob@10.0.0.11:5070")) is None
    assert here.with_contact(uri("sip:eve@10.0.0.11")) is None


def test_a_contact_of_two_phones_means_the_one_that_sends_from_there() -> None:
    """Two homes have a 192.168.0.2; and a stranger may register my address as his. Neither takes my calls away."""
    here = Location()
    honest = phone(contact="sip:bob@10.0.0.11:5060", way=flow("10.0.0.11"))
    here.add(honest)
    here.add(phone("eve", contact="sip:bob@10.0.0.11:5060", way=flow("10.0.0.66")))
    assert here.with_contact(uri("sip:bob@10.0.0.11:5060")) is honest


def test_a_contact_of_two_phones_behind_nat_means_the_newer_one() -> None:
    here = Location()
    old = phone(contact="sip:bob@192.168.0.2:5060", way=flow("10.0.0.11"))
    new = phone(contact="sip:bob@192.168.0.2:5060", way=flow("10.0.0.12"))
    here.add(old)
    here.add(new)
    assert here.with_contact(uri("sip:bob@192.168.0.2:5060")) is new
    here.remove(new)
    assert here.with_contact(uri("sip:bob@192.168.0.2:5060")) is old


# -- which phone is which ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "other", "same"),
    [
        (("sip:bob@10.0.0.11:5060", b""), ("sip:bob@10.0.0.11:5060", b""), True),
        (("sip:bob@10.0.0.11:5060", b""), ("sip:bob@10.0.0.11:5061", b""), False),
        (("sip:bob@10.0.0.11:5060", b""), ("sip:BOB@10.0.0.11:5060", b""), False),
        (("sip:bob@10.0.0.11:5060", b"X 1"), ("sip:bob@10.0.0.11:5999", b"X 1"), True),
        (("sip:bob@10.0.0.11:5060", b"X 1"), ("sip:bob@10.0.0.11:5060", b"X 2"), False),
        (("sip:bob@10.0.0.11:5060", b"X "), ("sip:bob@10.0.0.11:5060", b""), True),
        (("sip:bob@10.0.0.11:5060", b""), ("sip:bob@10.0.0.11:5060", b"X "), True),
    ],
    ids=["same URI", "another port", "user in another case", "instance", "another reg-id", "gone mum", "now it tells"],
)
def test_same_phone(mine: tuple[str, bytes], other: tuple[str, bytes], same: bool) -> None:
    """By instance and reg-id where both tell (RFC 5626 §6), else by the comparison of URIs (RFC 3261 §19.1.4)."""
    assert phone(contact=mine[0], instance=mine[1]).same_phone(uri(other[0]), other[1]) is same


def test_direct_means_that_the_contact_says_where_it_sends_from() -> None:
    assert phone().direct
    assert phone(contact="sip:bob@10.0.0.11", way=flow("10.0.0.11", 5060)).direct
    assert not phone(contact="sip:bob@192.168.0.2:5060").direct
    assert not phone(contact="sip:bob@10.0.0.11:5061").direct
    assert phone(contact="sip:bob@[2001:db8::1]:5060", way=flow("2001:db8::1")).direct


# -- age --------------------------------------------------------------------------------------------------------------


def test_what_ran_out_is_told_once() -> None:
    here = Location()
    short, long = phone("ann", expires=100.0), phone("bob", expires=200.0)
    here.add(long)
    here.add(short)
    assert here.next_expiry() == 100.0
    assert here.expired(99.9) == []
    assert here.expired(100.0) == [short]
    assert here.expired(150.0) == []
    assert here.expired(300.0) == [long]
    assert here.next_expiry() is None


def test_what_was_removed_or_refreshed_does_not_run_out() -> None:
    here = Location()
    old, new, gone = phone(expires=100.0), phone(expires=500.0), phone("zoe", expires=100.0)
    here.add(old)
    here.add(gone)
    here.add(new)
    here.remove(old)
    here.remove(gone)
    assert here.expired(499.0) == []
    assert here.expired(500.0) == [new]


@pytest.mark.parametrize("expires", [300.0, 50.0, 100.0])
def test_who_comes_again_has_the_time_that_he_was_given_last(expires: float) -> None:
    here = Location()
    bob = phone(expires=100.0)
    here.add(bob)
    here.refresh(bob, 500.0, b"c", 2)
    here.refresh(bob, expires, b"c", 3)
    assert here.expired(expires - 0.1) == []
    assert here.expired(expires) == [bob]
    assert here.expired(1000.0) == [] and here.next_expiry() is None


def test_who_comes_again_is_the_newest_of_whom_he_shares_a_key_with() -> None:
    here = Location()
    one, other = phone(contact="sip:bob@192.168.0.2"), phone(contact="sip:bob@192.168.0.2", way=flow("10.0.0.12"))
    here.add(one)
    here.add(other)
    version = here.version
    here.refresh(one, 7200.0, b"c", 2)
    assert here.of(b"bob") == [one, other] and here.with_contact(uri("sip:bob@192.168.0.2")) is one
    assert len(here) == 2 and here.version > version


def test_refreshes_leave_nothing_in_the_queue_of_ages() -> None:
    here = Location()
    bob = phone(expires=100.0)
    here.add(bob)
    for number in range(10_000):
        here.refresh(bob, 200.0 - number % 2, b"c", number)
    assert len(here._ages) < 100
    here.remove(bob)
    assert here.expired(200.0) == []


def test_bindings_that_are_made_again_do_not_pile_up() -> None:
    """Each leaves its predecessor in the queue of ages; they are swept out before they weigh."""
    here = Location()
    bob = phone(expires=1.0)
    here.add(bob)
    for number in range(10_000):
        newer = phone(expires=2.0 + number)
        here.add(newer)
        here.remove(bob)
        bob = newer
    assert len(here._ages) < 100
    assert here.expired(20_000.0) == [bob]


class Counting(dict[Any, Any]):
    """A dictionary that counts how often it is asked, and how much of it is walked over."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def __iter__(self) -> Iterator[Any]:
        for key in super().__iter__():
            self.steps += 1
            yield key

    def __getitem__(self, key: Any) -> Any:
        self.steps += 1
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        self.steps += 1
        return super().get(key, default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        self.steps += 1
        return super().setdefault(key, default)

    def __contains__(self, key: Any) -> bool:
        self.steps += 1
        return super().__contains__(key)

    def values(self) -> Any:
        self.steps += len(self)
        return super().values()

    def items(self) -> Any:
        self.steps += len(self)
        return super().items()


def steps_of_one_more(users: int) -> int:
    """How many looks into the tables it takes to register, find, refresh and remove one user more."""
    here = Location()
    tables = [Counting(), Counting(), Counting()]
    here._by_user, here._by_flow, here._by_contact = tables
    for number in range(users):
        here.add(phone(f"user{number}", way=flow("10.1.0.1", 1024 + number)))
    for table in tables:
        table.steps = 0
    old, new = phone(), phone(expires=7200.0)
    here.add(old)
    assert here.of(b"bob") == [old] == here.on(flow())
    assert here.with_contact(uri("sip:bob@10.0.0.11:5060")) is old
    here.add(new)
    here.remove(old)
    here.remove(new)
    return sum(table.steps for table in tables)


def test_the_cost_does_not_grow_with_the_number_of_users() -> None:
    """The original proxy walked over all users for each REGISTER: 5 ms at 20,000 of them."""
    assert steps_of_one_more(2_000) == steps_of_one_more(2)
