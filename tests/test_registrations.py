"""The file of registrations: what comes back from it and what must not, and what becomes of it on a bad disk."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random

import pytest

from sipfullproxy.engine.config import Users
from sipfullproxy.engine.flow import Flow, Local
from sipfullproxy.engine.replica import Came, Change, Went
from sipfullproxy.journal import registrations as module
from sipfullproxy.journal.registrations import Registrations, file_of
from tests.helpers import PROXY, Lab, Phone
from tests.logins import PASSWORDS, REALM, hashes
from tests.waiting import eventually

DOORS: tuple[Local, ...] = (("udp", PROXY), ("tcp", PROXY))
WALL = 1_700_000_000.0
LIVES = count(1)


class Life:
    """A proxy from its start to its end: an engine in the virtual lab, its registrations, and two clocks.

    later: seconds on the wall since WALL, at the start. monotonic: what the other clock shows then.
    """

    def __init__(
        self, path: Path, later: float = 0.0, monotonic: float = 1000.0, doors: tuple[Local, ...] = DOORS,
        users: Users | None = None,
    ) -> None:  # fmt: skip
        self.lab = Lab(followed=True)
        self.lab.engine._core.location._life = f"life{next(LIVES)}"  # every lab throws the same dice
        self.lab.now = monotonic
        self.wall = WALL + later - monotonic
        self.path = path
        self.file = Registrations(
            path, doors, users, "en", lambda: self.lab.engine.snapshot(), lambda: self.lab.now,
            lambda: self.lab.now + self.wall,
        )  # fmt: skip
        self.found = self.file.load()
        self.lab.engine.restore(self.found, self.lab.now)

    def write(self) -> None:
        """What the thread does every quarter of a second."""
        self.file(self.lab.engine.changes())
        self.file.write()

    def phone(self, user: str, address: str = "", **more: str) -> Phone:
        """A phone that has registered."""
        phone = self.lab.phone(user, address, **more)
        assert phone.register().status == 200
        return phone

    def kill(self) -> None:
        """The end of it without a word: the system closes the file."""
        self.file._database.close()

    @property
    def users(self) -> list[bytes]:
        """Who is registered."""
        return [phone.user for phone in self.lab.engine.phones(99)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "registrations.db"


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for another proxy that does not end."""
    pragmas = [pragma for pragma in module.SHAPE.pragmas if "busy_timeout" not in pragma]
    monkeypatch.setattr(module, "SHAPE", module.SHAPE._replace(pragmas=("PRAGMA busy_timeout = 1", *pragmas)))


# -- what comes back ---------------------------------------------------------------------------------------------------


def test_a_phone_is_there_again_with_all_that_was_known_of_it(path: Path) -> None:
    before = Life(path)
    before.phone("bob", contact_params=';q=0.5;+sip.instance="<urn:uuid:x>";reg-id=1')
    before.lab.phone("carol").register(headers=("Path: <sip:edge.lab;lr>", "Supported: path"))
    before.write()
    before.kill()
    after = Life(path)
    assert after.found == before.lab.engine.snapshot()
    assert after.lab.engine.phones(9) == before.lab.engine.phones(9)


def test_a_call_reaches_it_before_it_has_sent_anything(path: Path) -> None:
    before = Life(path)
    before.phone("alice", "10.0.0.10:5060"), before.phone("bob", "10.0.0.11:5060")
    before.write()
    before.kill()
    after = Life(path)
    alice, bob = after.lab.phone("alice", "10.0.0.10:5060"), after.lab.phone("bob", "10.0.0.11:5060")
    alice.invite("bob")
    assert alice.takes(100) and bob.takes("INVITE")


def test_who_has_left_is_not_there_again(path: Path) -> None:
    before = Life(path)
    bob, _ = before.phone("bob"), before.phone("carol")
    before.write()
    bob.register(expires=0)
    before.write()
    before.kill()
    assert Life(path).users == [b"carol"]


def test_a_refresh_is_one_phone(path: Path) -> None:
    before = Life(path)
    bob = before.phone("bob")
    for _ in range(5):
        before.write()
        bob.register()
    before.write()
    before.kill()
    assert Life(path).users == [b"bob"]


