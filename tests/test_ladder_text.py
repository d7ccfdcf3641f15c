"""The ladder in a terminal."""

from __future__ import annotations

import re

import pytest

from sipfullproxy.ladder.model import ladder
from sipfullproxy.ladder.text import columns, text
from tests.ladders import ALL, declined, fork, plain, transfer

DECLINED = """\
                     alica                     Proxy                     boris
              10.0.0.10:5060 UDP           10.0.0.1:5060          10.0.0.11:5060 UDP
   0.000               │─── INVITE with video ──▶┃                         │
                       │◀ 100 Pokúšam sa spojiť ╌┃                         │
                       │                         ┃─── INVITE with video ──▶│
rings                  │                         ┃                         │
                       │                         ┃◀╌╌╌╌╌ 180 Ringing ╌╌╌╌╌╌│
                       │◀╌╌╌╌╌╌ 180 Zvoní ╌╌╌╌╌╌╌┃                         │
                       ┊                        2.5 s                      ┊
   2.500               │                         ┃◀╌╌╌╌╌ 603 Decline ╌╌╌╌╌×│
                       │                         ┃────────── ACK ─────────▶│
ended                  │                         ┃                         │
                       │◀╌╌╌ 603 Zamietnuté ╌╌╌╌×┃                         │
                       │────────── ACK ─────────▶┃                         │
"""


def test_a_declined_call() -> None:
    assert text(ladder(declined(), lang="en"), 90, "en") == DECLINED


@pytest.mark.parametrize("width", [20, 60, 100, 200])
@pytest.mark.parametrize("name", ALL)
def test_each_step_is_a_line_and_the_lanes_are_straight(name: str, width: int) -> None:
    made = ladder(ALL[name]())
    lines = text(made, width).splitlines()
    arrows = [line for line in lines if re.search("[▶◀]", line)]
    assert len(arrows) == len(made.steps)
    hubs = {columns(line[: line.index("┃")]) for line in arrows}
    assert len(hubs) == 1
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("width", [70, 80, 100, 132])
def test_it_keeps_to_the_width(width: int) -> None:
    assert max(map(columns, text(ladder(plain()), width).splitlines())) <= width


def test_lanes_on_the_way_are_crossed() -> None:
    line = next(line for line in text(ladder(fork()), 120).splitlines() if line.count("┼") == 2)
    assert line.index("┃") < line.index("┼") < line.index("INVITE") < line.index("▶")


def test_several_calls_have_letters() -> None:
    lines = text(ladder(transfer())).splitlines()
    assert "A: alica → boris" in lines and "B: boris → cyril" in lines
    assert {line[0] for line in lines if re.search("[▶◀]", line)} == {"A", "B"}


def test_wide_letters_take_two_columns() -> None:
    assert columns("漢字e\u0301") == 5
    heads = [text(ladder(plain(), {"10.0.0.10:5060": name})).splitlines()[0] for name in ("漢字e\u0301", "abcde")]
    wide, narrow = (head[: head.index("Proxy")] for head in heads)
    assert columns(wide) == columns(narrow)
    assert len(wide) == len(narrow) - 2 + 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1250", "cp1252", "no such thing"])
def test_a_terminal_without_boxes_gets_ascii(encoding: str) -> None:
    drawing = text(ladder(declined(), lang="en"), 90, encoding=encoding)
    assert not re.search("[│┃┊─╌┼▶◀×·→…–]", drawing)
    assert "|--- INVITE with video -->|" in drawing
    assert "|<..... 180 Ringing ......|" in drawing


def test_colours_only_when_asked() -> None:
    made = ladder(declined())
    assert "\x1b" not in text(made)
    coloured = text(made, colour=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == text(made)
    assert all(
        line.count("\x1b") in (0, 2) and (line.count("\x1b") == 0 or "\x1b[0m" in line)
        for line in coloured.splitlines()
    )


def test_a_ladder_without_steps() -> None:
    assert text(ladder([])).split() == ["Proxy"]
