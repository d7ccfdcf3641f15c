"""The book of calls: what the events make of each, whatever order or gaps they come in."""

from __future__ import annotations

import threading

import pytest

from sipfullproxy.journal import book as books
from sipfullproxy.journal.book import EVENTS_OF_A_CALL, PATIENCE, Book
from sipfullproxy.journal.cards import CallCard, PastPhone, short_id
from tests.helpers import Lab, Phone, call, hang_up
from tests.telling import ALICE, BOB, event


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(clock: Clock) -> Book:
    return Book(now=clock)


def only(book: Book) -> CallCard:
    """The one call that there is."""
    (card,) = book.calls()
    assert book.card(card.id) == card
    return card


def test_a_call_from_beginning_to_end(book: Book) -> None:
    book([event("calling", 10)])
    calling = only(book)
    assert calling == CallCard(
        id=short_id("c", "l"), call="c", leg="l", caller=ALICE, callee=BOB, state="calling", began=10, changed=10
    )
    book([event("ringing", 11)])
    assert only(book).state == "ringing"
    book([event("started", 15)])
    talking = only(book)
    assert (talking.state, talking.answered, talking.over) == ("talking", 15, None)
    book([event("ended", 75, who=BOB, whom=ALICE, duration=60.0)])
    over = only(book)
    assert (over.state, over.end, over.why, over.over, over.caller) == ("over", "ended", "bye", 75, ALICE)
    assert [told.kind for told in book.events(over.id)] == ["calling", "ringing", "started", "ended"]
    assert calling.state == "calling", "a card that was handed out never changes"


@pytest.mark.parametrize("kind", ["busy", "declined", "cancelled", "missed", "failed"])
def test_why_a_call_was_not_answered(book: Book, kind: str) -> None:
    book([event("calling", 1), event(kind, 2)])
    card = only(book)
    assert (card.state, card.end, card.status, card.why, card.answered) == ("over", kind, 486, "Obsadené", None)


def test_who_may_not_call_has_a_card_too(book: Book) -> None:
    book([event("failed", 2, status=403)])
    assert (only(book).began, only(book).end, only(book).status) == (2, "failed", 403)


def test_what_becomes_of_a_call_on_its_way(book: Book) -> None:
    book([event("calling"), event("forwarded"), event("started", video=True)])
    assert only(book).video
    book([event("held"), event("held", who=BOB, whom=ALICE), event("resumed")])
    assert only(book).held, "bob still holds it"
    book([event("resumed", who=BOB, whom=ALICE), event("conference")])
    assert not only(book).held and only(book).conference
    book(
        [event("transferred", succeeded=False), event("ended", 9), event("transferred", 10, succeeded=None, to="eve@x")]
    )
    card = only(book)
    assert card.went_to == ("carol@10.0.0.1", "eve@x"), "where it did not go is not in it"
    assert (card.state, card.over, card.changed) == ("over", 9, 10)


def test_a_call_may_begin_in_the_middle(book: Book) -> None:
    book([event("started", 5)])
    assert (only(book).state, only(book).began, only(book).answered) == ("talking", 5, 5)
    book([event("ended", 100, call="other", duration=90.0)])
    card = book.card(short_id("other", "l"))
    assert card is not None and (card.began, card.answered, card.over) == (10, 10, 100)
    book([event("held", 7, call="third"), event("ringing", 8, call="fourth")])
    assert [card.state for card in book.calls()] == ["over", "ringing", "talking", "talking"]


def test_two_legs_of_one_call_id_are_two_calls(book: Book) -> None:
    book([event("calling"), event("calling", leg="other"), event("ended", leg="other")])
    assert sorted(card.state for card in book.calls()) == ["calling", "over"]


def test_a_name_that_is_used_again_goes_on(book: Book) -> None:
    book([event("calling", 1), event("started", 2), event("held", 2), event("ended", 3), event("calling", 9)])
    card = only(book)
    assert (card.state, card.began, card.answered, card.over, card.end) == ("calling", 1, None, None, "")
    assert not card.held and len(book.events(card.id)) == 5


@pytest.mark.parametrize("state", ["calling", "ringing", "started"])
def test_a_call_whose_end_was_lost_is_given_up(book: Book, clock: Clock, state: str) -> None:
    book([event("calling", 99), event(state, clock.now)])
    patience = PATIENCE["talking" if state == "started" else state]
    clock.now += patience - 1
    assert only(book).state != "over"
    clock.now += 2
    card = only(book)
    assert (card.state, card.end, card.missing, card.over) == ("over", "", True, None)
    book([event("started", clock.now)])
    assert (only(book).state, only(book).missing) == ("talking", False), "it was not over after all"


def test_only_so_many_calls_are_kept(clock: Clock) -> None:
    book = Book(past=3, now=clock)
    book([event("calling", 1, call="live")])
    for number in range(10):
        book([event("calling", number, call=f"c{number}"), event("busy", number, call=f"c{number}")])
    assert [card.call for card in book.calls()] == ["c9", "c8", "c7", "live"]
    assert book.card(short_id("c0", "l")) is None and book.events(short_id("c0", "l")) == []


