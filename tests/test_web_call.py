"""One call in the API: its story, its messages explained, its ladder in every form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

import pytest

from sipfullproxy.engine.events import Ended, Ringing, Unregistered
from sipfullproxy.journal.cards import OVER
from sipfullproxy.journal.record import Record
from sipfullproxy.ladder.model import ladder
from sipfullproxy.ladder.pcap import pcap as capture
from tests import ladders
from tests.pages import MadeUp, Page, card, page

pytestmark = pytest.mark.io

CALL = f"/api/calls/{card().id}"


@pytest.fixture(scope="module")
def served() -> Iterator[Page]:
    with page() as opened:
        yield opened


def shown(opened: Page, records: Sequence[Record]) -> MadeUp:
    """The page has one call, of these messages."""
    proxy = opened.proxy
    proxy.cards = [card()]
    proxy.tape.records = list(records)
    proxy.records_of = {}
    return proxy


def test_a_call_tells_its_story(served: Page) -> None:
    proxy = shown(served, ladders.plain())
    who = {"call": "call-1@lab", "leg": "a", "who": "alice@lab", "whom": "bob@lab"}
    proxy.told = [Ringing(serial=1, time=1.5, **who), Ended(serial=2, time=9, duration=5, why="bye", **who)]
    told = served.ask(f"{CALL}?lang=sk").json
    assert told["card"]["id"] == card().id
    assert told["events"] == [
        {"time": 1.5, "kind": "ringing", "text": "Zvonenie alice@lab -> bob@lab"},
        {"time": 9, "kind": "ended", "text": "Koniec hovoru alice@lab -> bob@lab [Trvanie: 0:00:05]"},
    ]
    assert told["messages"] == len(ladders.plain())
    assert served.ask(CALL).json["events"][0]["text"] == "Ringing alice@lab -> bob@lab", "the page's own language"


def test_a_message_stands_beside_what_it_was_made_from_and_names_what_it_leads_to(served: Page) -> None:
    shown(served, ladders.plain())
    invite = served.ask(f"{CALL}/messages/0").json
    assert invite["message"]["inward"] and invite["cause"] is None and invite["origin"] is None
    assert [effect["title"] for effect in invite["effects"]] == ["100 Pokúšam sa spojiť", "INVITE"]
    place = invite["effects"][1]["place"]
    forwarded = served.ask(f"{CALL}/messages/{place}").json
    assert forwarded["origin"]["place"] == forwarded["cause"]["place"] == 0
    line = forwarded["message"]["headers"][0]
    change = forwarded["message"]["changes"][line["change"]]
    assert (line["name"], change["header"], change["kind"]) == ("Via", "Via", "added")
    assert change["source"] == "RFC 3261 §16.6 item 8" and change["why"]


@pytest.mark.parametrize("name", ladders.ALL)
def test_every_message_of_every_call_can_be_asked_for(served: Page, name: str) -> None:
    records = ladders.ALL[name]()
    shown(served, records)
    places = range(len(records)) if len(records) < 60 else range(0, len(records), 20)
    for place in places:
        told = served.ask(f"{CALL}/messages/{place}").json
        assert told["message"]["place"] == place
    assert served.ask(f"{CALL}/messages/{len(records)}").status == 404
    assert len(served.ask(f"{CALL}/ladder.json").json["steps"]) == len(records)


def test_a_ladder_in_every_form(served: Page) -> None:
    shown(served, ladders.plain())
    answers = [served.ask(f"{CALL}/ladder.{form}") for form in ("svg", "mmd", "txt", "pcap")]
    plain = "text/plain; charset=utf-8"
    assert [answer.headers["content-type"] for answer in answers] == [
        "image/svg+xml", plain, plain, "application/vnd.tcpdump.pcap",
    ]  # fmt: skip
    svg, mermaid, text, pcap = (answer.body for answer in answers)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert mermaid.startswith(b"sequenceDiagram")
    assert "Proxy" in text.decode()
    assert pcap == capture(ladders.plain())


def test_a_drawing_brings_its_style_unless_the_page_has_it(served: Page) -> None:
    shown(served, ladders.plain())
    alone, part = served.ask(f"{CALL}/ladder.svg"), served.ask(f"{CALL}/ladder.svg?plain=1")
    assert b"<style>" in alone.body and b"<style" not in part.body and b"style=" not in part.body
    assert "sandbox" in alone.headers["content-security-policy"], "opened as a page, it can do nothing"
    style = served.ask("/page/ladder.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert b".ladder-svg" in style.body


def test_what_phones_send_stays_text(served: Page) -> None:
    shown(served, ladders.hostile())
    svg = served.ask(f"{CALL}/ladder.svg").body
    names = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert not names & {"script", "a", "image", "foreignObject", "use", "animate", "set"}
    assert not any(name.startswith("on") for element in ElementTree.fromstring(svg).iter() for name in element.attrib)
    assert served.ask(f"{CALL}/messages/0").headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/calls/0123456789", 404),
        ("/api/calls/0123456789/messages/0", 404),
        ("/api/calls/0123456789/ladder.svg", 404),
        ("/api/calls/..%2f..%2fabout", 404),
        ("/api/calls/xyz", 422),
        (f"{CALL}/messages/-1", 422),
        (f"{CALL}/messages/x", 422),
        (f"{CALL}/messages/99999999999999999999999999", 404),
        (f"{CALL}/ladder.svg?room=1", 422),
        (f"{CALL}/ladder.txt?width=99999", 422),
        (f"{CALL}/ladder.exe", 404),
    ],
)
def test_bad_questions_get_one_sentence(served: Page, path: str, status: int) -> None:
    shown(served, ladders.plain())
    answer = served.ask(path)
    assert (answer.status, list(answer.json)) == (status, ["error"])


def test_a_call_whose_messages_are_forgotten_is_still_one(served: Page) -> None:
    shown(served, [])
    assert served.ask(CALL).json["messages"] == 0
    assert served.ask(f"{CALL}/ladder.json").json["steps"] == []
    for form in ("svg", "mmd", "txt", "pcap"):
        assert served.ask(f"{CALL}/ladder.{form}").status == 200


def test_what_went_wrong_is_told_with_what_to_try(served: Page) -> None:
    proxy = shown(served, [])
    proxy.cards = [card(state=OVER, end="failed", status=404, why="Not Found", callee="boris@lab")]
    gone = Unregistered(serial=1, time=900.0, who="boris@lab", address="a", contact="c", why="expired")
    proxy.book.told = [gone]
    trouble = served.ask(f"{CALL}?lang=en").json["trouble"]
    assert "boris" in trouble["sentence"] and trouble["hint"]
    proxy.book.told = []
    proxy.cards = [card(state=OVER, end="ended", why="bye", answered=1.0)]
    assert served.ask(CALL).json["trouble"] is None


def test_calls_that_a_transfer_made_belong_together(served: Page) -> None:
    """The first call and the one that its REFER has made, each with its own messages."""
    records = ladders.transfer()
    proxy = shown(served, records)
    drawn = ladder(records)
    first, second = (mark.id for mark in drawn.calls)
    by_call = {
        call: [record for record, step in zip(records, drawn.steps, strict=True) if drawn.calls[step.call].id == call]
        for call in (first, second)
    }
    cards = [card(number, call=call, began=by_call[call][0].time) for number, call in enumerate(by_call, 1)]
    proxy.cards = cards[::-1]
    proxy.records_of = {made.id: by_call[made.call] for made in cards}
    told = served.ask(f"/api/calls/{cards[0].id}").json
    assert [(other["id"], other["how"]) for other in told["related"]] == [(cards[1].id, "transfer")]
    assert told["messages"] == len(by_call[first])
    together = served.ask(f"/api/calls/{cards[0].id}/ladder.json?related=1").json
    assert len(together["steps"]) == len(records) and len(together["calls"]) == 2
    place = len(records) - 1
    assert served.ask(f"/api/calls/{cards[0].id}/messages/{place}?related=1").json["message"]["place"] == place
    assert served.ask(f"/api/calls/{cards[0].id}?related=1").json["messages"] == len(records)
