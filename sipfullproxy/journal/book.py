"""The book of calls: what the events say of each call, as a card; and who was registered until when."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Final

from sipfullproxy.engine import events as told
from sipfullproxy.engine.events import CallEvent, Event, Registered, Unregistered
from sipfullproxy.journal.cards import CALLING, OVER, RINGING, TALKING, CallCard, PastPhone, fold, short_id

PAST_CALLS: Final = 5_000
"""Calls that are over and still in memory, at some 2 kB each; the database has more."""

LIVE_CALLS: Final = 50_000
"""Calls in progress. Who has more looks at none of them by name."""

EVENTS_OF_A_CALL: Final = 200
"""Events of one call; nobody holds and resumes more often in earnest. Of more, those in the middle are forgotten."""

LATEST: Final = 10_000
"""Events of all calls and phones that are remembered in order: some hours of a class."""

PHONES: Final = 20_000
"""Phones of which it is remembered when they came, and as many of which it is remembered when they went."""

PATIENCE: Final = {CALLING: 600.0, RINGING: 600.0, TALKING: 24 * 3600.0}
"""Seconds without an event after which nobody waits for the end of a call any more, by its state. Its end was lost; or
there was none to tell, because the caller's phone was asked for a password, and gave up."""


class Book:
    """A reader of events (for a `Mailbox`) that knows what each call has come to. Other threads may ask it meanwhile.

    Events may be lost, so a call may begin with any of them. past: calls that are over and are kept. now: tells
    wall-clock seconds.
    """

    def __init__(self, past: int = PAST_CALLS, now: Callable[[], float] = time.time) -> None:
        self.version = 0
        self._past = past
        self._now = now
        self._lock = Lock()
        self._by_name: dict[tuple[str, str], _Story] = {}
        self._by_id: dict[str, _Story] = {}
        self._by_state: dict[str, OrderedDict[_Story, None]] = {
            state: OrderedDict() for state in (CALLING, RINGING, TALKING, OVER)
        }
        self._latest: deque[Event] = deque(maxlen=LATEST)
        self._here: OrderedDict[tuple[str, str], Registered] = OrderedDict()
        self._gone: OrderedDict[tuple[str, str], PastPhone] = OrderedDict()

    def __call__(self, events: Sequence[Event]) -> None:
        """Take in what has happened; the events' `time` is in wall-clock seconds."""
        with self._lock:
            for event in events:
                if isinstance(event, CallEvent):
                    self._hear(event)
                elif isinstance(event, Registered):
                    self._came(event)
                elif isinstance(event, Unregistered):
                    self._went(event)
            self._latest += events
            self._tidy_up()
            self.version += len(events)

    def calls(
        self, query: str = "", state: str = "", limit: int | None = None, before: float | None = None
    ) -> list[CallCard]:
        """Calls, those first that began last.

        query: any part of caller, callee, Call-ID or id, in any letters. state: a state of a card, one of ENDS, LIVE
        or TROUBLE; "": all. before: only those that began before that (wall-clock seconds). limit: so many, but for
        those that began at the very moment of the last one: they come along, so that the next page has no gap.
        """
        query = fold(query.strip())
        with self._lock:
            self._tidy_up()
            stories = list(self._by_name.values())
        stories.sort(key=_began, reverse=True)
        sought = (story for story in stories if before is None or story.began < before)
        cards = (self._card(story) for story in sought if not query or story.tells_of(query))
        return page((card for card in cards if card.is_in(state)), limit)

    def card(self, id: str) -> CallCard | None:
        """The card of a call; None where there is none of that id."""
        with self._lock:
            self._tidy_up()
            story = self._of(id)
            return story.card() if story is not None else None

    def card_of(self, call: str, leg: str) -> CallCard | None:
        """The same of a call by its name: its Call-ID and the caller's From tag."""
        with self._lock:
            self._tidy_up()
            story = self._by_name.get((call, leg))
            return story.card() if story is not None else None

    def events(self, id: str) -> list[CallEvent]:
        """What happened in a call, in order."""
        with self._lock:
            story = self._of(id)
            return story.events.copy() if story is not None else []

    def journal(self) -> list[Event]:
        """The latest events, in order."""
        with self._lock:
            return list(self._latest)

    def past_phones(self, user: str = "") -> list[PastPhone]:
        """The phones that are registered no more, who left last first; of that user (without the domain), or all."""
        with self._lock:
            gone = list(reversed(self._gone.values()))
        return [phone for phone in gone if user in ("", phone.who.rpartition("@")[0])]

    def _card(self, story: _Story) -> CallCard:
        with self._lock:
            return story.card()

    def _of(self, id: str) -> _Story | None:
        """The call of that id. Ids are made when somebody asks for one; each takes longer than an event."""
        for story in reversed(self._by_name.values()):
            if story.listed:
                break  # and so are all that began before it
            story.listed = True
            self._by_id[story.id] = story
        return self._by_id.get(id)

    def _hear(self, event: CallEvent) -> None:
        name = (event.call, event.leg)
        story = self._by_name.get(name)
        if story is None:
            story = self._by_name[name] = _Story(event)
        else:
            del self._by_state[story.state][story]
        story.hear(event)
        self._by_state[story.state][story] = None

    def _tidy_up(self) -> None:
        """Wait no longer for the ends of calls that were silent for too long; forget those that are long over."""
        now = self._now()
        live = len(self._by_name) - len(self._by_state[OVER])
        for state, patience in PATIENCE.items():
            stories = self._by_state[state]
            while stories:
                story = next(iter(stories))
                if story.changed + patience > now and live <= LIVE_CALLS:
                    break
                live -= 1
                del stories[story]
                story.lose()
                self._by_state[OVER][story] = None
        over = self._by_state[OVER]
        while len(over) > self._past:
            story, _ = over.popitem(last=False)
            del self._by_name[story.call, story.leg]
            if story.listed:
                self._by_id.pop(story.id, None)

    def _came(self, event: Registered) -> None:
        phone = (event.who, event.contact)
        self._gone.pop(phone, None)
        self._here[phone] = event
        if len(self._here) > PHONES:
            self._here.popitem(last=False)

    def _went(self, event: Unregistered) -> None:
        phone = (event.who, event.contact)
        came = self._here.pop(phone, None)
        self._gone.pop(phone, None)
        self._gone[phone] = PastPhone(
            who=event.who, address=event.address, contact=event.contact, agent=came.agent if came else "",
            since=came.time if came else None, until=event.time, why=event.why,
        )  # fmt: skip
        if len(self._gone) > PHONES:
            self._gone.popitem(last=False)


