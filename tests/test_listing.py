"""Calls on a terminal: aligned, in both languages, and harmless."""

from __future__ import annotations

import json
import time
from typing import Any

from sipfullproxy.journal.cards import CallCard
from sipfullproxy.journal.listing import as_json, table

NOW = time.mktime((2026, 3, 1, 12, 0, 0, 0, 0, -1))


def card(**fields: Any) -> CallCard:
    usual: dict[str, Any] = {
        "id": "0123456789", "call": "c", "leg": "l", "caller": "alice@lab", "callee": "bob@lab", "state": "over",
        "began": NOW, "changed": NOW,
    }  # fmt: skip
    return CallCard(**usual | fields)


def test_a_line_for_each_call() -> None:
    cards = [
        card(state="talking", answered=NOW),
        card(end="ended", answered=NOW, over=NOW + 75, callee="carol@lab.example"),
        card(end="failed", status=404, over=NOW),
        card(missing=True, answered=NOW),
    ]
    assert table(cards, "sk", NOW + 5).splitlines() == [
        "2026-03-01 12:00:00  alice@lab → bob@lab            prebieha         0:00:05  0123456789",
        "2026-03-01 12:00:00  alice@lab → carol@lab.example  skončený         0:01:15  0123456789",
        "2026-03-01 12:00:00  alice@lab → bob@lab            neúspešný 404             0123456789",
        "2026-03-01 12:00:00  alice@lab → bob@lab            koniec neznámy            0123456789",
    ]
    assert "  end unknown  " in table(cards, "en", NOW)


def test_no_calls() -> None:
    assert table([], "sk", NOW) == "žiadne hovory"
    assert table([], "en", NOW) == "no calls"


def test_a_strangers_name_can_do_nothing_to_a_terminal() -> None:
    evil = card(caller="\x1b[2J\n\u202ea" + "x" * 10_000)
    shown = table([evil, card()], "en", NOW)
    assert all(line.isprintable() for line in shown.splitlines()) and len(shown.splitlines()) == 2
    assert len(shown) < 500
    assert as_json([evil]).isascii() and "\x1b" not in as_json([evil])


def test_json_has_the_fields_of_a_card() -> None:
    (found,) = json.loads(as_json([card(went_to=("x",))]))
    assert found["caller"] == "alice@lab" and found["went_to"] == ["x"] and found["answered"] is None
