"""The unit of systemd: it is one, it leaves little to attack, and what it starts is a command line of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sipfullproxy.cli import main
from tests.running import HERE, need

UNIT = HERE.parent / "contrib" / "systemd" / "sipfullproxy.service"

MOST_EXPOSED = 20
"""Tenths, as `systemd-analyze security` counts: below it a service is "OK"; a usual one without any care has 96."""


@pytest.mark.io
def test_it_is_a_unit(tmp_path: Path) -> None:
    """With a program that is there in the place of ours, which is not installed here."""
    text = UNIT.read_text("utf-8")
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", text, flags=re.MULTILINE), "utf-8")
    done = subprocess.run(
        [need("systemd-analyze", "systemd"), "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and UNIT.name not in done.stderr, done.stderr


@pytest.mark.io
def test_it_leaves_little_to_attack() -> None:
    done = subprocess.run(
        [need("systemd-analyze", "systemd"), "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(UNIT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-200:]


def test_what_it_starts_we_understand(capsys: pytest.CaptureFixture[str]) -> None:
    started = re.search(r"^ExecStart=\S+(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert started is not None
    with pytest.raises(SystemExit):
        main([*started[1].split(), "--help"])
    shown = capsys.readouterr().out
    assert all(word in shown for word in started[1].split() if word.startswith("--"))