def test_a_connection_does_not_outlive_the_program(path: Path) -> None:
    before = Life(path)
    before.lab.phone("bob", transport="tcp").register()
    before.phone("bob", "10.0.0.77:5060")
    before.write()
    before.kill()
    assert [phone.flow.transport for phone in Life(path).lab.engine.phones(9)] == ["udp"]


def test_life_after_life(path: Path) -> None:
    """What one program has restored, the next one restores too."""
    before = Life(path)
    before.phone("bob")
    before.write()
    before.kill()
    for _ in range(3):
        life = Life(path)
        assert life.users == [b"bob"]
        life.write()
        life.kill()


def test_a_file_that_is_not_there_is_nobody(path: Path, complaints: Callable[[], list[str]]) -> None:
    assert Life(path).users == []
    assert complaints() == []


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("monotonic", [1000.0, 5.0, 9_000_000.0], ids=["same clock", "reboot", "another machine"])
def test_the_time_away_counts(path: Path, monotonic: float) -> None:
    before = Life(path)
    before.phone("bob")
    before.write()
    before.kill()
    (phone,) = Life(path, later=600.0, monotonic=monotonic).lab.engine.phones(9)
    assert phone.until - monotonic == pytest.approx(3000.0)
    assert phone.since - monotonic == pytest.approx(-600.0)


def test_who_ran_out_meanwhile_is_gone_and_told(path: Path) -> None:
    before = Life(path)
    before.phone("bob")
    before.write()
    before.kill()
    after = Life(path, later=3600.5)
    assert after.users == []
    assert [event.kind for event in after.lab.engine.events()] == ["unregistered"]
    after.write()
    after.kill()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM bindings").fetchone() == (0,)


def test_the_time_of_several_lives_adds_up(path: Path) -> None:
    """Though the file is not written anew in between."""
    Life(path).kill()
    life = Life(path)
    life.phone("bob")
    for number in range(1, 4):
        life.write()
        life.kill()
        life = Life(path, later=number * 1000.0, monotonic=number * 7.0)
        life.phone(f"user{number}", f"10.1.0.{number}:5060")
    left = [phone.until - life.lab.now for phone in life.lab.engine.phones(9)]
    assert left == [pytest.approx(seconds) for seconds in (600.0, 1600.0, 2600.0, 3600.0)]


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_is_set_changes_nothing(path: Path, jump: float) -> None:
    before = Life(path)
    before.phone("bob")
    before.write()
    before.wall += jump
    before.write()
    before.kill()
    (phone,) = Life(path, later=jump).lab.engine.phones(9)
    assert phone.until - 1000.0 == pytest.approx(3600.0)


def test_a_clock_that_was_set_after_a_restart_changes_nothing(path: Path) -> None:
    """As on a board without a battery, whose clock is set by the network a while after each start."""
    first = Life(path)
    first.phone("bob")
    first.write()
    first.kill()
    second = Life(path, later=-50_000.0)
    second.wall += 50_010.0
    second.write()
    second.kill()
    (phone,) = Life(path, later=10.0).lab.engine.phones(9)
    assert phone.until - 1000.0 == pytest.approx(3600.0), "nobody knows how long it was away; it was not set back"


# -- another place -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doors", "through"),
    [
        ((("udp", ("10.0.0.2", 5060)),), ("10.0.0.2", 5060)),
        ((("udp", ("10.0.0.2", 5060)), ("udp", PROXY)), PROXY),
        ((("tcp", PROXY), ("udp", ("10.0.0.2", 5070))), ("10.0.0.2", 5070)),
        ((("udp", ("fd00::1", 5060)),), None),
        ((("tcp", PROXY),), None),
    ],
    ids=["new address", "the same", "not by TCP", "not by IPv6", "no UDP any more"],
)
def test_a_phone_is_reached_through_a_port_of_today(
    path: Path, doors: tuple[Local, ...], through: tuple[str, int] | None
) -> None:
    before = Life(path)
    before.phone("bob")
    before.write()
    before.kill()
    found = [came.flow for came in Life(path, doors=doors).found]
    assert found == ([] if through is None else [Flow("udp", through, ("10.0.0.10", 5060))])


# -- logins ------------------------------------------------------------------------------------------------------------


def users(**passwords: str) -> Users:
    return Users(realm=REALM, hashes=hashes(passwords))


