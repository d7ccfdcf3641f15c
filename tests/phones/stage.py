"""Where the phones of a test come from, and what this machine must have for them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from tests.phones.baresip import Baresip
from tests.phones.chromium import Chromium
from tests.phones.lan import Host, Lan
from tests.phones.linphone import Linphone
from tests.phones.phone import Desk, Phone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.tone import Voice

# Programs that every test here needs, with the Debian packages that have them; then those of one phone each.
COMMON = {
    "ip": "iproute2",
    "nft": "nftables",
    "setpriv": "util-linux",
    "sysctl": "procps",
    "espeak-ng": "espeak-ng",
    "sox": "sox",
    "tshark": "tshark",
}
OF_PHONE: dict[object, dict[str, str]] = {
    Linphone: {"linphonec": "linphone-cli", "stdbuf": "coreutils"},
    Baresip: {"baresip": "baresip-core"},
    Pjsua: {},
    Chromium: {"chromium": "chromium"},
}

# Everybody's tone in Hz: inside the telephone band, none a harmonic of another.
TONES = {
    "linda": 500,
    "leo": 620,
    "barry": 770,
    "bella": 950,
    "petra": 1180,
    "pavol": 1460,
    "wanda": 1730,
    "music": 2250,
}

AnyPhone = TypeVar("AnyPhone", bound=Phone)


class Stage:
    """Where the phones of one test enter, and from which they are taken when it is over."""

    def __init__(self, lan: Lan, proxy: Proxy, voices: Callable[[str], Voice], folder: Path) -> None:
        self._lan = lan
        self._proxy = proxy
        self._voices = voices
        self._folder = folder
        self._phones: list[Phone] = []

    def enter(
        self, kind: Callable[..., AnyPhone], name: str, user: str = "", host: Host | None = None, password: str = "",
        **options: bool | str,
    ) -> AnyPhone:  # fmt: skip
        """Start the phone of `name` and wait until it is registered.

        It is registered as `user` if that is somebody else, and stands on another `host` than its own if one is given.
        """
        need(OF_PHONE[kind])
        if kind is Pjsua and not importlib.util.find_spec("pjsua2"):
            unavailable("the Python package pjsua2-python is missing")
        if kind is Chromium and not importlib.util.find_spec("playwright"):
            unavailable("the Python package playwright is missing")
        folder = self._folder / f"{len(self._phones) + 1}-{name}"
        folder.mkdir()
        people = tuple(TONES)
        host = host or self._lan.host(name)
        desk = Desk(
            user or name, self._voices(name), people, host, self._proxy.address, folder, password, self._proxy.ca
        )
        phone = kind(desk, **options)
        self._phones.append(phone)
        phone.wait_registered()
        return phone

    def clear(self) -> None:
        """Switch all phones off."""
        for phone in self._phones:
            phone.stop()


def need(programs: Mapping[str, str]) -> None:
    """Skip the test if one of these programs is not here."""
    missing = [package for program, package in programs.items() if not shutil.which(program)]
    if missing:
        unavailable(f"Debian packages are missing: {' '.join(missing)}")


def unavailable(why: str) -> NoReturn:
    """Skip the test; but a machine that is there to run the tests must run them."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
