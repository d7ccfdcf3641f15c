"""Write the conformance pages: each purpose of a list with the tests that show it, or why there is none.

    python docs/make_conformance.py

A test says what it shows by a mark, which is read from its source and not by running it:

    @pytest.mark.purpose("SIP_CC_PR_MP_RQ_V_002", given="INVITE with Max-Forwards: 0", expect="483, nothing forwarded")

`docs/conformance.md` shows `docs/purposes.tsv` (RFC 3261, ids of ETSI's), and `docs/conformance-rfcs.md` shows
`docs/rfc-requirements.tsv` (the other RFCs; ids of our own, "RFC3581_02" is the second rule of RFC 3581). `..` stands
for all purposes from one to another of a group: "SIP_CC_PR_TR_CL_TI_001..005". What no test shows has its reason in
`docs/conformance-reasons.toml`. `tests/test_conformance.py` fails when anything of this drifts apart.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REASONS = DOCS / "conformance-reasons.toml"
TESTS = ROOT / "tests"

KINDS = {
    "not ours": "does not concern us",
    "otherwise": "done otherwise on purpose",
    "not yet": "waits for a part that is not built",
    "open": "not shown yet",
}
"""Why a purpose may have no test. What is `open` should have one: nobody has written it."""


LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "advice", "passes"}
"""How strongly an RFC asks. "passes": a rule for phones, about which a proxy does nothing, so that they can keep it."""


class Book(NamedTuple):
    """One list of purposes, and the page that shows it.

    source: the list. page: what is written. families: the groups of ids, and their headings, in the order of the page.
    head: how the page begins. clauses: what the clauses of the list are clauses of.
    """

    source: Path
    page: Path
    families: dict[str, str]
    head: str
    clauses: str


FAMILIES = {
    "SIP_CC_PR_MP_RQ_I": "Proxy: requests that are not quite right",
    "SIP_CC_PR_MP_RQ_V": "Proxy: requests",
    "SIP_CC_PR_MP_RS_V": "Proxy: responses",
    "SIP_CC_PR_TR_CL_TI": "Proxy: timers of client transactions",
    "SIP_CC_PR_TR_CL_V": "Proxy: client transactions",
    "SIP_CC_PR_TR_SE_TI": "Proxy: timers of server transactions",
    "SIP_CC_PR_TR_SE_V": "Proxy: server transactions",
    "SIP_MG_PR_I": "Proxy: malformed messages",
    "SIP_MG_PR_V": "Proxy: well-formed messages",
    "SIP_QC_PR_V": "Proxy: OPTIONS",
    "SIP_RG_RR_V": "Registrar: bindings",
    "SIP_RG_RR_I": "Registrar: what is refused",
    "SIP_RG_RR_O": "Registrar: out of order",
    "SIP_MG_RR_I": "Registrar: malformed messages",
    "SIP_MG_RR_V": "Registrar: well-formed messages",
}

RFCS = {
    "RFC3262": "RFC 3262: reliable provisional responses, PRACK",
    "RFC3263": "RFC 3263: locating servers",
    "RFC3311": "RFC 3311: UPDATE",
    "RFC3326": "RFC 3326: Reason",
    "RFC3327": "RFC 3327: Path",
    "RFC3428": "RFC 3428: MESSAGE",
    "RFC3515": "RFC 3515: REFER",
    "RFC3581": "RFC 3581: responses to where requests come from",
    "RFC3891": "RFC 3891: Replaces",
    "RFC3892": "RFC 3892: Referred-By",
    "RFC3903": "RFC 3903: PUBLISH",
    "RFC4028": "RFC 4028: session timers",
    "RFC4320": "RFC 4320: requests other than INVITE",
    "RFC4321": "RFC 4321: and what is left of their problems",
    "RFC5393": "RFC 5393: loops, and the breadth of forks",
    "RFC5626": "RFC 5626: outbound",
    "RFC5627": "RFC 5627: GRUU",
    "RFC5658": "RFC 5658: double Record-Route",
    "RFC5806": "RFC 5806: Diversion",
    "RFC5922": "RFC 5922: certificates of domains",
    "RFC5954": "RFC 5954: IPv6 in URIs",
    "RFC6026": "RFC 6026: transactions of a 2xx",
    "RFC6141": "RFC 6141: re-INVITE and target refresh",
    "RFC6665": "RFC 6665: SUBSCRIBE and NOTIFY",
    "RFC7118": "RFC 7118: WebSockets",
    "RFC8760": "RFC 8760: logins",
}


class Purpose(NamedTuple):
    """One line of the list. meaning: our own reading of the clause."""

    id: str
    clause: str
    status: str
    meaning: str

    @property
    def family(self) -> str:
        return self.id.rpartition("_")[0]

    @property
    def number(self) -> str:
        return self.id.rpartition("_")[2]


class Shown(NamedTuple):
    """One mark. ids: as they are written there. given: what comes in. expect: what must become of it."""

    ids: tuple[str, ...]
    given: str
    expect: str
    file: str
    test: str


class Reason(NamedTuple):
    """Why there is no test, or, with the kind "note", what to know beside the tests that there are."""

    ids: tuple[str, ...]
    kind: str
    why: str


def purposes(*books: Book) -> dict[str, Purpose]:
    """The lists of these books, or of all, by id, in their order. Raises ValueError for an id that is used twice."""
    lines = [line for book in books or BOOKS for line in book.source.read_text("utf-8").splitlines()]
    found = [Purpose(*line.split("\t")) for line in lines if not line.startswith("#")]
    known = {purpose.id: purpose for purpose in found}
    if len(known) < len(found):
        raise ValueError("An id names two purposes")
    return known


def expanded(ids: tuple[str, ...], known: dict[str, Purpose]) -> list[str]:
    """The ids, those with `..` as all that they stand for. Raises ValueError for what names no purpose."""
    found = []
    for one in ids:
        first, dots, last = one.partition("..")
        family = first.rpartition("_")[0]
        named = [id for id in known if first <= id <= f"{family}_{last or first.rpartition('_')[2]}"]
        named = [id for id in named if known[id].family == family]
        if first not in named or (dots and f"{family}_{last}" not in named):
            raise ValueError(f"{one} names no purpose of any list")
        found += named
    return found


def reasons() -> list[Reason]:
    """What stands in `conformance-reasons.toml`."""
    entries = tomllib.loads(REASONS.read_text("utf-8"))["reason"]
    return [Reason(tuple(entry["ids"]), entry["kind"], entry["why"]) for entry in entries]


def marks() -> list[Shown]:
    """All marks of all tests, in the order of files and lines. Raises ValueError for one that cannot be read."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_text("utf-8")
        if "mark.purpose(" not in source:
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                file = path.relative_to(ROOT).as_posix()
                calls = [call for decorator in node.decorator_list for call in _calls(decorator)]
                if calls and (sometimes := _NOT_ALWAYS & {_name(decorator) for decorator in node.decorator_list}):
                    raise ValueError(f"{file}: {node.name} shows nothing where it does not run: {sometimes}")
                found += [_shown(call, file, node.name) for call in calls]
    return found


