"""Places and turns: who asks for much waits for himself."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from sipfullproxy.web import sharing
from sipfullproxy.web.sharing import Turns, address_of, greediest


@pytest.mark.parametrize(
    ("places", "newcomer", "gives_up"),
    [
        ("hhh", "t", "h"),
        ("hhht", "t", "h"),
        ("hht", "t", None),  # or they would take it from each other for ever
        ("hht", "h", None),
        ("abc", "t", None),
        ("abbccc", "a", "c"),
    ],
)
def test_whoever_has_the_most_gives_one_up(places: Sequence[str], newcomer: str, gives_up: str | None) -> None:
    assert greediest(places, newcomer) == gives_up


def test_a_connection_without_an_address_has_an_empty_one() -> None:
    assert (address_of({"client": None}), address_of({"client": ("h", 1)})) == ("", "h")


class Kitchen:
    """An application that makes answers when it is told to. log: what it began, and what it began to serve."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.log.append(f"begins {scope['path']}")
        await self.go_on.wait()
        if scope["path"] == "broken":
            raise RuntimeError
        await send({"type": "http.response.start"})
        self.log.append(f"serves {scope['path']}")
        await send({"type": "http.response.body"})


async def _asked() -> Message:
    raise AssertionError


async def _taken(message: Message) -> None:
    """The browser takes the first byte, and nothing of the rest."""
    if message["type"] == "http.response.body":
        await asyncio.Event().wait()


def test_who_asks_without_end_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MOST_WAITING", 2)
    kitchen = Kitchen()
    turns = Turns(kitchen)
    statuses: list[int] = []

    async def told(message: Message) -> None:
        statuses.append(message.get("status", 0))

    async def story() -> None:
        scope = {"type": "http", "client": ("student", 1), "path": "x"}
        tasks = [asyncio.create_task(turns(scope, _asked, told)) for _ in range(4)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert (kitchen.log, statuses) == (["begins x"], [503, 0]), "one is served, two wait"
        await asyncio.gather(turns({**scope, "client": ("teacher", 1)}, _asked, told), _soon(kitchen.go_on), *tasks)

    asyncio.run(story())
    assert kitchen.log.count("serves x") == 4


async def _soon(event: asyncio.Event) -> None:
    event.set()


def test_one_address_has_one_turn_until_its_answer_begins() -> None:
    kitchen = Kitchen()
    turns = Turns(kitchen)

    async def story() -> None:
        async def ask(host: str, path: str) -> None:
            await turns({"type": "http", "client": (host, 1), "path": path}, _asked, _taken)

        asked = [("student", "1"), ("student", "broken"), ("student", "3"), ("teacher", "4")]
        tasks = [asyncio.create_task(ask(*each)) for each in asked]
        for _ in range(10):
            await asyncio.sleep(0)
        assert kitchen.log == ["begins 1", "begins 4"]
        kitchen.go_on.set()
        for _ in range(30):
            await asyncio.sleep(0)
        assert kitchen.log[2:] == ["serves 1", "serves 4", "begins broken", "begins 3", "serves 3"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
    for _ in range(3):  # the traceback of the broken one; PyPy frees in one look what the one before has found
        gc.collect()
    assert not turns._turns, "nobody is remembered"
