"""The ladder as a drawing: one SVG file that stands alone, or a part of a page.

What a page may rely on:

- `<g id="step-{place}" class="step …">` is a step; it takes the focus and has a name for screen readers. A page makes
  it the chosen one by the class `chosen`, and the step with the id in its `data-cause` by the class `cause`; then a
  curve leads from the one to the other.
- `<g id="heads">` names the lanes; a page may copy it to where it always stays in sight, and hide `.repeat`.
- `style.STYLE` is the style sheet for it. Its colours are the custom properties `--ladder-…`, light or dark as the
  `color-scheme` of the element around the drawing has it; the classes `light` and `dark` there decide, too.

Nothing in it runs, and nothing is fetched. Colour is never the only sign: requests are solid with a full head,
responses dashed with an open one, failures begin with a cross, repetitions say so, and each call of several has its
letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import log10
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sipfullproxy.ladder.captions import letter, short, since
from sipfullproxy.ladder.lettering import fit, width
from sipfullproxy.ladder.model import PROXY, Ladder, Lane, Step
from sipfullproxy.ladder.style import FILE_STYLE, HUES
from sipfullproxy.lang import Lang, Words

TITLE: Final[Words] = {"sk": "Priebeh hovoru {}", "en": "Ladder of the call {}"}
COUNT: Final[Words] = {"sk": "správ: {}", "en": "messages: {}"}
AGAIN: Final[Words] = {"sk": "{}. raz", "en": "sent {}×"}
EMPTY: Final[Words] = {"sk": "Zatiaľ neprešla žiadna správa.", "en": "No message has passed yet."}
CALL: Final[Words] = {"sk": "Hovor {}", "en": "Call {}"}
LEGEND: Final[dict[str, Words]] = {
    "request": {"sk": "žiadosť", "en": "request"},
    "provisional": {"sk": "priebežná odpoveď", "en": "provisional response"},
    "success": {"sk": "úspech", "en": "success"},
    "failure": {"sk": "neúspech", "en": "failure"},
    "timer": {"sk": "poslal časovač", "en": "sent by a timer"},
}
"""The signs that are explained below the drawing, where they are in it."""

# Pixels of the drawing at its natural size.
GUTTER: Final = 74
NARROW_GUTTER: Final = 54
RAILED_GUTTER: Final = 100
RAIL: Final = 14
MOST_RAILS: Final = 12
WIDEST_GAP: Final = 270
USUAL_GAP: Final = 230
NARROWEST_GAP: Final = 108
HEAD_HEIGHT: Final = 48
HEAD_LINE: Final = 14
WIDEST_HEAD: Final = 176
BETWEEN_HEADS: Final = 12
MARGIN: Final = 8
BACKBONE: Final = 10
TITLE_SIZE: Final = 13
NOTE_SIZE: Final = 11
ABOVE: Final = 22
BELOW_PLAIN: Final = 10
BELOW_NOTE: Final = 22
PHASE_HEIGHT: Final = 22
CALL_HEIGHT: Final = 28
REPEAT_HEIGHT: Final = 34
SAMPLE: Final = 32

NARROW: Final = 520
"""Pixels of room; where there is less, the margin of the times is narrow, too."""

REPEAT_EVERY: Final = 1_400
"""Pixels after which the lanes are named again, so that a name is on every page of a long report."""

FELT: Final = 0.1
"""Seconds. A longer delay is drawn as a gap that grows with its logarithm, so that time is felt."""
GAP_PER_DECADE: Final = 18
LARGEST_PAUSE: Final = 64
TOLD: Final = 0.95
"""Seconds. A delay at least as long is also told in words."""
SAME_MOMENT: Final = 0.005
"""Seconds. What follows so closely belongs to the same moment and gets no time of its own in the margin."""

_DASHES: Final = ("none", "5 3", "1.5 3", "9 3", "7 3 1.5 3", "3 3")


def svg(
    ladder: Ladder, lang: Lang = "sk", chosen: int | None = None, room: int | None = None, *, style: bool = True
) -> str:
    """The drawing, as a whole file.

    lang: of its words. chosen: place of the step that is shown as the chosen one. room: pixels of width that there are
    (a telephone has 360); lanes move together for it, as far as they can still be read. style: whether
    `style.FILE_STYLE` is in it; a page leaves it out and has `style.STYLE`. Takes time linear in the steps.
    """
    return "\n".join(_Drawing(ladder, lang, chosen, room).lines(FILE_STYLE if style else ""))


class _Drawing:
    """One drawing in the making: knows where everything stands."""

    def __init__(self, ladder: Ladder, lang: Lang, chosen: int | None, room: int | None) -> None:
        self.ladder = ladder
        self.lang: Lang = lang
        self.chosen = chosen
        self.because = next((step.cause for step in ladder.steps if step.place == chosen), None)
        self.rails = min(MOST_RAILS, len(ladder.calls)) if len(ladder.calls) > 1 else 0
        wide = room is None or room >= NARROW
        self.gutter = NARROW_GUTTER if not wide else RAILED_GUTTER if self.rails else GUTTER
        self.left = self.gutter + RAIL * self.rails + (MARGIN if self.rails else 0)
        count = len(ladder.lanes)
        gap = USUAL_GAP if room is None else (room - self.left - MARGIN + BETWEEN_HEADS) / count
        self.gap = min(WIDEST_GAP, max(NARROWEST_GAP, int(gap)))
        self.head = min(WIDEST_HEAD, self.gap - BETWEEN_HEADS)
        self.two_lines = any(width(lane.subtitle, NOTE_SIZE) > self.head - 8 for lane in ladder.lanes)
        self.top = MARGIN + HEAD_HEIGHT + (HEAD_LINE if self.two_lines else 0)
        ranks = {lane.column: rank for rank, lane in enumerate(sorted(ladder.lanes, key=lambda lane: lane.column))}
        self.x = [self.left + self.head / 2 + self.gap * ranks[lane.column] for lane in ladder.lanes]
        self.width = round(self.left + self.head + self.gap * (count - 1) + MARGIN)
        self.began = ladder.steps[0].time if ladder.steps else 0.0
        self.y: dict[int, float] = {}
        self._end = 0.0
        self._bottom = 0
        self._solid: list[tuple[float, float]] = []
        self._waits: list[tuple[float, float]] = []

    def lines(self, style: str) -> Iterator[str]:
        """The file, line by line."""
        rows = [row for step_rows in self._rows() for row in step_rows]
        bottom = self._bottom
        name = TITLE[self.lang].format(self.ladder.calls[0].name if self.ladder.calls else "").rstrip()
        label = f"{name}; {COUNT[self.lang].format(len(self.ladder.steps))}"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder-svg" lang="{self.lang}" role="group" '
            f'aria-label={quoteattr(label)} width="{self.width}" height="{bottom}" '
            f'viewBox="0 0 {self.width} {bottom}">'
        )
        if style:
            yield f"<style>{style}</style>"
        yield f'<rect class="paper" width="{self.width}" height="{bottom}"/>'
        yield from self._lifelines()
        yield from self._rail_lines()
        yield from rows
        if not self.ladder.steps:
            yield f'<text class="empty" x="{MARGIN}" y="{self.top + 32}">{escape(EMPTY[self.lang])}</text>'
        yield '<g id="heads">'
        for lane, x in zip(self.ladder.lanes, self.x, strict=True):
            yield self._head(lane, x)
        yield "</g>"
        yield "</svg>"

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[list[str]]:
        """What is drawn for each step, from above; fills in where the steps and the pauses are."""
        y = float(self.top + 14)
        top, repeated, shown = y, y, float("-inf")
        known: set[int] = set()
        for step in self.ladder.steps:
            row: list[str] = []
            pause = _pause(step.delay)
            if pause:
                self._solid.append((top, y))
                self._waits.append((y, y + pause))
                if step.delay >= TOLD:
                    row.append(self._waited(step.delay, y + pause / 2))
                y = top = y + pause
            if y - repeated > REPEAT_EVERY:
                row += self._repeat(y)
                y += REPEAT_HEIGHT
                repeated = y
            if self.rails and step.call not in known:
                known.add(step.call)
                row.append(self._opening(step, y))
                y += CALL_HEIGHT
            if step.phase:
                row.append(self._phase(step, y))
                y += PHASE_HEIGHT
            below = BELOW_NOTE if step.note or step.timer else BELOW_PLAIN
            self.y[step.place] = y + ABOVE
            timed = step.time - shown >= SAME_MOMENT
            shown = step.time if timed else shown
            row += self._step(step, y, ABOVE + below, timed)
            y += ABOVE + below
            yield row
        self._end = y + MARGIN
        self._solid.append((top, self._end))
        self._bottom = round(self._end + 40)
        if self.ladder.steps:
            yield list(self._legend())

    def _step(self, step: Step, top: float, height: float, timed: bool) -> Iterator[str]:
        source, target = self.ladder.lanes[step.source], self.ladder.lanes[step.target]
        name = " ".join(part for part in (
            f"{_clock(step.time)} {source.title} → {target.title} {step.title}",
            f"({AGAIN[self.lang].format(step.again + 1)})" if step.again else "",
            step.timer, step.note,
        ) if part)  # fmt: skip
        classes = " ".join(part for part in (
            "step", step.kind, "again" if step.again else "", f"call-{step.call % HUES}",
            "chosen" if step.place == self.chosen else "", "cause" if step.place == self.because else "",
        ) if part)  # fmt: skip
        cause = f' data-cause="step-{step.cause}"' if step.cause is not None else ""
        current = ' aria-current="true"' if step.place == self.chosen else ""
        y = top + ABOVE
        yield (
            f'<g id="step-{step.place}" class="{classes}" tabindex="0" role="button" aria-label={quoteattr(name)}'
            f"{cause}{current}>"
        )
        yield f"<title>{escape(name)}</title>"
        yield f'<rect class="hit" x="2" y="{_n(top + 1)}" width="{self.width - 4}" height="{_n(height - 2)}" rx="6"/>'
        if timed:
            yield (
                f'<text class="time" x="{self.gutter - 10}" y="{_n(y + 4)}">'
                f"{since(step.time - self.began, self.lang)}</text>"
            )
        if self.rails:
            yield f'<circle class="bead" cx="{_n(self._rail(step.call))}" cy="{_n(y)}" r="4"/>'
        yield from self._arrow(step, y)
        yield from self._captions(step, y)
        if step.cause is not None and step.cause in self.y:
            yield self._because(step, self.y[step.cause], y)
        yield "</g>"

    def _arrow(self, step: Step, y: float) -> Iterator[str]:
        start, end = self.x[step.source], self.x[step.target]
        ahead = 1 if end > start else -1
        hub = BACKBONE / 2 * ahead
        start, end = (start + hub, end - ahead) if step.source == PROXY else (start, end - hub - ahead)
        yield f'<path class="wire" d="M{_n(start)} {_n(y)}H{_n(end - 4 * ahead)}"/>'
        back = end - 9 * ahead
        close = "z" if step.kind in ("request", "end") else ""
        yield f'<path class="tip" d="M{_n(back)} {_n(y - 4.5)}L{_n(end)} {_n(y)}L{_n(back)} {_n(y + 4.5)}{close}"/>'
        if step.timer:
            yield _clock_face(self.x[PROXY], y)
        if step.kind == "failure":
            cross = start + 11 * ahead
            yield f'<path class="cross" d="M{_n(cross - 4)} {_n(y - 4)}l8 8m0 -8l-8 8"/>'
        elif step.source != PROXY:
            yield f'<circle class="dot" cx="{_n(start)}" cy="{_n(y)}" r="2.5"/>'

    def _captions(self, step: Step, y: float) -> Iterator[str]:
        """Title above and note below, in the middle between the phone and the lane that comes before it."""
        phone = self.x[step.source if step.target == PROXY else step.target]
        inner = phone + (self.gap / 2 if phone < self.x[PROXY] else -self.gap / 2)
        room = self.gap - 16
        title, note = step.title, step.timer or step.note
        again = f" · {AGAIN[self.lang].format(step.again + 1)}" if step.again else ""
        if width(title + again, TITLE_SIZE) > room:
            again = f" ×{step.again + 1}" if step.again else ""
            title, _, detail = title.partition(": ")  # "re-INVITE: hold" has the better half at its end
            note = " · ".join(part for part in (detail, note) if part)
        title = fit(title, room - width(again, TITLE_SIZE), TITLE_SIZE)
        more = f'<tspan class="count">{escape(again)}</tspan>' if again else ""
        yield f'<text class="what" x="{_n(inner)}" y="{_n(y - 7)}">{escape(title)}{more}</text>'
        if note:
            yield f'<text class="note" x="{_n(inner)}" y="{_n(y + 14)}">{escape(fit(note, room, NOTE_SIZE))}</text>'

    def _because(self, step: Step, above: float, y: float) -> str:
        """The curve from the cause to the effect; on the side to which the effect goes."""
        side = 1 if self.x[step.target] > self.x[PROXY] else -1
        x = self.x[PROXY] + side * BACKBONE / 2
        bulge = side * min(54.0, 16 + (y - above) * 0.22)
        return (
            f'<path class="link" d="M{_n(x)} {_n(above)}C{_n(x + bulge)} {_n(above + 2)} {_n(x + bulge)} {_n(y - 3)} '
            f'{_n(x + 4 * side)} {_n(y - 2)}m{_n(7 * side)} -6l{_n(-8 * side)} 6l{_n(9 * side)} 4"/>'
        )

    # -- between the rows ----------------------------------------------------------------------------------------------

    def _waited(self, delay: float, y: float) -> str:
        """The length of a pause, on the proxy's lane."""
        text = short(delay, self.lang)
        half = width(text, NOTE_SIZE) / 2 + 8
        x = self.x[PROXY]
        return (
            f'<g class="wait"><rect x="{_n(x - half)}" y="{_n(y - 9)}" width="{_n(2 * half)}" height="18" rx="9"/>'
            f'<text x="{_n(x)}" y="{_n(y + 4)}">{escape(text)}</text></g>'
        )

    def _phase(self, step: Step, top: float) -> str:
        y = top + PHASE_HEIGHT / 2 + 4
        mark = f"{letter(step.call)}: " if self.rails else ""
        text = mark + step.phase
        wide = width(text, NOTE_SIZE)
        start = max(MARGIN + 1.15 * wide + 6, self.left)
        return (
            f'<g class="phase call-{step.call % HUES}"><path d="M{_n(start)} {_n(y - 4)}'
            f'H{self.width - MARGIN}"/>{_paper(MARGIN, y - 12, wide, 16)}<text x="{MARGIN}" y="{_n(y)}">'
            f"{escape(text)}</text></g>"
        )

    def _opening(self, step: Step, top: float) -> str:
        """The name of a call where it begins, when there are several."""
        mark, y = self.ladder.calls[step.call], top + CALL_HEIGHT / 2
        x = self._rail(step.call)
        name = ": ".join(part for part in (CALL[self.lang].format(letter(step.call)), mark.name) if part)
        shown = fit(name, self.width - self.left - MARGIN, TITLE_SIZE)
        return (
            f'<g class="opening call-{step.call % HUES}"><title>{escape(f"{name} ({mark.id})")}</title>'
            f'<circle class="bead" cx="{_n(x)}" cy="{_n(y)}" r="6.5"/>'
            f"{_paper(self.left - 2, y - 10, width(shown, TITLE_SIZE), 20)}"
            f'<text x="{self.left}" y="{_n(y + 4.5)}">{escape(shown)}</text></g>'
        )

    def _repeat(self, top: float) -> Iterator[str]:
        """The names of the lanes once more."""
        yield '<g class="repeat" aria-hidden="true">'
        for lane, x in zip(self.ladder.lanes, self.x, strict=True):
            text = fit(lane.title, self.head - 20, NOTE_SIZE + 1)
            half = width(text, NOTE_SIZE + 1) / 2 + 10
            yield (
                f'<g class="{_role(lane)}"><rect x="{_n(x - half)}" y="{_n(top + 6)}" width="{_n(2 * half)}" '
                f'height="22" rx="11"/><text x="{_n(x)}" y="{_n(top + 21)}">{escape(text)}</text></g>'
            )
        yield "</g>"

    def _legend(self) -> Iterator[str]:
        """What the signs mean; makes the drawing as long as it needs."""
        kinds = {step.kind for step in self.ladder.steps} | {"timer" for step in self.ladder.steps if step.timer}
        x, y = float(MARGIN), self._end + 26
        yield '<g class="legend" aria-hidden="true">'
        for kind, words in LEGEND.items():
            if kind not in kinds:
                continue
            text = words[self.lang]
            wide = SAMPLE + 6 + 1.1 * width(text, NOTE_SIZE) + 16
            if x + wide > self.width and x > MARGIN:
                x, y = float(MARGIN), y + 20
            yield f'<g class="{kind}">{_sample(kind, x, y)}'
            yield f'<text x="{_n(x + SAMPLE + 6)}" y="{_n(y + 4)}">{escape(text)}</text></g>'
            x += wide
        yield "</g>"
        self._bottom = round(y + 18)

    # -- what stands behind --------------------------------------------------------------------------------------------

    def _head(self, lane: Lane, x: float) -> str:
        left, room = x - self.head / 2, self.head - 8
        name = f"{lane.title} – {lane.subtitle}" if lane.subtitle else lane.title
        where = _two_lines(lane.subtitle) if self.two_lines else (lane.subtitle,)
        lines = "".join(
            f'<text class="where" x="{_n(x)}" y="{MARGIN + 38 + number * HEAD_LINE}">'
            f"{escape(fit(line, room, NOTE_SIZE))}</text>"
            for number, line in enumerate(where)
        )
        return (
            f'<g class="head {_role(lane)}"><title>{escape(name)}</title>'
            f'<rect x="{_n(left)}" y="{MARGIN}" width="{self.head}" height="{self.top - MARGIN}" rx="10"/>'
            f'<text class="who" x="{_n(x)}" y="{MARGIN + 21}">{escape(fit(lane.title, room, 14))}</text>{lines}</g>'
        )

    def _lifelines(self) -> Iterator[str]:
        for index, x in enumerate(self.x):
            if index == PROXY:
                top = self.top - 2
                yield (
                    f'<rect class="backbone" x="{_n(x - BACKBONE / 2)}" y="{top}" width="{BACKBONE}" '
                    f'height="{_n(self._end - top)}" rx="5"/>'
                )
                continue
            solid = [(float(self.top), self._solid[0][1]), *self._solid[1:]]
            yield f'<path class="life" d="{_verticals(x, solid)}"/>'
            if self._waits:
                yield f'<path class="life waits" d="{_verticals(x, self._waits)}"/>'

    def _rail_lines(self) -> Iterator[str]:
        if not self.rails:
            return
        ends: dict[int, list[float]] = {}
        for step in self.ladder.steps:
            ends.setdefault(step.call, []).append(self.y[step.place])
        for call, found in ends.items():
            x, top = self._rail(call), found[0] - ABOVE - CALL_HEIGHT / 2
            yield (
                f'<path class="rail call-{call % HUES}" stroke-dasharray="{_DASHES[call % len(_DASHES)]}" '
                f'd="M{_n(x)} {_n(top)}V{_n(found[-1])}"/>'
            )

    def _rail(self, call: int) -> float:
        return self.gutter + RAIL * (call % self.rails + 0.5)


