"""The table of differences: each that the run may show, with its explanation."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.kamailio.outcome import Difference

EVERYWHERE = "On every message"
"""The group of rows that nearly every input shows."""

FILE = Path(__file__).parent / "differences.toml"


class Explained(NamedTuple):
    """One row. inputs, seen: patterns in which `*` stands for anything; seen: of `Difference.text`.

    Each pattern of the two must be met by something that the run shows.
    """

    group: str
    title: str
    inputs: tuple[str, ...]
    seen: tuple[str, ...]

    def explains(self, difference: Difference) -> bool:
        """Whether this row is about that difference."""
        return fits(difference.scene, self.inputs) and fits(difference.text, self.seen)


def fits(text: str, patterns: Iterable[str]) -> bool:
    """Whether a text is as one of the patterns says."""
    return any(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S) for pattern in patterns)


@cache
def table() -> tuple[Explained, ...]:
    """All rows, in the file's order."""
    rows = tomllib.loads(FILE.read_text("utf-8"))["difference"]
    return tuple(Explained(row["group"], row["title"], tuple(row["inputs"]), tuple(row["seen"])) for row in rows)


def run() -> dict[str, int]:
    """What the table says that the run counts."""
    counts: dict[str, int] = tomllib.loads(FILE.read_text("utf-8"))["run"]
    return counts
