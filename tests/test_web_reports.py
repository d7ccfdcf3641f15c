"""What is read or handed in as a whole: messages, journal, glossary."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator

import pytest

from sipfullproxy.engine.events import Busy, Event, Registered, Ringing
from sipfullproxy.journal.record import Record
from sipfullproxy.ladder.model import ladder
from tests import ladders
from tests.pages import MadeUp, Page, card, page, phone

pytestmark = pytest.mark.io

WHO = {"call": "c", "leg": "l", "who": "alice@lab", "whom": "bob@lab"}


@pytest.fixture
def served() -> Iterator[Page]:
    with page() as opened:
        yield opened


def happened(proxy: MadeUp, *events: Event) -> None:
    proxy.told = list(events)  # type: ignore[arg-type]


def test_the_latest_messages_come_with_their_calls(served: Page) -> None:
    records = ladders.plain()
    served.proxy.tape.records = records
    served.proxy.tape.version = records[-1].number
    served.proxy.cards = [card(call=ladder(records).calls[0].id)]
    served.proxy.registered = [phone()]
    told = served.ask("/api/messages?limit=5").json
    assert [one["number"] for one in told["messages"]] == [record.number for record in records[:-6:-1]]
    assert {one["call"] for one in told["messages"]} == {served.proxy.cards[0].id}
    assert told["version"] == records[-1].number
    later = served.ask(f"/api/messages?after={records[-2].number}").json
    assert [one["number"] for one in later["messages"]] == [records[-1].number]
    assert served.ask(f"/api/messages?after={told['version']}").json["messages"] == []


def test_messages_that_are_no_sip_are_listed_too(served: Page) -> None:
    flow = ladders.plain()[0].flow
    served.proxy.tape.records = [Record(1, 1.0, True, flow, b"\x00\xff<script>"), Record(2, 2.0, True, flow, b"")]
    told = served.ask("/api/messages").json["messages"]
    assert [(one["number"], one["call"]) for one in told] == [(2, ""), (1, "")]


def test_a_message_of_no_call_is_told_as_one_of_a_call(served: Page) -> None:
    records = ladders.plain()
    served.proxy.tape.records, served.proxy.cards = records, []
    told = served.ask(f"/api/messages/{records[2].number}?lang=en").json
    assert told["numbers"] == [record.number for record in records]
    assert (told["message"]["place"], told["origin"]["place"]) == (2, 0)
    assert told["message"]["changes"][0]["why"]
    assert served.ask(f"/api/messages/{records[-1].number + 1}").status == 404
    assert served.ask("/api/messages/0").status == served.ask("/api/messages/x").status == 422


def test_a_message_of_a_call_has_the_place_that_it_has_there(served: Page) -> None:
    """The tape holds what came since the start; what came before is in the database, and counts, too."""
    records = ladders.plain()
    served.proxy.cards = [card(call=ladder(records).calls[0].id)]
    served.proxy.tape.records, served.proxy.records_of = records[3:], {served.proxy.cards[0].id: records}
    assert served.ask(f"/api/messages/{records[4].number}").json["message"]["place"] == 4
    served.proxy.records_of = {}


def test_what_is_no_sip_is_told_too(served: Page) -> None:
    flow = ladders.plain()[0].flow
    served.proxy.tape.records = [Record(1, 1.0, True, flow, b"\x00\xff<script>"), Record(2, 2.0, True, flow, b"")]
    assert served.ask("/api/messages/1").json["message"]["start"]["text"]
    assert served.ask("/api/messages/2").status == 200


def test_the_journal_as_it_is_handed_in(served: Page) -> None:
    rang = Ringing(serial=1, time=86_400, **WHO)
    happened(served.proxy, rang, Busy(serial=2, time=200_000, status=486, why="", **WHO))
    lines = served.ask("/api/journal.txt?lang=sk").body.decode().splitlines()
    assert lines[1].endswith(":INFO:Zvonenie alice@lab -> bob@lab")
    assert ":Obsadené alice@lab -> bob@lab" in lines[3]
    assert len(lines) == 4, "a date for each of the two days"
    assert len(served.ask("/api/journal.txt?since=100000").body.decode().splitlines()) == 2


def test_the_journal_as_a_table_runs_no_formula(served: Page) -> None:
    evil = '=HYPERLINK("http://evil","x")'
    phones = [evil, "+1", "-1", "@x", "a\r\n=b", 'q"u,o']
    happened(served.proxy, *(
        Registered(serial=n, time=1.5, who=who, address="", contact="", agent="", expires=1)
        for n, who in enumerate(phones)
    ))  # fmt: skip
    body = served.ask("/api/journal.csv").body.decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(body))
    assert head == ["time", "kind", "who", "whom", "text"]
    assert [row[2] for row in rows] == [f"'{evil}", "'+1", "'-1", "'@x", r"a\r\n=b", 'q"u,o']
    assert len(body.splitlines()) == 1 + len(phones)


def test_the_journal_as_data(served: Page) -> None:
    happened(served.proxy, Ringing(serial=1, time=7.25, **WHO))
    assert served.ask("/api/journal.json?lang=en").json == {
        "events": [{"time": 7.25, "kind": "ringing", "text": "Ringing alice@lab -> bob@lab"}]
    }


def test_the_assignment_ticks_off_what_was_shown_of_late(served: Page) -> None:
    assert not any(point["shown"] for point in served.ask("/api/assignment").json["points"])
    now = time.time()
    rang = Ringing(serial=1, time=now - 7200, **WHO)
    alice, bob = (
        Registered(serial=n, time=now - 60, who=who, address=f"192.168.1.{n}:5060", contact="", agent="", expires=60)
        for n, who in enumerate(("alice@lab", "bob@lab"), 2)
    )
    happened(served.proxy, rang, alice, bob)
    told = served.ask("/api/assignment?lang=en").json
    points = {point["key"]: point for point in told["points"]}
    assert points["registered"]["shown"] and "alice@lab" in points["registered"]["evidence"][0]
    assert not points["rang"]["shown"] and points["rang"]["hint"], "that was two hours ago"
    assert told["since"] == pytest.approx(now - 3600, abs=60)
    longer = served.ask("/api/assignment?minutes=180").json["points"]
    assert {point["key"]: point["shown"] for point in longer}["rang"]


@pytest.mark.parametrize("path", ["/assignment.html", "/api/assignment.html"])
def test_the_assignment_as_a_sheet_is_a_page_without_scripts(served: Page, path: str) -> None:
    answer = served.ask(f"{path}?lang=en&name=%3Cscript%3Ealert(1)%3C/script%3E")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert b"&lt;script&gt;" in answer.body and b"<script" not in answer.body
    assert served.ask(f"{path}?name={'x' * 101}").status == 422


def test_the_glossary_in_both_languages(served: Page) -> None:
    slovak, english = (served.ask(f"/api/glossary?lang={lang}").json for lang in ("sk", "en"))
    assert slovak.keys() == english.keys()
    assert slovak["header.via"]["text"] != english["header.via"]["text"]
    assert english["header.via"]["title"] == "Via"


@pytest.mark.parametrize("path", ["/api/messages?limit=0", "/api/messages?limit=501", "/api/journal.txt?since=x"])
def test_bad_questions_get_one_sentence(served: Page, path: str) -> None:
    answer = served.ask(path)
    assert (answer.status, list(answer.json)) == (422, ["error"])
