"""The users file: what is written is read, nobody else reads it, and what is none is told with its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sipfullproxy import users
from sipfullproxy.lang import LANGS
from sipfullproxy.settings import SettingsError
from sipfullproxy.sip.digest import MD5, SHA256, hash_of
from sipfullproxy.users import LONGEST_REALM, REALM, UsersFile

NAMES = ["boris", "mária", 'a"b\\c', "o'neil", "+421", "a.b-c_d", "ž" * 127]


@pytest.mark.parametrize("realm", [REALM, 'škola "A"\\1'])
def test_what_is_written_is_read(tmp_path: Path, realm: str) -> None:
    file = UsersFile(realm)
    for name in NAMES:
        file = file.with_user(name, f"heslo {name}")
    users.write(tmp_path / "users.toml", file)
    assert users.read(tmp_path / "users.toml", "sk") == file
    assert len(file.hashes) == len(NAMES)


def test_a_password_is_kept_as_its_hashes_alone(tmp_path: Path) -> None:
    users.write(tmp_path / "users.toml", UsersFile().with_user("boris", "tajné"))
    text = (tmp_path / "users.toml").read_text("utf-8")
    assert "tajné" not in text
    found = users.read(tmp_path / "users.toml", "sk").hashes[b"boris"]
    for algorithm in (SHA256, MD5):
        assert found[algorithm] == hash_of(algorithm, b"boris", REALM.encode(), "tajné".encode())
    assert "tajné" not in repr(UsersFile().with_user("boris", "tajné"))


def test_a_user_has_one_password_and_goes_without_a_trace() -> None:
    one = UsersFile().with_user("boris", "a")
    assert one.with_user("boris", "b") == UsersFile().with_user("boris", "b")
    assert one.with_user("eva", "b").without("eva") == one


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_may_read_it_even_if_everybody_could_before(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    path.write_text("")
    path.chmod(0o644)
    users.write(path, UsersFile())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "users.toml"
    before = UsersFile().with_user("boris", "a")
    users.write(path, before)

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        users.write(path, UsersFile())
    assert users.read(path, "sk") == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_stamp_differs_when_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    assert users.stamp(path) is None
    users.write(path, UsersFile())
    first = users.stamp(path)
    assert first is not None
    assert users.stamp(path) == first
    users.write(path, UsersFile().with_user("boris", "a"))
    assert users.stamp(path) != first


def test_a_file_may_be_for_one_algorithm_and_hashes_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "u"
    path.write_text(f'algorithms = ["MD5"]\n[users.eva]\nMD5 = "{"AB" * 16}"\n')
    file = users.read(path, "sk")
    assert file == UsersFile(REALM, {b"eva": {MD5: b"ab" * 16}}, (MD5,))
    users.write(path, file.with_user("boris", "a"))
    assert users.read(path, "sk").hashes[b"boris"].keys() == {MD5}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x", "TOML"), ("realm = 1", "realm"), ('realm = ""', "realm"), ('realm = "a\\nb"', "realm"),
        (f'realm = "{"a" * (LONGEST_REALM + 1)}"', "realm"), ("users = 1", "users"), ("extra = 1", "extra"),
        ("[boris]\nMD5 = 'x'", "boris"), ("[users.boris]", "users.boris"), ("[users]\nboris = 1", "users.boris"),
        ("[users.boris]\nMD5 = 1", "users.boris"), ("[users.boris]\nMD5 = 'ab'", "users.boris"),
        (f"[users.boris]\nSHA-1 = '{'ab' * 20}'", "users.boris"),
        (f"[users.boris]\nMD5 = '{'ab' * 16}'", "SHA-256"), ("algorithms = []", "algorithms"),
        ("algorithms = 'MD5'", "algorithms"), ("algorithms = ['MD5', 'MD5']", "algorithms"),
        ("algorithms = [5]", "algorithms"), ("algorithms = ['SHA-1']", "algorithms"),
        ("[users.'a:b']", "a:b"), ("[users.'a b']", "a b"), ("[users.'a@b']", "a@b"), ("[users.'']", "''"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("missing", [False, True])
def test_what_is_none_is_told_with_its_place(tmp_path: Path, text: str, place: str, missing: bool) -> None:
    path = tmp_path / "users.toml"
    if missing:
        place = str(path)
    else:
        path.write_text(text, "utf-8")
    for lang in LANGS:
        with pytest.raises(SettingsError) as caught:
            users.read(path, lang)
        assert place in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a@b", "a\x00", "\udc80", "a\u202eb", "ž" * 128])
def test_a_name_that_nobody_can_have(name: str) -> None:
    with pytest.raises(SettingsError):
        users.user(name, "sk")
