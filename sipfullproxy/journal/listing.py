"""Calls as a table for a terminal, and as JSON for other programs; bans as a table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sipfullproxy.engine.bans import Ban
from sipfullproxy.journal.cards import TALKING, CallCard
from sipfullproxy.journal.safe import safe
from sipfullproxy.journal.words import duration, reason, state
from sipfullproxy.lang import Lang, Words

LONGEST_WAY: Final = 72
"""Characters of "caller → callee" for which a table is made wider; who is longer sticks out."""

_UNTIL = Words(sk="do", en="until")
_NOBODY = Words(sk="nikto nie je blokovaný", en="nobody is banned")
_NONE = Words(sk="žiadne hovory", en="no calls")


def table(cards: Sequence[CallCard], lang: Lang, now: float) -> str:
    """A line for each call: when, who whom, what became of it, how long they talked, its id.

    now: wall-clock seconds, for calls that go on. Safe to print.
    """
    if not cards:
        return _NONE[lang]
    rows = [
        (_clock(card.began), f"{safe(card.caller)} → {safe(card.callee)}", state(card, lang), _talk(card, now), card.id)
        for card in cards
    ]
    way = min(max(len(row[1]) for row in rows), LONGEST_WAY)
    what = max(len(row[2]) for row in rows)
    return "\n".join(f"{row[0]}  {row[1]:{way}}  {row[2]:{what}}  {row[3]:>8}  {row[4]}" for row in rows)


def ban_table(bans: Sequence[Ban], lang: Lang) -> str:
    """A line for each ban: whose, until when, why. Their times are wall-clock seconds. Safe to print."""
    if not bans:
        return _NOBODY[lang]
    width = max(len(ban.network) for ban in bans)
    return "\n".join(
        f"{ban.network:{width}}  {_UNTIL[lang]} {_clock(ban.until)}  {reason(ban.why, lang)}" for ban in bans
    )


def as_json(cards: Sequence[CallCard]) -> str:
    """The cards as a JSON array of objects with the fields of CallCard; all of it ASCII."""
    return json.dumps([asdict(card) for card in cards], indent=2)


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _talk(card: CallCard, now: float) -> str:
    """How long the call has been talked, if it was and anybody knows."""
    end = now if card.state == TALKING else card.over
    return duration(end - card.answered) if card.answered is not None and end is not None else ""