_NOT_ALWAYS = {"skip", "skipif", "xfail", "soak", "phones", "sipp", "attack", "kamailio"}
"""Marks of tests that `make test` does not run everywhere, or whose failure it does not mind."""


def _name(decorator: ast.expr) -> str:
    """The last word of a decorator: `pytest.mark.soak` is "soak"."""
    mark = decorator.func if isinstance(decorator, ast.Call) else decorator
    return mark.attr if isinstance(mark, ast.Attribute) else ""


def _calls(decorator: ast.expr) -> Iterator[ast.Call]:
    """The marks in a decorator: itself, or those of the parameters in it."""
    for node in ast.walk(decorator):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "purpose":
            yield node


def _shown(call: ast.Call, file: str, test: str) -> Shown:
    words = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    ids = tuple(ast.literal_eval(arg) for arg in call.args)
    if not ids or words.keys() != {"given", "expect"} or not all(words.values()):
        raise ValueError(f"{file}:{call.lineno}: a mark names ids, given and expect")
    return Shown(ids, words["given"], words["expect"], file, test)


class Row(NamedTuple):
    """What is said about one purpose."""

    purpose: Purpose
    shown: tuple[Shown, ...]
    reasons: tuple[Reason, ...]

    @property
    def kinds(self) -> set[str]:
        """Those of its reasons."""
        return {reason.kind for reason in self.reasons} - {"note"}

    @property
    def kind(self) -> str:
        """What it counts as: "shown", one of KINDS, or "" where nobody has said anything."""
        return "shown" if self.shown else next(iter(self.kinds), "")


def rows(*books: Book) -> list[Row]:
    """The table of these books, or of all."""
    known = purposes()
    shown: dict[str, list[Shown]] = {id: [] for id in known}
    why: dict[str, list[Reason]] = {id: [] for id in known}
    for mark in marks():
        for id in expanded(mark.ids, known):
            shown[id].append(mark)
    for reason in reasons():
        for id in expanded(reason.ids, known):
            why[id].append(reason)
    return [Row(purpose, tuple(shown[id]), tuple(why[id])) for id, purpose in purposes(*books).items()]


# -- the pages ---------------------------------------------------------------------------------------------------------

