"""The ladder as a Mermaid sequence diagram, for reports in Markdown: GitHub, GitLab and many editors draw it."""

from __future__ import annotations

import re
from typing import Final

from sipfullproxy.ladder.captions import short
from sipfullproxy.ladder.model import PROXY, Ladder, Step
from sipfullproxy.lang import Lang

TOLD: Final = 0.95
"""Seconds. A delay at least as long is told by a note."""

LONGEST: Final = 60
"""Characters of one text: Mermaid draws lanes as far apart as the longest of them asks for."""

_ARROWS: Final = {"provisional": "-->>", "success": "-->>", "failure": "--x"}
_REQUEST: Final = "->>"

# Of ASCII, what no rule of Mermaid's grammar and no HTML gives a meaning; letters of other alphabets have none either.
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,_/?!'()·→×–…]")
# A word that closes a block, wherever it stands.
_END: Final = re.compile(r"\bend\b", re.IGNORECASE)


def mermaid(ladder: Ladder, lang: Lang = "sk") -> str:
    """The diagram, without the fence of a code block.

    Mermaid itself refuses more than 50,000 characters, some 700 steps, unless it is told otherwise (`maxTextSize`).
    """
    lines = ["sequenceDiagram"]
    for index, lane in sorted(enumerate(ladder.lanes), key=lambda pair: pair[1].column):
        named = f"{quoted(lane.title)}<br/>{quoted(lane.subtitle)}" if lane.subtitle else quoted(lane.title)
        lines.append(f"participant {_id(index)} as {named}")
    for step in ladder.steps:
        lines += _step(ladder, step, lang)
    return "\n    ".join(lines) + "\n"


def quoted(text: str) -> str:
    """A text, cut to LONGEST, in which Mermaid reads no signs of its own: those become entities, by their numbers."""
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    text = "".join(c if _PLAIN.match(c) or (not c.isascii() and c.isalpha()) else f"#{ord(c)};" for c in text)
    return _END.sub(lambda found: f"#{ord(found[0][0])};{found[0][1:]}", text)


def _step(ladder: Ladder, step: Step, lang: Lang) -> list[str]:
    phone = step.source if step.target == PROXY else step.target
    lines = []
    if step.delay >= TOLD:
        lines.append(f"Note over {_id(PROXY)}: {quoted(short(step.delay, lang))}")
    if step.phase:
        lines.append(f"Note over {_id(PROXY)},{_id(phone)}: {quoted(step.phase)}")
    title = f"{step.title} ×{step.again + 1}" if step.again else step.title
    note = step.timer or step.note
    said = f"{quoted(title)}<br/>{quoted(note)}" if note else quoted(title)
    arrow = _ARROWS.get(step.kind, _REQUEST)
    return [*lines, f"{_id(step.source)}{arrow}{_id(step.target)}: {said}"]


def _id(index: int) -> str:
    return f"L{index}"