def test_calls_in_progress_have_a_largest_number(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "LIVE_CALLS", 3)
    book = Book(past=2, now=clock)
    for number in range(10):
        book([event("calling", clock.now + number, call=f"c{number}")])
    assert [(card.call, card.missing) for card in book.calls()] == [
        ("c9", False), ("c8", False), ("c7", False), ("c6", True), ("c5", True),
    ]  # fmt: skip


def test_a_call_that_is_held_for_ever_forgets_its_middle(book: Book) -> None:
    book([event("calling"), event("started")])
    for number in range(EVENTS_OF_A_CALL):
        book([event("held", number), event("resumed", number)])
    events = book.events(only(book).id)
    assert len(events) == EVENTS_OF_A_CALL
    assert (events[0].kind, events[-1].time) == ("calling", EVENTS_OF_A_CALL - 1)


@pytest.mark.parametrize(
    "query", ["", "ALICE", "ali", "bób", "call-1", " 10.0.0.1 ", short_id("Call-1", "l")[2:], "žofia", "ZOFIA"]
)
def test_a_call_is_found_by_any_part_of_it(book: Book, query: str) -> None:
    book([event("calling", call="Call-1", whom="bob.Žofia@10.0.0.1")])
    assert book.calls(query) == [only(book)]
    assert book.calls(query + "?") == []


def test_calls_are_chosen_by_state_or_end(book: Book) -> None:
    book([event("calling", 1, "a"), event("started", 2, "b"), event("busy", 3, "c"), event("ended", 5, "d")])

    def names(state: str) -> str:
        return "".join(card.call for card in book.calls(state=state))

    assert names("") == "dcba"
    assert names("over") == "dc" and names("live") == "ba" and names("trouble") == "c"
    assert names("talking") == "b" and names("busy") == "c" and names("ended") == "d"
    assert names("nonsense") == ""


def test_pages_leave_nothing_out(book: Book) -> None:
    for number, time in enumerate((1, 2, 2, 2, 3, 4)):
        book([event("calling", time, str(number))])
    first = book.calls(limit=2)
    second = book.calls(limit=2, before=first[-1].began)
    third = book.calls(limit=2, before=second[-1].began)
    assert [card.began for card in first] == [4, 3]
    assert [card.began for card in second] == [2, 2, 2], "those of one moment are on one page"
    assert [card.began for card in third] == [1]
    assert book.calls(limit=0) == []


def test_the_version_grows(book: Book) -> None:
    before = book.version
    book([event("calling")])
    assert book.version > before


def test_who_was_registered_until_when(book: Book) -> None:
    book([event("registered", 10), event("registered", 11, who=BOB), event("unregistered", 70)])
    assert book.past_phones() == [
        PastPhone(
            who=ALICE, address="10.0.0.10:5060", contact="sip:a@10.0.0.10", agent="Linphone", since=10, until=70,
            why="expired",
        )
    ]  # fmt: skip
    book([event("unregistered", 80, who=BOB, why="request")])
    assert [phone.who for phone in book.past_phones()] == [BOB, ALICE]
    assert [phone.until for phone in book.past_phones("alice")] == [70]
    assert book.past_phones("ali") == []
    book([event("registered", 90)])
    assert book.past_phones("alice") == [], "he is back"


def test_phones_that_left_are_not_remembered_for_ever(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "PHONES", 5)
    for number in range(20):
        book([event("registered", number, who=f"u{number}@x")])
    for number in range(20):
        book([event("unregistered", number, who=f"u{number}@x")])
    phones = book.past_phones()
    assert [phone.who for phone in phones] == [f"u{number}@x" for number in (19, 18, 17, 16, 15)]
    assert all(phone.since is not None for phone in phones)


def test_a_phone_of_which_nobody_knows_when_it_came(book: Book) -> None:
    book([event("unregistered", 5)])
    assert [(phone.since, phone.until, phone.agent) for phone in book.past_phones()] == [(None, 5, "")]


def test_readers_meet_no_half_made_card(book: Book) -> None:
    over = threading.Event()
    wrong: list[CallCard] = []

    def read() -> None:
        while not over.is_set():
            for card in book.calls(limit=5):
                if (card.state == "over") != (card.over is not None) or (card.state == "talking") != bool(
                    card.answered and card.over is None
                ):
                    wrong.append(card)
                if book.card(card.id) is None:
                    wrong.append(card)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 1_500):
        name = f"c{number}"
        book([event("calling", number, name)])
        book([event("started", number, name)])
        book([event("ended", number, name)])
    over.set()
    reader.join()
    assert not wrong


# -- with a real engine ------------------------------------------------------------------------------------------------


def told(lab: Lab) -> Book:
    book = Book(now=lambda: lab.now)
    book(lab.events)
    return book


def test_a_fork_is_one_call(book: Book) -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    other: Phone = lab.phone("bob")
    other.register()
    lab.events.clear()
    alice.invite("bob")
    for phone in (bob, other):
        phone.ring(phone.takes("INVITE"))
    (card,) = told(lab).calls()
    assert (card.state, card.caller, card.callee) == ("ringing", ALICE, BOB)


def test_a_call_of_the_lab() -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    lab.advance(5)
    hang_up(bob, alice)
    card = only(told(lab))
    assert (card.state, card.end, card.caller, card.callee) == ("over", "ended", ALICE, BOB)
    assert card.over is not None and card.answered is not None and card.over - card.answered == 5
