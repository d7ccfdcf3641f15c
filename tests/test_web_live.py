"""The live stream: what has changed, once, to whoever looks; and nobody who does not can harm it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.cards import OVER, CallCard
from sipfullproxy.journal.record import Record
from sipfullproxy.web import live
from sipfullproxy.web.live import _versions
from tests.pages import MadeUp, card, page
from tests.waiting import eventually

pytestmark = pytest.mark.io

FLOW = Flow("udp", ("192.168.1.10", 5060), ("192.168.1.21", 5060))


def test_first_comes_what_there_is_and_then_what_changes() -> None:
    proxy = MadeUp()
    proxy.change(card(1))
    proxy.change(card(2))
    with page(proxy) as opened, opened.live() as following:
        name, data, _ = following()
        assert (name, [each["id"] for each in data["changed"]]) == ("calls", [card(1).id, card(2).id])
        assert [following()[0], following()[0]] == ["phones", "experiments"]
        proxy.change(dataclasses.replace(card(1), state=OVER, end="busy"))
        name, data, _ = following()
        assert (name, [each["end"] for each in data["changed"]]) == ("calls", ["busy"]), "not those that stayed"
        proxy.phones_version += 1
        assert following()[:2] == ("phones", {"version": 1})


def test_the_call_that_is_watched_tells_how_many_messages_it_has() -> None:
    proxy = MadeUp()
    proxy.change(card())
    with page(proxy) as opened, opened.live(f"?call={card().id}") as following:
        assert [following()[0], following()[:2], following()[0], following()[0]] == [
            "calls", ("call", {"id": card().id, "messages": 0}), "phones", "experiments",
        ]  # fmt: skip
        proxy.tape.version = 1  # a message of another call
        proxy.tape.records = [Record(2, 1.0, True, FLOW, b"INVITE")]
        proxy.tape.version = 2
        assert following()[:2] == ("call", {"id": card().id, "messages": 1})


def test_who_watches_all_messages_hears_of_them() -> None:
    with page() as opened, opened.live("?messages=1") as following:
        assert [following()[0] for _ in range(4)] == ["calls", "messages", "phones", "experiments"]
        opened.proxy.tape.version = 7
        assert following()[:2] == ("messages", {"version": 7})


def test_who_comes_back_hears_only_what_he_has_missed() -> None:
    proxy = MadeUp()
    proxy.change(card(1))
    with page(proxy) as opened:
        with opened.live() as following:
            last = [following()[2] for _ in range(3)][-1]
        assert last, "who has got the last event of those that were told together has got them all"
        eventually(lambda: opened.application.live.guests == 0, "the browser's end to be noticed")
        proxy.change(card(2))
        with opened.live(last_event_id=last) as following:
            name, data, _ = following()
            assert name == "calls" and card(2).id in [each["id"] for each in data["changed"]]
            name, _, new = following()
            assert name == "experiments" and new > last, "no news of phones; what goes wrong is always told"


def test_what_goes_wrong_on_purpose_is_told_at_once_and_in_words() -> None:
    with page() as opened, opened.live("?lang=sk") as following:
        assert [following()[:2] for _ in range(3)][-1] == (
            "experiments",
            {"drop": 0, "delay": 0, "stateless": False, "record_route": True, "fork": True, "said": []},
        )
        opened.proxy.experiment(drop=20)
        name, data, _ = following()
        assert (name, data["drop"], data["said"]) == ("experiments", 20, ["zahadzuje sa 20 % správ"])


@pytest.mark.parametrize(
    "last", ["", "run", "run.1.2", "run.1.2.x", "run.1.2.-3", f"run.1.2.{'9' * 20}", "other.1.2.3"]
)
def test_an_id_that_is_not_ours_means_from_the_beginning(last: str) -> None:
    assert _versions(last, "run") == [-1, -1, -1]
    assert _versions("run.1.2.3", "run") == [1, 2, 3]


def test_what_phones_send_breaks_no_line() -> None:
    nasty = "</script>\r\n\r\nevent: calls\u2028\ndata: {}"
    proxy = MadeUp()
    proxy.change(card(caller=nasty))
    with page(proxy) as opened, opened.live() as following:
        _, data, _ = following()
        assert data["changed"][0]["caller"] == nasty
        assert [following()[0], following()[0]] == ["phones", "experiments"]


def test_silence_is_broken_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.1)
    with page() as opened, opened.line() as line:
        line.sendall(f"GET /api/live HTTP/1.1\r\nHost: {opened.host}\r\n\r\n".encode())
        got = b""
        while b": still here\n\n" not in got:
            more = line.recv(4096)
            assert more
            got += more


def test_there_is_room_for_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_GUESTS", 1)
    with page() as opened:
        with opened.live() as following:
            following()
            answer = opened.ask("/api/live?lang=sk")
            assert (answer.status, "okien" in answer.json["error"]) == (503, True)
        eventually(lambda: opened.application.live.guests == 0, "the browser's end to be noticed")
        with opened.live() as following:
            assert following()[0] == "calls"


def test_one_who_has_all_the_places_keeps_out_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_GUESTS", 3)
    with page() as opened, ExitStack() as windows:
        student = [windows.enter_context(opened.line("127.0.0.2")) for _ in range(3)]
        for line in student:
            before = opened.application.live.guests
            line.sendall(f"GET /api/live HTTP/1.1\r\nHost: {opened.host}\r\nConnection: close\r\n\r\n".encode())
            eventually(lambda before=before: opened.application.live.guests > before, "his stream")  # type: ignore[misc]
        with opened.live() as following:
            assert following()[0] == "calls"
            while student[0].recv(65536):
                pass
            assert opened.application.live.guests == 3
            assert opened.ask("/api/live").status == 503, "two of his are no more than the teacher would have"
        eventually(lambda: opened.application.live.guests == 2, "the teacher to leave")


def test_messages_of_other_calls_make_nobody_count() -> None:
    asked = []

    class Watched(MadeUp):
        def records(self, card: CallCard) -> Sequence[Record]:
            asked.append(card.id)
            return super().records(card)

    proxy = Watched()
    proxy.change(card())
    query = f"?call={card().id}&messages=1"
    with page(proxy) as opened, opened.live(query) as first, opened.live(query) as second:
        for following in (first, second):
            assert [following()[0] for _ in range(5)] == ["calls", "call", "messages", "phones", "experiments"]
        for version in range(1, 4):
            proxy.tape.version = version
            assert [following()[:2] for following in (first, second)] == [("messages", {"version": version})] * 2
    assert len(asked) == 1, "for all who watch, and not again for other calls"


def test_bad_questions_are_refused() -> None:
    with page() as opened:
        assert opened.ask("/api/live?call=../../etc").status == 422
        assert opened.ask("/api/live", last_event_id="x" * 101).status == 422


def test_nobody_looks_and_nothing_is_asked() -> None:
    asked = []

    class Watched(MadeUp):
        def calls(self, *args: object, **more: object) -> list[object]:  # type: ignore[override]
            asked.append(args)
            return []

    proxy = Watched()
    with page(proxy) as opened:
        assert opened.ask("/api/about").status == 200
        for _ in range(3):
            proxy.book.version += 1
        with opened.live() as first, opened.live() as second:
            assert json.dumps(first()[1]) == json.dumps(second()[1])
    assert len(asked) == 1, "one question for all who look, and none before"
