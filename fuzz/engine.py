"""The engine: Sends that are SIP, never anything else, whatever comes in whatever order; and every table ends empty."""

from __future__ import annotations

from fuzz.steps import play


def check(data: bytes) -> None:
    """Make the steps of an input; see `fuzz.steps`."""
    play(data)
