"""What browsers share, shared by the address that asks: whoever asks for much waits for himself and for nobody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Literal
from weakref import WeakValueDictionary

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Requests of one address that may wait for their turn: all that a class behind one router asks at once. Whoever asks
# and leaves without waiting would otherwise fill the memory.
MOST_WAITING = 200


def address_of(scope: Scope) -> str:
    """The host at the other end, "" where there is none."""
    return str(scope["client"][0]) if scope.get("client") else ""


def greediest(addresses: Iterable[str], newcomer: str) -> str | None:
    """Who must give up a place for a newcomer, now that all are taken: the address that has the most of them.

    addresses: those who have places, once for each. Returns None where the newcomer would then have as many: there is
    no room. So a student with a hundred windows keeps nobody out, and a class behind one router may have all.
    """
    places = Counter(addresses)
    address, most = places.most_common(1)[0]
    return address if places[newcomer] + 1 < most else None


class _Turn(asyncio.Lock):
    """The turn of one address. waiting: how many requests want it."""

    waiting = 0

    async def acquire(self) -> Literal[True]:
        self.waiting += 1
        try:
            return await super().acquire()
        finally:
            self.waiting -= 1


class Turns:
    """Before `app` (ASGI): for one address one answer is made at a time, until its first byte goes out.

    Otherwise thirty requests of one student would stand in the line before the one of the teacher. Beyond MOST_WAITING
    an address hears 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()  # only while somebody holds them

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when it is its turn."""
        if scope["type"] != "http":  # the server's own words to the application
            await self._app(scope, receive, send)
            return
        turn = self._turns.setdefault(address_of(scope), _Turn())
        if turn.waiting >= MOST_WAITING:
            await Response(None, 503)(scope, receive, send)
            return
        async with AsyncExitStack() as held:
            await held.enter_async_context(turn)

            async def begun(message: Message) -> None:
                # A stream has no end, and a slow browser takes long to its own.
                await held.aclose()
                await send(message)

            await self._app(scope, receive, begun)