class _Story:
    """A call as its events tell it. Changed in place, which is much cheaper than a new card for each event.

    listed: whether the book knows it by its id, too.
    """

    __slots__ = (
        "_card", "_holders", "_id", "answered", "began", "call", "callee", "caller", "changed", "conference", "end",
        "events", "leg", "listed", "missing", "over", "state", "status", "video", "went_to", "why",
    )  # fmt: skip

    def __init__(self, event: CallEvent) -> None:
        """event: the first that is known of the call. Where that is not the very first, who called whom is a guess."""
        self._id = ""
        self.listed = False
        self.call = event.call
        self.leg = event.leg
        self.caller = event.who
        self.callee = event.whom
        self.state = CALLING
        self.began = event.time - event.duration if isinstance(event, told.Ended) else event.time
        self.changed = event.time
        self.answered: float | None = None
        self.over: float | None = None
        self.end = ""
        self.status = 0
        self.why = ""
        self.video = False
        self.conference = False
        self.missing = False
        self.went_to: tuple[str, ...] = ()
        self.events: list[CallEvent] = []
        self._holders: tuple[str, ...] = ()
        self._card: CallCard | None = None

    @property
    def id(self) -> str:
        """See `CallCard`."""
        if not self._id:
            self._id = short_id(self.call, self.leg)
        return self._id

    def hear(self, event: CallEvent) -> None:
        """What happened next."""
        self._card = None
        self.changed = event.time
        self.events.append(event)
        if len(self.events) > EVENTS_OF_A_CALL:
            del self.events[EVENTS_OF_A_CALL // 2]
        match event.kind:
            case "calling" | "ringing":
                if self.state == OVER:
                    self.answered = None
                    self._holders = ()
                self._go_on(CALLING if event.kind == "calling" else RINGING)
            case "started" | "video" | "held" | "resumed" | "conference":
                self._talk(event)
            case "forwarded" | "transferred":
                if isinstance(event, told.Forwarded) or (
                    isinstance(event, told.Transferred) and event.succeeded is not False
                ):
                    self.went_to += (event.to,)
            case "located":
                pass
            case _:
                self._finish(event)

    def tells_of(self, query: str) -> bool:
        """Whether the query, already folded, is a part of caller, callee, Call-ID or id."""
        return any(query in fold(part) for part in (self.caller, self.callee, self.call, self.id))

    def lose(self) -> None:
        """Nobody will tell its end any more."""
        self._card = None
        self.state = OVER
        self.missing = True

    def card(self) -> CallCard:
        """What it has come to."""
        card = self._card
        if card is None:
            card = self._card = CallCard(
                id=self.id, call=self.call, leg=self.leg, caller=self.caller, callee=self.callee, state=self.state,
                began=self.began, changed=self.changed, answered=self.answered, over=self.over, end=self.end,
                status=self.status, why=self.why, held=bool(self._holders), video=self.video,
                conference=self.conference, went_to=self.went_to, missing=self.missing,
            )  # fmt: skip
        return card

    def _go_on(self, state: str) -> None:
        """It is in progress, even if it was thought over: its name is used again, or it was silent for long."""
        self.state = state
        self.over = None
        self.end = self.why = ""
        self.status = 0
        self.missing = False

    def _talk(self, event: CallEvent) -> None:
        self._go_on(TALKING)
        if self.answered is None or event.kind == "started":
            self.answered = event.time
        if event.kind == "video" or (isinstance(event, told.Started) and event.video):
            self.video = True
        elif event.kind == "held":
            self._holders = (*self._without(event.who), event.who)
        elif event.kind == "resumed":
            self._holders = self._without(event.who)
        elif event.kind == "conference":
            self.conference = True

    def _without(self, who: str) -> tuple[str, ...]:
        return tuple(holder for holder in self._holders if holder != who)

    def _finish(self, event: CallEvent) -> None:
        self._go_on(OVER)
        self.over = event.time
        self.end = event.kind
        if isinstance(event, told.Ended):
            self.why = event.why
            self.answered = event.time - event.duration if self.answered is None else self.answered
        elif isinstance(event, told.CallOver):
            self.status, self.why = event.status, event.why


def _began(story: _Story) -> float:
    return story.began


def page(cards: Iterable[CallCard], limit: int | None) -> list[CallCard]:
    """The first so many of cards that are in order, and those that began at the very moment of the last one."""
    found: list[CallCard] = []
    for card in cards:
        if limit is not None and len(found) >= limit and not (found and card.began == found[-1].began):
            break
        found.append(card)
    return found
