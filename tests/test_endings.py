"""The signals that ask a program to end."""

from __future__ import annotations

import signal
import threading

import pytest

from sipfullproxy.endings import ENDINGS, endings

HERE = [getattr(signal, name) for name in ENDINGS if hasattr(signal, name)]


@pytest.mark.parametrize("number", HERE)
def test_each_calls_what_is_to_be_called_and_is_as_before_afterwards(number: signal.Signals) -> None:
    heard: list[signal.Signals] = []
    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests by `nohup` has one of them ignored
    try:
        with endings(lambda: heard.append(number)):
            signal.raise_signal(number)
            signal.raise_signal(number)
        assert heard == [number, number]
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no closed terminal is told of here")
def test_what_nohup_has_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with endings(pytest.fail):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_nothing_is_changed() -> None:
    before = [signal.getsignal(number) for number in HERE]
    seen: list[object] = []

    def look() -> None:
        with endings(pytest.fail):
            seen.extend(signal.getsignal(number) for number in HERE)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == before
