"""Messages on a terminal: whole, and harmless."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.trace import LONGEST_DUMP, dump, heading, readable

FLOW = Flow("udp", ("192.168.1.10", 5060), ("192.168.1.5", 40000))


def test_the_heading_tells_when_where_and_what_changed() -> None:
    text = heading("->", FLOW, 512, 1_700_000_000.25, ("via-push", "phrase"))
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.250 -> 192\.168\.1\.5:40000 UDP 512 B \(via-push, phrase\)", text)
    assert heading("<-", FLOW, 4, 0.0).endswith(" <- 192.168.1.5:40000 UDP 4 B")


def test_a_message_is_shown_line_by_line() -> None:
    assert readable(b"SIP/2.0 486 Obsaden\xc3\xa9\r\nTo: x\r\n\r\n") == "  SIP/2.0 486 Obsadené\n  To: x\n"


def test_what_moves_cursors_is_shown_as_an_escape() -> None:
    assert readable(b"a\x1b[2Jb\rc\x07\xff \xe2\x80\xae\t\\") == "  a\\x1b[2Jb\\rc\\x07\\xff \\u202e\\t\\"


@given(st.binary(max_size=300))
def test_nothing_in_a_message_can_pass_for_a_line_of_ours(data: bytes) -> None:
    for line in readable(data).split("\n"):
        assert line.isprintable() and (line == "" or line.startswith("  "))


def test_a_dump_shows_bytes_and_letters() -> None:
    assert dump(b"AB\x00") == f"  0000  {'41 42 00':48} AB."
    assert dump(b"") == ""


def test_a_long_dump_is_cut() -> None:
    lines = dump(b"x" * (LONGEST_DUMP + 5)).split("\n")
    assert len(lines) == LONGEST_DUMP // 16 + 1
    assert lines[-1] == "  … 5 B"