def _pause(delay: float) -> float:
    """Pixels for a delay of so many seconds: none up to FELT, and bounded."""
    return 0.0 if delay <= FELT else min(LARGEST_PAUSE, 12 + GAP_PER_DECADE * log10(delay / FELT))


def _clock(wall: float) -> str:
    """The local time of day, to the millisecond."""
    moment = datetime.fromtimestamp(wall)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"


def _two_lines(address: str) -> tuple[str, str]:
    """`192.168.1.5:5060 UDP` as host, and port with transport."""
    host, colon, rest = address.rpartition(":")
    return host, colon + rest


def _role(lane: Lane) -> str:
    return "proxy" if lane.column == 0 else "phone"


def _verticals(x: float, pieces: list[tuple[float, float]]) -> str:
    return "".join(f"M{_n(x)} {_n(top)}V{_n(bottom)}" for top, bottom in pieces)


def _sample(kind: str, x: float, y: float) -> str:
    """A small arrow, as those of that kind; or the sign of a timer."""
    if kind == "timer":
        return _clock_face(x + SAMPLE / 2, y)
    close = "z" if kind == "request" else ""
    cross = f'<path class="cross" d="M{_n(x)} {_n(y - 3)}l6 6m0 -6l-6 6"/>' if kind == "failure" else ""
    end = x + SAMPLE
    return (
        f'<path class="wire" d="M{_n(x)} {_n(y)}H{_n(end - 3)}"/>{cross}'
        f'<path class="tip" d="M{_n(end - 8)} {_n(y - 4)}L{_n(end)} {_n(y)}L{_n(end - 8)} {_n(y + 4)}{close}"/>'
    )


def _paper(x: float, y: float, wide: float, high: float) -> str:
    """Blank paper under words that stand across a line."""
    return f'<rect class="paper" x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}" height="{_n(high)}"/>'


def _clock_face(x: float, y: float) -> str:
    """The sign of a timer."""
    return f'<g class="clock"><circle cx="{_n(x)}" cy="{_n(y)}" r="7.5"/><path d="M{_n(x)} {_n(y - 4)}v4l3 2"/></g>'


def _n(number: float) -> str:
    """A coordinate, as short as it can be."""
    return f"{number:.1f}".removesuffix(".0")
