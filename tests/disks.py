"""Disks that are small or take nothing, for the files of a proxy: memory that root of Linux mounts for a test."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BLOCK = 4096


@contextmanager
def disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of that size. Where it cannot be mounted the test is skipped."""
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not mounted("tmpfs", place, f"size={kilobytes}k"):
        pytest.skip("only root of Linux can mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def mounted(kind: str, place: Path, options: str) -> bool:
    """Mount it; returns whether that was allowed."""
    mount = ["mount", "-t", kind, "-o", options, "sipfullproxy-test", str(place)]
    return subprocess.run(mount, capture_output=True).returncode == 0


def fill(place: Path) -> Path:
    """Leave no room on a disk. Returns the file that is to be deleted for some."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(BLOCK))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler
