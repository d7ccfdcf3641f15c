"""The colours and the style sheets of the drawn ladder, for light and for dark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sipfullproxy.ladder.model import KINDS

HUES: Final = 6
"""Colours of calls; a seventh call looks like the first, and has another letter."""

LIGHT: Final = {
    "paper": "#ffffff", "ink": "#17202b", "soft": "#566273", "line": "#b7c1cd", "band": "#eef2f7", "head": "#f4f7fa",
    "chosen": "#dbe8fd", "cause": "#eef4fe", "accent": "#1d5fd1", "hub": "#24344a", "on-hub": "#ffffff",
    "request": "#1c58bd", "end": "#6a3bbd", "ack": "#46566b", "provisional": "#875300", "success": "#187436",
    "failure": "#bd2323", "call-0": "#1c58bd", "call-1": "#b0338c", "call-2": "#0f766e", "call-3": "#9a4f00",
    "call-4": "#6a3bbd", "call-5": "#4d6b14",
}  # fmt: skip
DARK: Final = {
    "paper": "#10161e", "ink": "#e8eef5", "soft": "#a3b2c3", "line": "#445366", "band": "#1a232f", "head": "#1a232f",
    "chosen": "#1d3557", "cause": "#18273b", "accent": "#7fb2ff", "hub": "#33507a", "on-hub": "#ffffff",
    "request": "#82b4ff", "end": "#c3a6ff", "ack": "#aebccb", "provisional": "#e8b84b", "success": "#5fd68a",
    "failure": "#ff8f87", "call-0": "#82b4ff", "call-1": "#f49ad3", "call-2": "#5ed3c4", "call-3": "#f0b070",
    "call-4": "#c3a6ff", "call-5": "#b5d46a",
}  # fmt: skip
"""The two sets of colours. Each text has a contrast of 4.5:1 at least on what is behind it (WCAG 2.2, 1.4.3)."""

_FOR_ALL: Final = """
.ladder-svg{font-family:-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,system-ui,sans-serif;
font-variant-numeric:tabular-nums}
.ladder-svg text{fill:@ink;font-size:13px;font-style:normal;unicode-bidi:isolate}
.ladder-svg .paper{fill:@paper}
.ladder-svg .life{stroke:@line;stroke-width:1.5;fill:none}
.ladder-svg .waits{stroke-dasharray:1.5 5;stroke-linecap:round}
.ladder-svg .backbone{fill:@accent;fill-opacity:.2}
.ladder-svg .phone rect{fill:@head;stroke:@line;stroke-width:1}
.ladder-svg .proxy rect{fill:@hub;stroke:none}
.ladder-svg .head text,.ladder-svg .repeat text,.ladder-svg .what,.ladder-svg .note,
.ladder-svg .wait text{text-anchor:middle}
.ladder-svg .who{font-size:14px;font-weight:650}
.ladder-svg .where{font-size:11px;fill:@soft}
.ladder-svg .proxy text{fill:@on-hub}
.ladder-svg .repeat text{font-size:12px;font-weight:600}
.ladder-svg .empty{fill:@soft}
.ladder-svg .time{font-size:11px;text-anchor:end;fill:@soft}
.ladder-svg .what{font-weight:600}
.ladder-svg .count{font-weight:400}
.ladder-svg .note{font-size:11px;fill:@soft}
.ladder-svg .wire,.ladder-svg .tip,.ladder-svg .cross{stroke-width:1.75;fill:none}
.ladder-svg .provisional .wire{stroke-dasharray:2 4}
.ladder-svg .success .wire,.ladder-svg .failure .wire{stroke-dasharray:8 4}
.ladder-svg .ack .wire{stroke-width:1.25}
.ladder-svg .tip{stroke-linejoin:round;stroke-linecap:round}
.ladder-svg .cross{stroke-width:2.25;stroke-linecap:round}
.ladder-svg .again .wire{stroke-width:1}
.ladder-svg .again .what{font-weight:400;font-style:italic}
.ladder-svg .clock circle{fill:@paper;stroke-width:1.5}
.ladder-svg .clock path{fill:none;stroke-width:1.25;stroke-linecap:round}
.ladder-svg .wait rect{fill:@band;stroke:@line}
.ladder-svg .wait text{font-size:11px;fill:@soft}
.ladder-svg .phase path{stroke:@line;stroke-dasharray:1 4;stroke-linecap:round}
.ladder-svg .phase text{font-size:11px;font-weight:650;letter-spacing:.04em}
.ladder-svg .opening text{font-weight:650}
.ladder-svg .bead{stroke:@paper;stroke-width:1.5}
.ladder-svg .rail{stroke-width:2;fill:none;stroke-linecap:round}
.ladder-svg .legend text{font-size:11px;fill:@soft}
.ladder-svg .timer circle,.ladder-svg .timer path{stroke:@soft}
.ladder-svg .step{cursor:pointer;outline:none}
.ladder-svg .hit{fill-opacity:0}
.ladder-svg .link{fill:none;stroke:@accent;stroke-width:2;stroke-linecap:round;opacity:0;pointer-events:none}
"""
"""What holds for all drawings; `@ink` stands for a colour of that name."""

_FOR_KIND: Final = """
.ladder-svg .KIND .wire,.ladder-svg .KIND .tip,.ladder-svg .KIND .cross,.ladder-svg .KIND .clock *{stroke:@KIND}
.ladder-svg .KIND .what,.ladder-svg .KIND .dot{fill:@KIND}
"""
_FOR_CALL: Final = """
.ladder-svg .CALL .bead,.ladder-svg .opening.CALL text{fill:@CALL}
.ladder-svg .rail.CALL{stroke:@CALL}
"""
_FOR_MOODS: Final = """
.ladder-svg .request .tip{fill:@request}
.ladder-svg .end .tip{fill:@end}
.ladder-svg .step:hover .hit{fill:@band;fill-opacity:.7}
.ladder-svg .cause .hit{fill:@cause;fill-opacity:.7}
.ladder-svg .chosen .hit{fill:@chosen;fill-opacity:.7;stroke:@accent;stroke-width:1.5}
.ladder-svg .step:focus-visible .hit{stroke:@accent;stroke-width:3}
.ladder-svg .chosen .link,.ladder-svg .step:hover .link,.ladder-svg .step:focus-visible .link{opacity:1}
.ladder-svg .chosen .wire{stroke-width:2.5}
"""


_RULES: Final = (
    _FOR_ALL
    + "".join(_FOR_KIND.replace("KIND", kind) for kind in KINDS)
    + "".join(_FOR_CALL.replace("CALL", f"call-{hue}") for hue in range(HUES))
    + _FOR_MOODS
)


def _coloured(rules: str, colours: Mapping[str, str]) -> str:
    """The rules with these colours in the place of their names."""
    return re.sub(r"@([a-z0-9-]+)", lambda name: colours[name[1]], rules)


STYLE: Final = (
    f".ladder-svg{{{''.join(f'--ladder-{name}:{colour};' for name, colour in LIGHT.items())}}}\n"
    "@supports (color:light-dark(#000,#fff)){.ladder-svg{"
    + "".join(f"--ladder-{name}:light-dark({colour},{DARK[name]});" for name, colour in LIGHT.items())
    + "}}\n.light .ladder-svg,.ladder-svg.light{color-scheme:light}"
    "\n.dark .ladder-svg,.ladder-svg.dark{color-scheme:dark}"
    + _coloured(_RULES, {name: f"var(--ladder-{name})" for name in LIGHT})
)
"""The style sheet for a page that has drawings in it."""

FILE_STYLE: Final = _coloured(_RULES, LIGHT) + (
    f"@media screen and (prefers-color-scheme:dark){{{_coloured(_RULES, DARK)}}}"
)
"""The style sheet of a file. Its colours stand there plainly: word processors, which take drawings into reports, know
no custom properties (and no `paint-order`). Printed, it is light."""