ETSI = Book(
    source=DOCS / "purposes.tsv",
    page=DOCS / "conformance.md",
    families=FAMILIES,
    clauses="RFC 3261",
    head="""\
# Rule by rule

Each of the {all} conformance purposes for a proxy and a registrar that ETSI has listed for RFC 3261 (TS 102 027-2), and
the test of ours that shows it: what comes in → **what must become of it**. `make test` runs them all. This page is
written by `docs/make_conformance.py` from the marks on the tests, and a test fails when it is not what they say. The
same for the RFCs behind it: [conformance-rfcs.md](conformance-rfcs.md).

{counts}
How to read it:

- Ids, clauses and statuses are facts from ETSI's catalogue ([purposes.tsv](purposes.tsv)). ETSI's texts are not ours
  to copy: the meanings are our own reading of the clauses. Where several purposes have one clause and one meaning,
  nothing tells them apart, so they share a row, and its tests show the cases of that rule together.
- Timers have the RFC's letters. Times are those of a virtual clock, tried a tenth of a second before and after.
- Where a later RFC has changed a rule, the later one is shown, and said so.
""",
)

LATER = Book(
    source=DOCS / "rfc-requirements.tsv",
    page=DOCS / "conformance-rfcs.md",
    families=RFCS,
    clauses="§",
    head="""\
# The other RFCs, rule by rule

What the RFCs behind RFC 3261 ask of a proxy and a registrar: {all} rules, and the test of ours that shows each: what
comes in → **what must become of it**. Rules for phones stand here where a proxy could break them, as when a NOTIFY does
not arrive. RFC 3261 itself has [a page of its own](conformance.md); how far each RFC is supported says
[rfcs.md](rfcs.md). This page is written by `docs/make_conformance.py` from the marks on the tests, and a test fails
when it is not what they say.

{counts}
The list is ours ([rfc-requirements.tsv](rfc-requirements.tsv)): which rules there are, their words and their numbers.
The RFC's own words are at rfc-editor.org. In brackets stands how strongly it asks; "passes" is no word of an RFC, but
what a proxy has to do about a rule for phones: nothing. Where a rule waits or is not followed, it says so and why.
""",
)

BOOKS = (ETSI, LATER)


def page(book: Book) -> str:
    """A page as the marks are now."""
    table = rows(book)
    count = {kind: sum(row.kind == kind for row in table) for kind in ("shown", *KINDS)}
    counts = "".join(f"| {words} | {count[kind]} |\n" for kind, words in (("shown", "shown by a test"), *KINDS.items()))
    parts = [book.head.format(all=len(table), counts="| | |\n| --- | --- |\n" + counts)]
    for family, title in book.families.items():
        heads = f"| | {book.clauses} | rule | shown by |\n| --- | --- | --- | --- |\n"
        lines = _lines([row for row in table if row.purpose.family == family])
        parts.append(f"## {title}\n\n`{family}_…`\n\n{heads}" + "".join(f"{line}\n" for line in lines))
    missing = [row for row in table if row.kind == "open"]
    if missing:
        parts.append(
            "## Not shown yet\n\n" + "".join(f"- `{row.purpose.id}`: {row.purpose.meaning}\n" for row in missing)
        )
    return "\n".join(parts)


def _lines(table: list[Row]) -> Iterator[str]:
    """Rows of the page; neighbours of which the same is said share one."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in table:
        groups.setdefault((*row.purpose[1:], row.shown, row.reasons), []).append(row)
    for group in groups.values():
        purpose, shown, why = group[0]
        said = [
            f"{_plain(mark.given)} → **{_plain(mark.expect)}** [{Path(mark.file).stem}](../{mark.file}) `{mark.test}`"
            for mark in shown
        ]
        said += [_because(reason) for reason in why]
        numbers = ", ".join(_runs([row.purpose.number for row in group]))
        meaning = _plain(f"{purpose.meaning} ({purpose.status})" if purpose.clause else purpose.meaning)
        yield "| " + " | ".join(_cell(text) for text in (numbers, purpose.clause, meaning, "<br>".join(said))) + " |"


def _because(reason: Reason) -> str:
    return f"*{KINDS[reason.kind]}:* {reason.why}" if reason.kind in KINDS else f"*{reason.why}*"


def _runs(numbers: list[str]) -> Iterator[str]:
    """001, 002, 003, 007 as "001–003", "007"."""
    start = 0
    for end in range(1, len(numbers) + 1):
        if end == len(numbers) or int(numbers[end]) != int(numbers[end - 1]) + 1:
            yield numbers[start] if end - start == 1 else f"{numbers[start]}–{numbers[end - 1]}"
            start = end


def _cell(text: str) -> str:
    """Text that ends no cell and is no tag."""
    return text.replace("|", "\\|").replace("<sip", "\\<sip")


def _plain(text: str) -> str:
    """Text in which a star is a star."""
    return text.replace("*", "\\*")


def main() -> None:
    """Write the pages."""
    for book in BOOKS:
        book.page.write_text(page(book), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
