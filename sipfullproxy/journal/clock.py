"""The one place where the engine's time becomes that of people."""

from __future__ import annotations

import time


def wall_offset() -> float:
    """What to add to monotonic seconds to get wall-clock seconds since the epoch.

    Ask anew each time: somebody may set the clock, and a notebook that slept has a monotonic clock that slept with it.
    """
    return time.time() - time.monotonic()
