"""Libraries that are missing or too old are told apart from those that can be used."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from sipfullproxy import libraries
from sipfullproxy.libraries import LEAST, missing

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def test_what_is_missing_or_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian 12 has cryptography 38, with which `--tls` ended in a traceback."""
    here = {
        "cryptography": "38.0.4",
        "dnspython": "2.6.1",
        "websockets": "17.0.dev1",
        "uvicorn": "strange",
        "other": "0",
    }

    def version(name: str) -> str:
        if name not in here:
            raise PackageNotFoundError(name)
        return here[name]

    monkeypatch.setattr(libraries, "version", version)
    assert missing() == missing("dnspython", "websockets", "other") == []
    assert missing("cryptography", "segno", "uvicorn") == ["cryptography>=42", "segno", "uvicorn>=0.54"]


def test_the_versions_are_those_that_pip_is_asked_for() -> None:
    wanted = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"]
    everywhere = [line for line in wanted if ";" not in line]  # what PyPy may not have is another matter
    least = {name: bound.split(",")[0] for name, _, bound in (line.partition(">=") for line in everywhere)}
    del least["dpkt"]  # any version will do
    assert {name: ".".join(map(str, numbers)) for name, numbers in LEAST.items()} == least
