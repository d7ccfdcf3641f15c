"""The ladder in a terminal: a line a step, lanes of box-drawing characters, as readers of sngrep know it.

                 alice                     Proxy                      bob
          10.0.0.10:5060 UDP           10.0.0.1:5060          10.0.0.11:5060 UDP
   0.000           │─ INVITE · bob · audio ─▶┃                         │
                   │◀╌╌╌╌╌ 100 Trying ╌╌╌╌╌╌╌┃                         │
                   │                         ┃─ INVITE · bob · audio ─▶│
rings              │                         ┃                         │
   0.080           │                         ┃◀╌╌╌╌╌ 180 Ringing ╌╌╌╌╌╌│
"""

from __future__ import annotations

from typing import Final
from unicodedata import combining, east_asian_width

from sipfullproxy.ladder.captions import letter, short, since
from sipfullproxy.ladder.model import PROXY, Ladder, Step
from sipfullproxy.lang import Lang

MARGIN: Final = 10
LETTER: Final = 3
"""Columns for the times at the left, and for the letter of a call where there are several."""
NARROWEST: Final = 18
WIDEST: Final = 44
"""Columns between two lanes."""
TOLD: Final = 0.95
"""Seconds. A delay at least as long gets a line of its own."""
SAME_MOMENT: Final = 0.005
"""Seconds. What follows so closely gets no time of its own in the margin."""

_PLAIN: Final = str.maketrans("│┃┊─╌┼▶◀×·→…–", "||:-.+><x->~-")
"""What stands for our signs on a terminal that does not have them."""

_COLOURS: Final = {
    "request": "34", "end": "35", "ack": "36", "provisional": "33", "success": "32", "failure": "31",
}  # fmt: skip
"""ANSI colours by kind of step (ECMA-48 §8.3.117), readable on light and on dark."""


def text(ladder: Ladder, width: int = 100, lang: Lang = "sk", *, colour: bool = False, encoding: str = "utf-8") -> str:
    """The ladder as lines, each ended by a newline.

    width: columns that there are; a ladder of many lanes takes more. colour: with ANSI colours. encoding: of the
    terminal; where it has no box-drawing characters, ASCII stands in their place.
    """
    drawing = "\n".join(line.rstrip() for line in _Page(ladder, width, lang, colour).lines()) + "\n"
    try:
        "│┃┊─╌┼▶◀×·→…–".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return drawing.translate(_PLAIN)
    return drawing


class _Page:
    """One drawing in the making. A row is a list of cells, each what stands in one column."""

    def __init__(self, ladder: Ladder, width: int, lang: Lang, colour: bool) -> None:
        self.ladder = ladder
        self.lang: Lang = lang
        self.colour = colour
        count = len(ladder.lanes)
        self.several = len(ladder.calls) > 1
        self.margin = MARGIN + (LETTER if self.several else 0)
        self.gap = max(NARROWEST, min(WIDEST, (width - self.margin) // count))
        ranks = {lane.column: rank for rank, lane in enumerate(sorted(ladder.lanes, key=lambda lane: lane.column))}
        self.x = [self.margin + self.gap // 2 + self.gap * ranks[lane.column] for lane in ladder.lanes]
        self.width = self.margin + self.gap * count

    def lines(self) -> list[str]:
        """All lines."""
        lines = [self._heads([lane.title for lane in self.ladder.lanes])]
        lines.append(self._heads([lane.subtitle for lane in self.ladder.lanes]))
        began = self.ladder.steps[0].time if self.ladder.steps else 0.0
        shown = float("-inf")
        known: set[int] = set()
        for step in self.ladder.steps:
            if step.delay >= TOLD:
                row = self._lanes("┊")
                _write(row, self.x[PROXY] - 2, f" {short(step.delay, self.lang)} ")
                lines.append("".join(row))
            mark = letter(step.call) if self.several else ""
            if mark and step.call not in known:
                known.add(step.call)
                lines.append(f"{mark}: {self.ladder.calls[step.call].name}")
            if step.phase:
                row = self._lanes()
                _write(row, 0, f"{mark}  {step.phase} " if mark else f"{step.phase} ")
                lines.append("".join(row))
            row = self._lanes()
            _write(row, 0, mark)
            if step.time - shown >= SAME_MOMENT:
                shown = step.time
                _write(row, self.margin - MARGIN, since(step.time - began, self.lang).rjust(MARGIN - 2))
            lines.append(self._arrow(row, step))
        return lines

    def _lanes(self, sign: str = "│") -> list[str]:
        row = [" "] * self.width
        for index, x in enumerate(self.x):
            row[x] = "┃" if index == PROXY else sign
        return row

    def _heads(self, titles: list[str]) -> str:
        row = [" "] * self.width
        for x, title in zip(self.x, titles, strict=True):
            cut = _cut(title, self.gap - 2)
            _write(row, x - columns(cut) // 2, cut)
        return "".join(row)

    def _arrow(self, row: list[str], step: Step) -> str:
        phone = self.x[step.source if step.target == PROXY else step.target]
        start, end = sorted((self.x[step.source], self.x[step.target]))
        line = "╌" if step.kind in ("provisional", "success", "failure") else "─"
        for x in range(start + 1, end):
            row[x] = "┼" if row[x] == "│" else line
        rightward = self.x[step.target] > self.x[step.source]
        if step.kind == "failure":
            row[start + 1 if rightward else end - 1] = "×"
        row[end - 1 if rightward else start + 1] = "▶" if rightward else "◀"
        # The words stand in the gap before the phone, where no other lane is in their way.
        left = phone if phone == start else phone - self.gap
        said = _cut(self._said(step), self._room)
        _write(row, left + 2 + (self._room - columns(said)) // 2, f" {said} ")
        if self.colour:
            row[start + 1] = f"\x1b[{_COLOURS[step.kind]}m{row[start + 1]}"
            row[end - 1] += "\x1b[0m"
        return "".join(row)

    def _said(self, step: Step) -> str:
        title = f"{step.title} ×{step.again + 1}" if step.again else step.title
        more = step.timer or step.note
        both = f"{title} · {more}"
        # Half a note says nothing; half a title is all that there is.
        return both if more and columns(both) <= self._room else title

    @property
    def _room(self) -> int:
        """Columns for words on an arrow: its head, a piece of its line and a blank on each side are to be seen."""
        return self.gap - 5


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    return 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1


def _cut(text: str, room: int) -> str:
    """The text, or its beginning with an ellipsis, in at most so many columns."""
    if columns(text) <= room:
        return text
    while text and columns(text) > room - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _write(row: list[str], x: int, text: str) -> None:
    """Put a text into the cells from `x`. A wide character leaves the cell behind it empty, a combining one joins."""
    for char in text:
        wide = _columns(char)
        if not wide:
            row[x - 1] += char
            continue
        row[x] = char
        if wide == 2:
            row[x + 1] = ""
        x += wide
