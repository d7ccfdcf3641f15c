"""The fuzzers keep their promises on all that they have found so far, and on some thousand new inputs each time.

The corpus is small: of all inputs that were ever tried, those few that together reach the same lines. Whatever breaks
something becomes a test or a vector before it is mended, and an input here.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from fuzz import TARGETS
from tests.running import PATIENCE, need_module

FUZZ = Path(__file__).parent.parent / "fuzz"

CORPUS_LIMIT = 400_000
"""Bytes of all inputs that are kept; more would be a load for whoever clones the project."""

RUNS = {"values": 20_000, "message": 10_000, "framing": 5_000, "engine": 100, "telling": 20}
"""New inputs, besides those of the corpus: a few seconds for each target."""


def corpus(target: str) -> list[Path]:
    return sorted((FUZZ / "corpus" / target).iterdir())


def test_the_corpus_is_small() -> None:
    assert sum(file.stat().st_size for target in TARGETS for file in corpus(target)) < CORPUS_LIMIT


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found_holds(target: str) -> None:
    check = import_module(f"fuzz.{target}").check
    check(b"")
    for file in corpus(target):
        check(file.read_bytes())


@pytest.mark.io
@pytest.mark.parametrize("target", TARGETS)
def test_so_does_what_is_looked_for_now(target: str) -> None:
    """Always the same inputs, so that a failure here is one that anybody can see again."""
    need_module("atheris", "atheris")
    runs = len(corpus(target)) + RUNS[target]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", target, "--runs", str(runs)],
        cwd=FUZZ.parent, capture_output=True, text=True, timeout=5 * PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
