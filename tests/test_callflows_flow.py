"""Ladders: how they are read, who waits for whom, and which messages could overtake each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.callflows.flow import Flow, Line


def flow(folder: Path, ladder: str) -> Flow:
    file = folder / "flow.toml"
    file.write_text(f"flow = 'A Flow'\nladder = '''\n{ladder}'''\n", encoding="utf-8")
    return Flow.read(file)


def test_a_line_has_words_headers_and_a_body(tmp_path: Path) -> None:
    ladder = "# said first\nbob -> alice  200 INVITE sdp=sendonly #talk\n    Server: none\n    | a body\n"
    line = flow(tmp_path, ladder).ladder[0]
    assert line == Line(
        0, "bob", "alice", "200", ["INVITE", "sdp=sendonly", "#talk"], headers=["Server: none"], body=["a body"]
    )
    assert (line.status, line.method, line.word("sdp"), line.word("to"), line.dialog) == (
        200, "INVITE", "sendonly", None, "talk",
    )  # fmt: skip


def test_what_is_no_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no line of a ladder: alice calls bob"):
        flow(tmp_path, "alice calls bob\n")


def test_who_begins_later_waits_for_the_last_message_that_reached_a_phone(tmp_path: Path) -> None:
    joined = flow(tmp_path, "alice -> bob INVITE\nbob -> proxy 486\ncarol -> bob MESSAGE\n")
    assert [joined.begins(name) for name in ("alice", "bob", "carol")] == [True, False, True]
    assert joined.waits_for("alice") is None
    assert joined.waits_for("bob") is None
    assert joined.waits_for("carol") is joined.ladder[0]


def test_answers_of_two_phones_may_overtake_each_other(tmp_path: Path) -> None:
    asked = flow(tmp_path, "alice -> bob MESSAGE\nalice -> carol MESSAGE\nbob -> alice 200\ncarol -> alice 200\n")
    assert asked.races() == [(asked.ladder[2], asked.ladder[3])]


def test_a_cause_and_its_effect_cannot(tmp_path: Path) -> None:
    asked = flow(tmp_path, "alice -> bob MESSAGE\nbob -> alice 200\nalice -> carol MESSAGE\ncarol -> alice 200\n")
    assert asked.races() == []
