"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes is the business of `pytest -m soak`; a busy machine makes no test fail.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

# Who runs tests in the background of a shell has Ctrl-C ignored, and so would the proxies that are to hear it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
