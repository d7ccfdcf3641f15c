"""What people are shown of strangers' bytes: text that is printable, one line an event, XML that is well-formed.

Ladders, explanations and the journal are made of whatever came; see `fuzz.steps` for the inputs.
"""

from __future__ import annotations

import json
from xml.etree import ElementTree

from fuzz.steps import play
from sipfullproxy.explain.message import explain
from sipfullproxy.explain.related import marks
from sipfullproxy.explain.trail import Trail
from sipfullproxy.explain.trouble import trouble
from sipfullproxy.journal.book import Book
from sipfullproxy.journal.listing import as_json, table
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.tape import Tape
from sipfullproxy.journal.trace import dump, readable
from sipfullproxy.journal.words import sentence
from sipfullproxy.ladder.mermaid import mermaid
from sipfullproxy.ladder.model import ladder
from sipfullproxy.ladder.svg import svg
from sipfullproxy.ladder.text import text
from sipfullproxy.lang import LANGS

NOON = 43_200.0
"""A moment (seconds) for what wants one."""


def check(data: bytes) -> None:
    """Make the steps of an input, and tell all that has happened."""
    played = play(data)
    tape, book = Tape(), Book()
    tape(played.passages)
    book(played.events)
    for lang in LANGS:
        for event in played.events:
            assert sentence(event, lang).isprintable()
        cards = list(book.calls())
        assert printable(table(cards, lang, NOON))
        for card in cards:
            trouble(card, book.events(card.id), tape.call(card.call), [], lang)
    json.loads(as_json(list(book.calls())))
    for name in tape.changed(0):
        tell(tape.call(name))


def tell(records: list[Record]) -> None:
    """All that can be told of the messages of one call."""
    marks(records)
    for record in records:
        assert printable(readable(record.data)) and printable(dump(record.data))
    for lang in LANGS:
        trail = Trail(records)
        for place in range(len(records)):
            explained = explain(trail, place, lang)
            assert explained.summary.isprintable() and explained.why.isprintable()
        drawn = ladder(records, lang=lang)
        assert printable(text(drawn, lang=lang))
        assert printable(mermaid(drawn, lang))
        ElementTree.fromstring(svg(drawn, lang))


def printable(lines: str) -> bool:
    """Whether nothing in it moves a cursor, changes a colour or hides what is there, but for ends of lines."""
    return all(line.isprintable() for line in lines.split("\n"))