def register(life: Life, *names: str) -> None:
    """Their phones, as if they had logged in."""
    for name in names:
        life.phone(name)
    life.write()
    life.kill()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (users(**PASSWORDS), [b"alice", b"bob"]),
        (users(**PASSWORDS | {"bob": "another"}), [b"alice"]),
        (users(alice="apple"), [b"alice"]),
        (Users(realm=b"moved", hashes={b"alice": {b"MD5": b"0" * 32}}), []),
        (None, [b"alice", b"bob"]),
    ],
    ids=["as it was", "another password", "removed", "other hashes", "no logins any more"],
)
def test_no_registration_outlives_the_right_to_it(path: Path, now: Users | None, expected: list[bytes]) -> None:
    register(Life(path, users=users(**PASSWORDS)), "alice", "bob")
    after = Life(path, users=now)
    assert after.users == expected
    after.write()
    after.kill()
    assert Life(path, users=users(**PASSWORDS)).users == expected, "who lost his right does not get it back"


def test_who_registered_without_a_password_has_none(path: Path) -> None:
    """Logins were turned on while the proxy was away."""
    register(Life(path), "alice")
    assert Life(path, users=users(**PASSWORDS)).users == []


def test_the_file_holds_no_hash_of_a_password(path: Path) -> None:
    register(Life(path, users=users(**PASSWORDS)), "alice", "bob")
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"alice" in written
    for name in (b"alice", b"bob"):
        for value in users(**PASSWORDS).hashes[name].values():
            assert value not in written and bytes.fromhex(value.decode()) not in written


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_may_read_it(path: Path) -> None:
    life = Life(path)
    life.phone("bob")
    life.write()
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


# -- bad disks ---------------------------------------------------------------------------------------------------------


def fail(life: Life, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """From now on the disk is full."""

    def full() -> sqlite3.Connection:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(life.file._database, "opened", full)
    return monkeypatch


def test_a_full_disk_is_told_once_and_all_is_there_when_there_is_room_again(
    path: Path, complaints: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(path)
    bob = life.phone("bob")
    life.write()
    with monkeypatch.context() as patch:
        fail(life, patch)
        for user in ("carol", "dave"):
            life.phone(user)
            life.write()
        bob.register(expires=0)
        life.write()
    (told,) = complaints()
    assert "No space left" in told and str(path) in told and "\n" not in told
    life.write()
    life.kill()
    assert Life(path).users == [b"carol", b"dave"]


def test_a_database_that_is_full(path: Path, complaints: Callable[[], list[str]]) -> None:
    """SQLite itself says so, in the middle of a transaction."""
    life = Life(path)
    life.phone("bob")
    life.write()
    life.file._database.opened().execute("PRAGMA max_page_count = 1")
    for number in range(200):
        life.phone(f"user{number}", f"10.1.0.1:{2000 + number}")
    life.write()
    assert ["full" in told for told in complaints()] == [True]
    life.write()
    life.kill()
    assert len(Life(path).users) == 99, "the first 99 of them all"


def test_more_changes_than_may_wait_are_fetched_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 5)
    life = Life(path)
    for number in range(20):
        life.phone(f"user{number}", f"10.1.0.1:{2000 + number}")
        life.file(life.lab.engine.changes())
        assert len(life.file._waiting) <= 5
    life.write()
    life.kill()
    assert len(Life(path).users) == 20


def test_a_file_that_somebody_deletes_is_written_anew(path: Path) -> None:
    life = Life(path)
    life.phone("bob")
    life.write()
    for file in path.parent.iterdir():
        file.unlink()
    life.phone("carol")
    life.write()
    life.kill()
    assert Life(path).users == [b"bob", b"carol"]


def damaged(path: Path, change: str) -> None:
    """A file in which something is not as it should be."""
    life = Life(path)
    life.phone("bob"), life.phone("carol")
    life.write()
    life.kill()
    with closing(sqlite3.connect(path)) as database:
        database.execute(change)
        database.commit()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bindings SET expires = NULL",
        "UPDATE bindings SET aor = 'text' WHERE aor = CAST('bob' AS BLOB)",
        "UPDATE bindings SET person = CAST(X'FF' AS TEXT)",
        "UPDATE bindings SET remote_host = 'evil.example'",
        "UPDATE bindings SET remote_port = 70000",
        "UPDATE clock SET wall = 'noon'",
        "DROP TABLE clock",
    ],
)
def test_nonsense_in_it_is_moved_aside_and_begun_anew(
    path: Path, change: str, complaints: Callable[[], list[str]]
) -> None:
    damaged(path, change)
    life = Life(path)
    assert life.users == []
    (told,) = complaints()
    (aside,) = path.parent.glob("registrations.db.damaged-20*[0-9]")
    assert str(aside) in told and "\n" not in told
    life.phone("dave")
    life.write()
    life.kill()
    assert Life(path).users == [b"dave"]


