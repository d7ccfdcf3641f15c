"""What holds for all tests, and which of them are pure."""

from __future__ import annotations

import gc
import signal
import sys

import pytest
from hypothesis import settings

from tests.helpers import Lab, Phone

# How long an example takes is the business of `pytest -m soak`; a busy machine makes no test fail. Other examples are
# tried each time, so a few will do; `make soak` tries many, and fuzz/ looks for inputs that reach new lines.
settings.register_profile("house", deadline=None, max_examples=40)
settings.register_profile("long", deadline=None, max_examples=1_000)
settings.load_profile("house")

# Who runs tests in the background of a shell has Ctrl-C ignored, and so would the proxies that are to hear it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

IMPURE = {"io", "phones", "sipp", "kamailio", "browser", "attack", "soak"}
"""The marks of what takes its time: it waits for the kernel, for another program, or for a figure."""

OUTSIDE = {"socket.bind", "socket.connect", "socket.sendto", "subprocess.Popen", "os.fork", "os.posix_spawn"}
"""What a pure test may not do, by the names of Python's audit events."""

_pure: str | None = None
"""The pure test that is running now."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is pure, so that `pytest -m pure` can choose it."""
    for item in items:
        if IMPURE.isdisjoint(mark.name for mark in item.iter_markers()):
            item.add_marker(pytest.mark.pure)


def pytest_collection_finish() -> None:
    """Thousands of tests live to the end: looking for garbage among them again and again is lost time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Know which test is running, if it is pure."""
    global _pure
    _pure = item.nodeid if item.get_closest_marker("pure") else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Know it no more: behind the last test what all of them shared is torn down, sockets and processes too."""
    global _pure
    _pure = None


def _hold_back(event: str, _: object) -> None:
    """Let no pure test out, so that the pure part stays what it is called."""
    if _pure is not None and event in OUTSIDE:
        raise RuntimeError(f"{event} in {_pure}: what needs sockets or processes is marked `io`")


sys.addaudithook(_hold_back)


# -- who is in the lab, where a file does not say otherwise ------------------------------------------------------------


@pytest.fixture
def lab() -> Lab:
    """A proxy on a virtual clock, with nobody registered."""
    return Lab()


@pytest.fixture
def alice(lab: Lab) -> Phone:
    """Registered, so that she may send anywhere."""
    return lab.registered("alice")[0]


@pytest.fixture
def bob(lab: Lab, alice: Phone) -> Phone:
    """The second who registers: an address belongs to the same phone in every test."""
    return lab.registered("bob")[0]


@pytest.fixture
def carol(lab: Lab, bob: Phone) -> Phone:
    """The third."""
    return lab.registered("carol")[0]
