"""The text journal: what stands in the file, and what happens when there is no file to write to."""

from __future__ import annotations

import errno
import io
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipfullproxy.engine.events import Calling, Ended, Event, Failed, Registered, Ringing, Started, Video
from sipfullproxy.journal import text
from sipfullproxy.journal.text import TextJournal, written

START = time.mktime((2022, 2, 28, 16, 54, 30, 0, 0, -1))
"""The second in which the assignment's journal begins, on this computer's clock."""

DATE_LINE = "16:54:30:INFO:Mon, 28 Feb 2022 16:54:30"
FULL = Path("/dev/full")
"""Linux' device on which every write finds the disk full."""


def ringing(after: float, who: str = "macek@147.175.160.245") -> Event:
    """It rings, that many seconds after START."""
    return Ringing(serial=1, time=START + after, call="c", leg="l", who=who, whom="macka@147.175.160.245")


def lines(path: Path) -> list[str]:
    """The lines of a file, which must end with a newline."""
    whole = path.read_bytes().decode()
    assert whole.endswith("\n")
    return whole[:-1].split("\n")


def refuse(path: Path, trouble: int = errno.ENOSPC) -> io.FileIO:
    """In the place of `text._opened`."""
    raise OSError(trouble, os.strerror(trouble), str(path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "proxy.log"


@pytest.fixture
def journal(path: Path) -> Iterator[TextJournal]:
    made = TextJournal(path, START)
    yield made
    made.close()


def test_a_call_that_does_not_ring_yet_gets_no_line(path: Path, journal: TextJournal) -> None:
    """The assignment begins with the ringing."""
    journal([Calling(serial=1, time=START, call="c", leg="l", who="macek@lab", whom="macka@lab")])
    assert lines(path) == [DATE_LINE]


def test_the_journal_of_the_assignment_comes_out_word_for_word(path: Path, journal: TextJournal) -> None:
    macek, macka = "macek@147.175.160.245", "macka@147.175.160.245"
    journal(
        [
            Registered(
                serial=1, time=START + 4, who=macka, address="147.175.160.245:56666", contact="", agent="", expires=60
            ),
            ringing(14),
            Started(serial=3, time=START + 15, call="c", leg="l", who=macek, whom=macka, video=False),
            Video(serial=4, time=START + 18, call="c", leg="l", who=macek, whom=macka),
            Ended(serial=5, time=START + 20, call="c", leg="l", who=macka, whom=macek, duration=5.0, why="bye"),
        ]
    )
    assert lines(path) == [
        DATE_LINE,
        "16:54:34:INFO:Bol zaregistrovaný nový používateľ: macka@147.175.160.245 [Adresa: 147.175.160.245:56666]",
        "16:54:44:INFO:Zvonenie macek@147.175.160.245 -> macka@147.175.160.245",
        "16:54:45:INFO:Začiatok hovoru macek@147.175.160.245 -> macka@147.175.160.245",
        "16:54:48:INFO:Videohovor macek@147.175.160.245 -> macka@147.175.160.245",
        "16:54:50:INFO:Koniec hovoru macka@147.175.160.245 -> macek@147.175.160.245 [Trvanie: 0:00:05]",
    ]


def test_what_went_wrong_is_a_warning_and_the_language_can_be_chosen(path: Path) -> None:
    journal = TextJournal(path, START, lang="en")
    journal([Failed(serial=1, time=START, call="c", leg="l", who="a@lab", whom="b@lab", status=404, why="Not Found")])
    journal.close()
    assert lines(path)[1] == "16:54:30:WARNING:Call failed a@lab -> b@lab [Reason: 404 Not Found]"


def test_an_unknown_language_is_refused_before_anything_is_written(path: Path) -> None:
    with pytest.raises(ValueError, match="sk, en"):
        TextJournal(path, START, lang="cz")
    assert not path.exists()


def test_each_start_appends_its_date_line(path: Path) -> None:
    for _ in range(2):
        TextJournal(path, START).close()
    assert lines(path) == [DATE_LINE, DATE_LINE]


def test_a_new_day_gets_its_date_line_and_only_one(path: Path, journal: TextJournal) -> None:
    midnight = 7 * 3600 + 5 * 60 + 30
    journal([ringing(midnight - 1), ringing(midnight), ringing(midnight + 1)])
    journal([ringing(midnight + 2)])
    assert [line[:39] for line in lines(path)] == [
        DATE_LINE,
        "23:59:59:INFO:Zvonenie macek@147.175.16",
        "00:00:00:INFO:Tue, 01 Mar 2022 00:00:00",
        "00:00:00:INFO:Zvonenie macek@147.175.16",
        "00:00:01:INFO:Zvonenie macek@147.175.16",
        "00:00:02:INFO:Zvonenie macek@147.175.16",
    ]


def test_a_hostile_name_stays_within_its_line(path: Path, journal: TextJournal) -> None:
    journal([ringing(0, who="a\r\n16:54:30:INFO:lož\x1b[2J\u2028\u202e\udcff")])
    assert lines(path)[1] == (
        r"16:54:30:INFO:Zvonenie a\r\n16:54:30:INFO:lož\x1b[2J\u2028\u202e\udcff -> macka@147.175.160.245"
    )


def test_who_was_stopped_in_the_middle_of_a_line_does_not_spoil_ours(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"16:54:29:INFO:Zvon")
    TextJournal(path, START).close()
    assert lines(path) == ["16:54:29:INFO:Zvon", DATE_LINE]


def test_a_file_that_cannot_be_opened_is_told_to_the_caller_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        TextJournal(tmp_path / "file" / "proxy.log", START)
    with pytest.raises(OSError):
        TextJournal(tmp_path, START)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not move open files")
def test_a_file_that_was_moved_away_is_made_anew_with_its_date(path: Path, journal: TextJournal) -> None:
    journal([ringing(1)])
    old = path.rename(path.with_suffix(".1"))
    journal([ringing(2)])
    assert len(lines(old)) == 2
    assert lines(path)[0] == "16:54:32:INFO:Mon, 28 Feb 2022 16:54:32"
    assert lines(path)[1].startswith("16:54:32:INFO:Zvonenie")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete open files")
def test_a_folder_that_was_deleted_is_made_anew(path: Path, journal: TextJournal) -> None:
    shutil.rmtree(path.parent)
    journal([ringing(1)])
    assert len(lines(path)) == 2


def test_a_file_that_was_emptied_is_begun_with_its_date(path: Path, journal: TextJournal) -> None:
    os.truncate(path, 0)
    journal([ringing(1)])
    journal([ringing(2)])
    assert lines(path)[0] == "16:54:31:INFO:Mon, 28 Feb 2022 16:54:31"
    assert len(lines(path)) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFO")
def test_what_has_no_size_gets_its_date_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    journal = TextJournal(pipe, START)
    journal([ringing(1)])
    journal([ringing(2)])
    assert os.read(reader, 4096).count(b"\n") == 3
    journal.close()
    os.close(reader)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not move the folder of an open file")
def test_while_the_folder_is_gone_lines_wait_with_one_warning_and_then_it_goes_on(
    path: Path, journal: TextJournal, caplog: pytest.LogCaptureFixture
) -> None:
    away = path.parent.rename(path.parent.with_name("away"))
    path.parent.write_text("a file where the folder was")
    for after in range(3):
        journal([ringing(after)])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(path) in caplog.text

    path.parent.unlink()
    away.rename(path.parent)
    journal([ringing(3)])
    assert [line[:28] for line in lines(path)] == [
        DATE_LINE[:28],
        "16:54:30:INFO:Mon, 28 Feb 20",
        *(f"16:54:3{after}:INFO:Zvonenie macek" for after in range(4)),
    ]
    assert len(caplog.records) == 1


def test_of_too_many_lines_that_wait_the_oldest_are_lost_and_counted(
    path: Path, journal: TextJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "WAITING", 4)
    with monkeypatch.context() as patch:
        patch.setattr(text, "_opened", refuse)
        journal.close()
        for after in range(0, 8, 2):
            journal([ringing(after), ringing(after + 1)])
    journal([ringing(8)])
    assert [line[:48] for line in lines(path)][2:] == [
        "16:54:34:WARNING:Do denníka sa nedalo zapisovať,",
        *(f"16:54:3{after}:INFO:Zvonenie macek@147.175.160.245 -> " for after in range(4, 9)),
    ]
    assert lines(path)[2].endswith("stratené riadky: 4")


@pytest.mark.parametrize("trouble", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_disk_that_takes_nothing_at_the_start_does_not_keep_the_proxy_from_starting(
    path: Path, trouble: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(text, "_opened", lambda path: refuse(path, trouble))
        journal = TextJournal(path, START)
        journal([ringing(1)])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    journal([ringing(2)])
    journal.close()
    assert [line.count("Zvonenie") for line in lines(path)] == [0, 1, 1]


def test_what_waits_is_written_at_the_end(path: Path, journal: TextJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(text, "_opened", refuse)
        journal.close()
        journal([ringing(1)])
    journal.close()
    assert lines(path)[-1].startswith("16:54:31:INFO:Zvonenie")


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has /dev/full")
def test_a_full_disk_at_the_start_does_not_keep_the_proxy_from_starting(
    caplog: pytest.LogCaptureFixture, path: Path
) -> None:
    path.parent.mkdir()
    path.symlink_to(FULL)
    journal = TextJournal(path, START)
    journal([ringing(1)])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]

    path.unlink()
    journal([ringing(2)])
    journal.close()
    assert len(lines(path)) == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four pages of memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root of Linux can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "sipfullproxy-test", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.io
def test_a_disk_that_fills_up_costs_no_line_and_no_call(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = small_disk / "proxy.log"
    journal = TextJournal(path, START)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(8192))
    for after in range(0, 200, 5):
        journal([ringing(after + more) for more in range(5)])
        assert path.read_bytes().endswith(b"\n"), "no half of a line is shown"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "No space left" in caplog.text

    filler.unlink()
    journal([ringing(200)])
    journal.close()
    told = [line[:8] for line in lines(path) if line.endswith(" -> macka@147.175.160.245")]
    assert told == [f"16:{54 + (30 + after) // 60}:{(30 + after) % 60:02}" for after in range(201)]


def test_a_journal_can_be_written_anew_from_its_events(path: Path, journal: TextJournal) -> None:
    """Line by line what the file has, with a date at the top and for each new day."""
    events = [ringing(day * 86_400 + second) for day in (0, 1) for second in (0, 1)]
    untold = Calling(serial=1, time=START, call="c", leg="l", who="macek@lab", whom="macka@lab")
    anew = list(written([untold, *events], "sk"))
    assert [line.count("Zvonenie") for line in anew] == [0, 1, 1, 0, 1, 1]
    journal(events)
    assert "".join(anew) == path.read_text("utf-8")