def test_a_contact_that_is_no_uri_any_more_is_left_out(path: Path, complaints: Callable[[], list[str]]) -> None:
    damaged(path, "UPDATE bindings SET uri = CAST('tel:1' AS BLOB) WHERE aor = CAST('bob' AS BLOB)")
    assert Life(path).users == [b"carol"]
    assert complaints() == []


# A few each time: forty write to the disk for as long as all the rest of the pure part takes.
@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(8, 40))])
def test_bytes_that_a_bad_disk_has_changed(path: Path, seed: int) -> None:
    """Whatever stands in the file, the proxy starts, and has a file afterwards."""
    random = Random(seed)
    life = Life(path)
    for number in range(60):
        life.phone(f"user{number}", f"10.1.0.1:{2000 + number}")
    life.write()
    life.kill()
    size = path.stat().st_size
    with path.open("r+b") as file:
        if seed % 4 == 0:
            file.truncate(random.randrange(size))
        for _ in range(random.choice((1, 10, 1000))):
            file.seek(random.randrange(size))
            file.write(random.randbytes(random.choice((1, 16))))
    after = Life(path)
    assert len(after.users) <= 61
    after.phone("dave")
    after.write()
    after.write()
    after.kill()
    assert b"dave" in Life(path).users


def test_a_file_of_a_newer_version_is_kept(path: Path, complaints: Callable[[], list[str]]) -> None:
    damaged(path, "PRAGMA user_version = 999")
    assert Life(path).users == []
    assert len(complaints()) == 1 and "newer" in complaints()[0]
    assert len(list(path.parent.glob(f"{path.name}.newer-20*"))) == 1


def test_two_proxies_do_not_mix_their_phones(path: Path, complaints: Callable[[], list[str]]) -> None:
    one = Life(path)
    one.phone("bob")
    one.write()
    other = Life(path)
    assert other.users == []
    other.phone("carol")
    for _ in range(3):
        other.write()
    (told,) = complaints()
    assert "another proxy" in told
    one.kill()
    other.phone("dave")
    other.write()
    assert Life(path).users == [b"bob"], "the second keeps its own out of it to its end"


def test_each_port_has_phones_of_its_own() -> None:
    assert file_of(5060) != file_of(5070)


# -- behind ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def threaded(path: Path) -> Iterator[Life]:
    life = Life(path)
    life.file.start()
    yield life
    life.file.stop()


def test_it_writes_by_itself(threaded: Life, tmp_path: Path) -> None:
    threaded.phone("bob")
    threaded.file(threaded.lab.engine.changes())
    eventually(lambda: not threaded.file._waiting, "what waited is written")
    threaded.file.stop()
    assert Life(threaded.path).users == [b"bob"]


def test_what_came_last_is_written_at_the_end(threaded: Life) -> None:
    threaded.phone("bob")
    threaded.file(threaded.lab.engine.changes())
    threaded.file.stop()
    assert Life(threaded.path).users == [b"bob"]


def test_what_was_never_started_lets_go_of_its_file(path: Path) -> None:
    one = Life(path)
    one.phone("bob")
    one.write()
    one.file.stop()
    assert Life(path).users == [b"bob"]


def test_nothing_to_write_touches_no_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(path)
    life.phone("bob")
    life.write()
    fail(life, monkeypatch)
    changes: list[Change] = []
    life.file(changes)
    assert life.file.write()


def test_what_it_does_not_know_may_go(path: Path) -> None:
    life = Life(path)
    life.file([Went("never-1", b"bob")])
    life.write()
    bob = life.phone("bob")
    assert isinstance(bob, Phone)
    (came,) = life.lab.engine.changes()
    assert isinstance(came, Came)
    life.file([came, came])
    life.write()
    life.kill()
    assert Life(path).users == [b"bob"]
