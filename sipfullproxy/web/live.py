"""What has changed, told while it changes: server-sent events (WHATWG HTML §9.2).

A browser has no queue here. Each is served by a loop of its own that looks at the version numbers of what is shown, and
makes what to tell when it can be sent: one that is slow misses steps on the way and gets the last state.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sipfullproxy.journal.cards import CallCard
from sipfullproxy.journal.words import Wrongs
from sipfullproxy.lang import Lang, Words
from sipfullproxy.web.house import House
from sipfullproxy.web.models import Running
from sipfullproxy.web.sharing import address_of, greediest

# Seconds between two looks: a step of a ladder that is seen a tenth of a second later is seen at once.
GLANCE: Final = 0.1

# Seconds of silence after which a line is sent: whether anybody is there shows only when one sends something.
HEARTBEAT: Final = 10.0

# Milliseconds until a browser that has lost us tries again: a proxy is started again in about a second.
RETRY: Final = 2_000

# Browsers that may look at once: 30 students, each with a second window, and some to spare.
MOST_GUESTS: Final = 64

# Calls whose cards are watched: more than a list shows without being asked for older ones.
LATEST: Final = 100


class _Shown(NamedTuple):
    """A card, and how it goes out."""

    card: CallCard
    json: str


@dataclass(eq=False)
class _Guest:
    """A browser that looks. address: its host. welcome: until somebody else needs its place."""

    address: str = ""
    welcome: bool = True


class Live:
    """All who look. `close` ends their streams."""

    def __init__(self, house: House) -> None:
        self._guests: list[_Guest] = []
        self._house = house
        self._counts: dict[str, tuple[int, int]] = {}
        self._closed = False
        self._cards: tuple[int, dict[str, _Shown]] = (-1, {})

    @property
    def guests(self) -> int:
        """How many look."""
        return len(self._guests)

    def close(self) -> None:
        """Let all streams end; any thread may call it."""
        self._closed = True

    def let_in(self, guest: _Guest) -> bool:
        """Whether there is room for one more, if need be in the place of the oldest of those who have the most."""
        if len(self._guests) >= MOST_GUESTS:
            host = greediest((one.address for one in self._guests), guest.address)
            if host is None:
                return False
            oldest = next(one for one in self._guests if one.address == host)
            oldest.welcome = False
            self._guests.remove(oldest)
        self._guests.append(guest)
        return True

    def let_out(self, guest: _Guest) -> None:
        """It looks no more."""
        if guest.welcome:
            self._guests.remove(guest)

    def response(self, call: str | None, messages: bool, last: str, lang: Lang) -> Response:
        """The stream for one browser.

        call: id of the call that it shows, or None. messages: whether it shows the latest messages. last: the id of
        the last event that it has got, or "": what did not change since then is not told again.
        """
        guest = _Guest()
        return _Stream(self, guest, self._tell(guest, call, messages, _versions(last, self._house.run), lang), lang)

    async def _tell(
        self, guest: _Guest, call: str | None, messages: bool, told: list[int], lang: Lang
    ) -> AsyncIterator[bytes]:
        house = self._house
        cards: dict[str, _Shown] = {}
        watched: CallCard | None = None
        count = -1
        wrong: Wrongs | None = None
        silence = 0.0
        yield f"retry: {RETRY}\n\n".encode()
        while guest.welcome and not self._closed:
            now = self._now()
            out: list[tuple[str, str]] = []
            if now[0] != told[0]:
                before, cards = cards, await self._latest(now[0])
                changed = [shown.json for id, shown in cards.items() if before.get(id) is not shown]
                out.append(("calls", f'{{"changed": [{", ".join(changed)}]}}'))
            if now[1] != told[1]:
                watched = watched or (await run_in_threadpool(house.proxy.archive.card, call) if call else None)
                if call and (grown := await self._count(watched)) != count:
                    count = grown
                    out.append(("call", json.dumps({"id": call, "messages": count})))
                if messages:
                    out.append(("messages", json.dumps({"version": now[1]})))
            if now[2] != told[2]:
                out.append(("phones", json.dumps({"version": now[2]})))
            if wrong != (running := house.proxy.settings.experiments):
                wrong = running
                out.append(("experiments", json.dumps(asdict(Running.of(running, lang)))))
            if out:
                told, silence = now, 0.0
                yield b"".join(_events(out, f"{house.run}.{'.'.join(map(str, now))}"))
            elif silence >= HEARTBEAT:
                silence = 0.0
                yield b": still here\n\n"
            await asyncio.sleep(GLANCE)
            silence += GLANCE

    def _now(self) -> list[int]:
        proxy = self._house.proxy
        return [proxy.archive.book.version, proxy.archive.tape.version, proxy.phones_version]

    async def _latest(self, version: int) -> dict[str, _Shown]:
        """The latest cards, the oldest first, so that the latest ends on top; made once for all who look."""
        if self._cards[0] != version:
            cards = await run_in_threadpool(self._house.proxy.archive.calls, limit=LATEST)
            _, before = self._cards
            self._cards = version, {card.id: _shown(card, before.get(card.id)) for card in reversed(cards)}
        return self._cards[1]

    async def _count(self, card: CallCard | None) -> int:
        """How many messages a call has; counted once for all who watch it, and only when it has got another."""
        if card is None:
            return 0
        archive = self._house.proxy.archive
        last, count = archive.tape.last(card.call), self._counts.get(card.call, (-1, 0))
        if last != count[0]:
            count = last, len(await run_in_threadpool(archive.records, card))
            if len(self._counts) >= MOST_GUESTS:
                self._counts.clear()
            self._counts[card.call] = count
        return count[1]


class _Stream(StreamingResponse):
    """One browser's stream, if there is room for it."""

    def __init__(self, live: Live, guest: _Guest, content: AsyncIterator[bytes], lang: Lang) -> None:
        super().__init__(content, media_type="text/event-stream")
        self._live = live
        self._guest = guest
        self._lang = lang

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._guest.address = address_of(scope)
        if not self._live.let_in(self._guest):
            await JSONResponse({"error": _FULL[self._lang]}, 503)(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._live.let_out(self._guest)


def _shown(card: CallCard, before: _Shown | None) -> _Shown:
    """The same object for the same card: then whether one has changed is seen at once."""
    return before if before is not None and before.card == card else _Shown(card, json.dumps(asdict(card)))


def _events(out: Sequence[tuple[str, str]], number: str) -> Iterator[bytes]:
    """As lines; only the last one carries the id, because who has got that one has got them all."""
    for place, (kind, data) in enumerate(out, 1):
        last = f"id: {number}\n" if place == len(out) else ""
        yield f"{last}event: {kind}\ndata: {data}\n\n".encode()


def _versions(last: str, run: str) -> list[int]:
    """The versions that an event's id stands for; of another start of the proxy, or of nobody's making: none."""
    started, *numbers = last.split(".")
    known = started == run and len(numbers) == 3 and all(number.isdecimal() and len(number) < 20 for number in numbers)
    return [int(number) for number in numbers] if known else [-1, -1, -1]


_FULL = Words(
    sk="priveľa otvorených okien so stránkou; zavrite niektoré", en="too many windows show the page; close some of them"
)
