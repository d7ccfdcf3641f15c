"""Draw the state machines of `sipfullproxy/engine/fsm.py` into `docs/architecture.md`, between its markers.

    python docs/make_state_diagrams.py

The page's own text stays as it is. `tests/test_fsm.py` fails when page and tables drift apart.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"

_MARKED = re.compile(r"(<!-- diagram: (?P<name>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def diagram(table: dict[str, dict[str, tuple[str, tuple[str, ...]]]]) -> str:
    """One table as a Mermaid state diagram. What leads from one state to the same other one shares an arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table))}"]
    for state, row in table.items():
        arrows: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for event, (target, actions) in row.items():
            arrows.setdefault((target, actions), []).append(f"timer {event}" if event.isupper() else event)
        for (target, actions), events in arrows.items():
            label = ", ".join(events) + (" / " + ", ".join(actions) if actions else " / absorbed")
            lines.append(f"    {state} --> {target}: {label}")
        if not row:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines)


def drawn(page: str) -> str:
    """The page with its diagrams as the tables are now. Raises KeyError for a marker that names no table."""
    sys.path.insert(0, str(ROOT))
    from sipfullproxy.engine.fsm import TABLES

    def redraw(match: re.Match[str]) -> str:
        return f"{match[1]}```mermaid\n{diagram(TABLES[match['name']])}\n```\n{match[3]}"

    return _MARKED.sub(redraw, page)


def main() -> None:
    """Redraw the page."""
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
