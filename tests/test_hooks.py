"""Hooks: everybody is told everything in order, nobody waits for anybody, and nothing that a hook does harms."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from sipfullproxy.engine.events import KINDS, Event, Registered, Ringing, Started
from sipfullproxy.journal.hooks import Hooks
from tests.waiting import eventually

PATIENCE = 30.0
"""Seconds after which a test gives up on a thread; a test that passes waits for none of it."""


def ringing(serial: int) -> Ringing:
    return Ringing(serial=serial, time=0.0, call="c", leg="l", who="alice@lab", whom="bob@lab")


def started(serial: int) -> Started:
    return Started(serial=serial, time=0.0, call="c", leg="l", who="alice@lab", whom="bob@lab", video=False)


def registered(serial: int) -> Registered:
    return Registered(serial=serial, time=0.0, who="alice@lab", address="", contact="", agent="", expires=60)


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    made = Hooks(limit=3)
    yield made
    made.stop()


def test_a_hook_is_called_with_its_kind_and_a_star_with_all(hooks: Hooks) -> None:
    calls: list[str] = []

    @hooks.on("*")
    def anything(event: Event) -> None:
        calls.append(f"* {event.serial}")

    @hooks.on("ringing")
    @hooks.on("started")
    def call(event: Ringing | Started) -> None:
        calls.append(f"{event.who} {event.serial}")

    hooks.start()
    for event in (registered(1), ringing(2), started(3)):
        hooks.put(event)
    hooks.stop()
    assert calls == ["* 1", "* 2", "alice@lab 2", "* 3", "alice@lab 3"]


def test_every_kind_of_event_can_be_asked_for_and_no_other(hooks: Hooks) -> None:
    for kind in KINDS:
        hooks.on(kind)
    with pytest.raises(
        ValueError, match=r"unknown kind of event 'rings'; choose one of \*, registered, .*, banned, unbanned$"
    ):
        hooks.on("rings")


def test_the_decorated_function_stays_itself(hooks: Hooks) -> None:
    def mine(event: Event) -> None:
        """Nothing to do."""

    assert hooks.on("*")(mine) is mine


def test_all_hooks_run_on_one_thread_that_is_not_the_engines(hooks: Hooks) -> None:
    threads: list[threading.Thread] = []
    for _ in range(2):
        hooks.on("*")(lambda event: threads.append(threading.current_thread()))
    hooks.start()
    hooks.start()
    hooks.put(ringing(1))
    hooks.stop()
    assert len(threads) == 2
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


def test_a_slow_hook_delays_nobody_and_loses_the_oldest_counted(hooks: Hooks) -> None:
    seen: list[int] = []
    entered, let_go = threading.Event(), threading.Event()

    @hooks.on("*")
    def slow(event: Event) -> None:
        seen.append(event.serial)
        entered.set()
        let_go.wait(PATIENCE)

    hooks.start()
    hooks.put(ringing(1))
    assert entered.wait(PATIENCE)
    for serial in range(2, 8):
        hooks.put(ringing(serial))  # three have room; the hook still looks at the first
    let_go.set()
    hooks.stop()
    assert seen == [1, 5, 6, 7]
    assert hooks.lost == 3


def test_events_are_delivered_without_a_stop(hooks: Hooks) -> None:
    delivered = threading.Event()
    hooks.on("*")(lambda event: delivered.set())
    hooks.start()
    for serial in (1, 2):
        hooks.put(ringing(serial))
        assert delivered.wait(PATIENCE)
        delivered.clear()


def fails(event: Event) -> None:
    raise ZeroDivisionError("a student's mistake")


def gives_up(event: Event) -> None:
    raise SystemExit


def is_cancelled(event: Event) -> None:
    raise asyncio.CancelledError


class Nameless:
    """A hook that is an object, and has no name of its own."""

    def __call__(self, event: Event) -> None:
        raise LookupError


@pytest.mark.parametrize(
    ("bad", "name"),
    [(fails, "fails"), (gives_up, "gives_up"), (is_cancelled, "is_cancelled"), (Nameless(), "Nameless")],
)
def test_a_hook_that_fails_is_named_in_the_log_and_harms_no_other(
    hooks: Hooks, caplog: pytest.LogCaptureFixture, bad: Callable[[Event], None], name: str
) -> None:
    seen: list[int] = []
    hooks.on("*")(bad)
    hooks.on("*")(lambda event: seen.append(event.serial))
    hooks.start()
    hooks.put(ringing(1))
    hooks.put(ringing(2))
    hooks.stop()
    assert seen == [1, 2]
    assert [record.getMessage() for record in caplog.records] == [
        f"the hook {name} failed on ringing",
        f"the hook {name} failed on ringing",
    ]
    assert all(record.exc_info for record in caplog.records)


def test_what_was_put_before_the_start_is_delivered_too(hooks: Hooks) -> None:
    seen: list[int] = []
    hooks.on("*")(lambda event: seen.append(event.serial))
    hooks.put(ringing(1))
    hooks.start()
    hooks.stop()
    assert seen == [1]


def test_it_can_be_stopped_twice_and_started_again(hooks: Hooks) -> None:
    seen: list[int] = []
    hooks.on("*")(lambda event: seen.append(event.serial))
    hooks.stop()
    for serial in (1, 2):
        hooks.start()
        hooks.put(ringing(serial))
        hooks.stop()
        hooks.stop()
    assert seen == [1, 2]


def test_a_hook_may_stop_the_hooks_itself(hooks: Hooks) -> None:
    seen: list[int] = []
    all_seen = threading.Event()

    @hooks.on("*")
    def stops(event: Event) -> None:
        hooks.stop()
        seen.append(event.serial)
        if event.serial == 2:
            all_seen.set()

    hooks.put(ringing(1))
    hooks.put(ringing(2))
    hooks.start()
    assert all_seen.wait(PATIENCE)
    assert seen == [1, 2]


def test_a_hook_may_stop_and_start_the_hooks_and_all_goes_on_on_one_thread(hooks: Hooks) -> None:
    threads: list[threading.Thread] = []
    both_seen = threading.Event()

    @hooks.on("registered")
    def restarts(event: Event) -> None:
        threads.append(threading.current_thread())
        hooks.stop()
        hooks.start()

    hooks.on("ringing")(lambda event: both_seen.set())
    hooks.put(registered(1))
    hooks.start()
    eventually(lambda: threads and not threads[0].is_alive(), "the first thread's end")
    hooks.put(ringing(2))
    assert both_seen.wait(PATIENCE)


def test_without_hooks_nothing_is_queued() -> None:
    hooks = Hooks(limit=1)
    for serial in (1, 2):
        hooks.put(ringing(serial))
    assert hooks.lost == 0


def test_a_hook_that_never_returns_does_not_keep_the_proxy_from_stopping(caplog: pytest.LogCaptureFixture) -> None:
    hooks = Hooks()
    entered, let_go = threading.Event(), threading.Event()

    @hooks.on("*")
    def stuck(event: Event) -> None:
        entered.set()
        let_go.wait(PATIENCE)

    hooks.start()
    hooks.put(ringing(1))
    assert entered.wait(PATIENCE)
    hooks.put(ringing(2))
    with caplog.at_level(logging.WARNING):
        hooks.stop(wait=0.01)
    assert "a hook has not returned in 0.01 s; 1 events were not delivered" in caplog.text
    let_go.set()
