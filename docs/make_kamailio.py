"""Write `docs/kamailio.md`: where Kamailio and we differ over the same inputs, and why.

    python docs/make_kamailio.py

All of it stands in `tests/kamailio/differences.toml`, which `tests/test_kamailio.py` holds to what a run shows; that
test also fails when this page has drifted from the table.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "kamailio.md"
TABLE = ROOT / "tests" / "kamailio" / "differences.toml"

RIGHT = {"ours": "ours", "both": "either"}
"""Whose way the RFC's text asks for. Where it is Kamailio's alone we are mended: no such row may stay."""

HEAD = """\
# A second opinion: Kamailio

Kamailio has served the trade for twenty years. `make test` starts it beside our proxy (Debian's package, 5.6), lets the
same phones send the same {inputs} inputs to both, and compares what everybody gets: status, Request-URI, Via,
Record-Route, Route, Max-Forwards, Contacts, and byte for byte whatever a proxy has no business to touch.

- **{alike} of {inputs} come out alike**, but for the {everywhere} habits in the first table. The other {apart} are
  explained below, in {rows} rows. A difference without a row fails the test; so does a row whose difference is gone.
- Of whatever both pass on, no other header line, no order of lines and no body differs anywhere, but for the Contacts
  and the 401 that Kamailio rewrites by the rows below.
- The inputs are [tests/vectors](../tests/vectors), the torture messages of RFC 4475 and RFC 5118, and the flows of
  [tests/kamailio/scenes](../tests/kamailio/scenes). Not compared: times, reason phrases, Server and Warning, and what a
  proxy makes up (tags, branches). From the message on that one of the two does not send, a flow is compared no further.
- Kamailio runs its own default configuration, cut down to what we do too:
  [kamailio.cfg](../tests/kamailio/kamailio.cfg) says what was left out and marks what was changed. Many a difference is
  that configuration's and not Kamailio's; where we know it, we say so. Kamailio is a language to write proxies in, ours
  is one proxy: nearly every row could be configured away.

The column *by the text* says whose way the RFC asks for: in {ours} rows it is ours, and in {both} it leaves the choice.
Where it is Kamailio's alone we are mended, and the row is gone. So far the run has found one such mistake: a CANCEL for
something other than an INVITE was forwarded, not answered (§9.2, §16.10).

That count says little about quality. A proxy on the open internet does well to drop what it cannot parse, and to be
kind to old phones; a proxy in a classroom does well to explain, and to be strict with phones that are being written.
Where Kamailio's way is the kinder or the safer one, the row says that too.
"""

COLUMNS = "| | Kamailio | here | by the text | why |\n| --- | --- | --- | --- | --- |\n"


def rows() -> list[dict[str, Any]]:
    """The table's rows, in its order."""
    return list(_read()["difference"])


def _read() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text("utf-8"))


def page() -> str:
    """The page as the table is now."""
    counts, table = _read()["run"], rows()
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in table:
        groups.setdefault(row["group"], []).append(row)
    right = {side: sum(row["right"] == side for row in table) for side in RIGHT}
    everywhere = len(next(iter(groups.values())))
    parts = [
        HEAD.format(
            **counts,
            **right,
            apart=counts["inputs"] - counts["alike"],
            everywhere=everywhere,
            rows=len(table) - everywhere,
        )
    ]
    parts += [f"## {group}\n\n{COLUMNS}{''.join(map(_line, found))}" for group, found in groups.items()]
    return "\n".join(parts)


def _line(row: dict[str, Any]) -> str:
    inputs = "" if row["inputs"] == ["*"] else f"<br>{' '.join(f'`{name}`' for name in row['inputs'])}"
    text = f"{RIGHT[row['right']]}: {row['clause']}"
    cells = (f"**{row['title']}**{inputs}", row["kamailio"], row["ours"], text, row["why"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
