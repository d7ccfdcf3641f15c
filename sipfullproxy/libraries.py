"""Which libraries of others are here. None of them is imported for that: a proxy for calls needs none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

LEAST: Final[Mapping[str, tuple[int, ...]]] = {
    "fastapi": (0, 165), "uvicorn": (0, 54), "segno": (1, 6), "cryptography": (42,), "websockets": (17,),
    "dnspython": (2, 6, 1),
}  # fmt: skip
"""The first versions that we can use, as in pyproject.toml. The Python of a Linux distribution often has older ones,
and `python main.py` gets what is there."""


def missing(*names: str) -> list[str]:
    """Those of these packages that are not installed, and those that are too old, as in "cryptography>=42"."""
    return [lack for name in names if (lack := _lack(name))]


def _lack(name: str) -> str:
    least = LEAST.get(name, ())
    try:
        found = re.match(r"\d\d*+(?:\.\d\d*+)*", version(name))
    except PackageNotFoundError:
        return name
    numbers = tuple(map(int, found[0].split("."))) if found else ()
    return "" if numbers >= least else f"{name}>={'.'.join(map(str, least))}"
