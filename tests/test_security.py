"""The log of attacks: lines that fail2ban finds, and that nobody forges."""

from __future__ import annotations

import configparser
import logging
import re
from datetime import datetime
from pathlib import Path

import pytest

from sipfullproxy.engine.events import Banned, Event, Rejected, Unbanned
from sipfullproxy.journal.security import SecurityLog, line
from tests.telling import event

FILTER = Path(__file__).parent.parent / "contrib" / "fail2ban" / "filter.d" / "sipfullproxy.conf"

HOST = r"(?P<host>[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[?[0-9A-Fa-f:]{2,}\]?)"
"""What fail2ban puts in the place of <HOST>, without the names that it would look up."""


def rejected(who: str = "alice@10.0.0.1", address: str = "198.51.100.66:5060") -> Rejected:
    return Rejected(serial=1, time=1_800_000_000.0, who=who, address=address)


def banned(address: str, *, proved: bool, why: str = "logins") -> Banned:
    return Banned(serial=1, time=1_800_000_000.0, address=address, seconds=240.0, why=why, proved=proved)


def found(text: str) -> str | None:
    """Whom fail2ban would blame for a line: it takes the time out of it, and then tries its expressions."""
    file = configparser.ConfigParser()
    file.read(FILTER, "utf-8")
    definition = file["Definition"]
    date = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", text)
    assert definition["datepattern"] == "^%Y-%m-%dT%H:%M:%S%z"
    assert date is not None and datetime.strptime(date[0], "%Y-%m-%dT%H:%M:%S%z").timestamp() == 1_800_000_000
    rest = text[date.end() :].removesuffix("\n")
    for expression in definition["failregex"].splitlines():
        match = re.search(expression.replace("<HOST>", HOST), rest)
        if match is not None:
            return match["host"]
    return None


@pytest.mark.parametrize(
    ("happened", "blamed"),
    [
        (rejected(), "198.51.100.66"),
        (rejected(address="[2001:db8::7]:5060"), "2001:db8::7"),
        (rejected(who='x" from 192.0.2.1 port 1 as "alice'), "198.51.100.66"),
        (rejected(who="x\n2027-01-15T09:00:00+0100 sipfullproxy: login failed from 192.0.2.1"), "198.51.100.66"),
        (rejected(who="ž" * 300 + "\x1b[2J\u202e"), "198.51.100.66"),
        (banned("198.51.100.66", proved=True), "198.51.100.66"),
        (banned("198.51.100.66", proved=True, why="refused"), "198.51.100.66"),
        (banned("198.51.100.66", proved=False, why="flood"), None),
        (banned("2001:db8::/64", proved=True), None),
        (Unbanned(serial=1, time=1_800_000_000.0, address="198.51.100.66"), None),
    ],
)
def test_fail2ban_blames_who_has_proved_it_himself(happened: Event, blamed: str | None) -> None:
    told = line(happened)
    assert told.count("\n") == 1 and told.rstrip("\n").isprintable() and len(told) < 1000
    assert found(told) == blamed


def test_a_line_for_people_too() -> None:
    assert line(rejected())[24:] == ' sipfullproxy: login failed from 198.51.100.66 port 5060 as "alice@10.0.0.1"\n'
    assert line(banned("2001:db8::/64", proved=True))[24:] == (
        " sipfullproxy: banned 2001:db8::/64 for 240 s, proved: logins\n"
    )


def test_only_its_business_is_written_down_and_the_file_may_be_moved(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "security.log"
    log = SecurityLog(path, "en")
    assert path.read_text("utf-8") == "", "it is there when fail2ban starts"
    log([event("registered"), rejected(), event("ended")])
    path.rename(tmp_path / "security.log.1")
    log([event("calling")])
    assert not path.exists()
    log([banned("198.51.100.66", proved=True)])
    assert path.read_text("utf-8").count("\n") == 1
    assert (tmp_path / "security.log.1").read_text("utf-8").count("\n") == 1


def test_a_disk_that_takes_nothing_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "logs" / "security.log"
    log = SecurityLog(path, "en")
    path.unlink()
    path.parent.rmdir()
    for _ in range(3):
        log([rejected()])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    path.parent.mkdir()
    log([rejected()])
    assert path.read_text("utf-8").count("\n") == 1


def test_a_file_that_cannot_be_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        SecurityLog(tmp_path, "en")
