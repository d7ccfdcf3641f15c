"""The signals that ask a program to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Ctrl-C, a service manager's stop, a closed terminal, Windows' Ctrl-Break: each where the system has it.
ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


@contextmanager
def endings(end: Callable[[], None]) -> Iterator[None]:
    """While inside, the signals that ask a program to end call `end` instead. Signals reach the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = [getattr(signal, name) for name in ENDINGS if hasattr(signal, name)]
    # `nohup` has a closed terminal ignored, and that is to stay so.
    before = {number: signal.getsignal(number) for number in signals if signal.getsignal(number) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, lambda *_: end())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
