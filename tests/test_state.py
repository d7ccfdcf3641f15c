"""What outlives a restart: the folder of each system, and the key in it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from sipfullproxy.state import KEY_SIZE, flow_key, folder, keep


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "/home/eva/.local/state/sipfullproxy"),
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/sipfullproxy"),
        ("linux", {"XDG_STATE_HOME": "relative"}, "/home/eva/.local/state/sipfullproxy"),
        ("freebsd14", {}, "/home/eva/.local/state/sipfullproxy"),
        ("darwin", {"XDG_STATE_HOME": "/state"}, "/home/eva/Library/Application Support/sipfullproxy"),
        ("win32", {"LOCALAPPDATA": "/appdata"}, "/appdata/sipfullproxy"),
        ("win32", {}, "/home/eva/AppData/Local/sipfullproxy"),
    ],
)
def test_each_system_has_its_folder(platform: str, environment: Mapping[str, str], expected: str) -> None:
    assert folder(platform, environment, lambda: Path("/home/eva")) == Path(expected)


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    key = flow_key(tmp_path / "new" / "state")
    assert len(key) == KEY_SIZE
    assert flow_key(tmp_path / "new" / "state") == key


def test_each_folder_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert flow_key(tmp_path / "a") != flow_key(tmp_path / "b")


def test_half_a_key_is_none(tmp_path: Path) -> None:
    (tmp_path / "flow.key").write_bytes(b"short")
    assert flow_key(tmp_path, lambda size: b"k" * size) == b"k" * KEY_SIZE
    assert (tmp_path / "flow.key").read_bytes() == b"k" * KEY_SIZE


def test_a_disk_that_is_full_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "secret", b"old")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        keep(tmp_path / "secret", b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("secret", b"old")]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    flow_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "flow.key").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        flow_key(tmp_path / "file" / "state")
