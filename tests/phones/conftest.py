"""The stage for the real phones: one LAN for all tests; for each test a fresh proxy, fresh phones, a fresh capture.

A phone is asked for by the name of its user, whose first letter says which program it is: **l**inda and **l**eo use
Linphone, **b**arry and **b**ella baresip, **p**etra and **p**avol pjsip, **w**anda a browser.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.phones.baresip import Baresip
from tests.phones.lan import Lan, LanError
from tests.phones.linphone import Linphone
from tests.phones.pjsua import Pjsua
from tests.phones.proxy import Proxy
from tests.phones.stage import COMMON, TONES, Stage, need, unavailable
from tests.phones.tone import Voice
from tests.phones.wire import Wire, malformed


@pytest.fixture(scope="session")
def lan() -> Iterator[Lan]:
    """The laboratory LAN, with the proxy's host on it."""
    if not Path("/proc/self/ns/net").exists():
        unavailable("network namespaces are a thing of Linux")
    if os.geteuid() != 0:
        unavailable("only root can make network namespaces")
    need(COMMON)
    try:
        lan = Lan()
    except LanError as error:
        unavailable(f"network namespaces cannot be made here: {error}")
    yield lan
    lan.remove()


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Voice]:
    """Everybody's voice by the name, made when it is first needed."""
    folder = tmp_path_factory.mktemp("voices")
    made: dict[str, Voice] = {}

    def voice(user: str) -> Voice:
        if user not in made:
            made[user] = Voice.make(folder / f"{user}.wav", TONES[user])
        return made[user]

    return voice


@pytest.fixture
def wire(lan: Lan, tmp_path: Path) -> Iterator[Wire]:
    """What passes the switch during the test. In the end Wireshark must be able to read all of it."""
    wire = Wire(lan.switch)
    yield wire
    wire.close()
    capture = tmp_path / "wire.pcap"
    wire.save(capture)
    assert malformed(capture) == []


@pytest.fixture
def proxy(lan: Lan, wire: Wire, tmp_path: Path) -> Iterator[Proxy]:
    """The proxy under test."""
    proxy = Proxy(lan.proxy, tmp_path)
    yield proxy
    proxy.stop()
    # It is a full proxy: nothing goes from phone to phone directly, not even what they could send so.
    assert [message.arrow() for message in wire.messages() if not message.touches(proxy.address)] == []


@pytest.fixture
def stage(lan: Lan, proxy: Proxy, voices: Callable[[str], Voice], tmp_path: Path) -> Iterator[Stage]:
    """For tests that want their phones in a special way; the others just name whom they need."""
    stage = Stage(lan, proxy, voices, tmp_path)
    yield stage
    stage.clear()


@pytest.fixture
def linda(stage: Stage) -> Linphone:
    """Linda with Linphone."""
    return stage.enter(Linphone, "linda")


@pytest.fixture
def leo(stage: Stage) -> Linphone:
    """Leo with Linphone."""
    return stage.enter(Linphone, "leo")


@pytest.fixture
def barry(stage: Stage) -> Baresip:
    """Barry with baresip."""
    return stage.enter(Baresip, "barry")


@pytest.fixture
def bella(stage: Stage) -> Baresip:
    """Bella with baresip."""
    return stage.enter(Baresip, "bella")


@pytest.fixture
def petra(stage: Stage) -> Pjsua:
    """Petra with pjsip."""
    return stage.enter(Pjsua, "petra")


@pytest.fixture
def pavol(stage: Stage) -> Pjsua:
    """Pavol with pjsip."""
    return stage.enter(Pjsua, "pavol")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the story of a failed call into its report: the messages on the wire, the journal, where the capture is."""
    report = yield
    given: dict[str, object] = getattr(item, "funcargs", {})
    wire, proxy = given.get("wire"), given.get("proxy")
    if report.failed and isinstance(wire, Wire):
        report.sections.append(("SIP on the wire", wire.ladder()))
    if report.failed and isinstance(proxy, Proxy):
        report.sections.append(("journal", str(proxy.journal)))
        report.sections.append(("proxy", proxy.output[-4000:]))
        report.sections.append(("capture, logs and recordings", str(given.get("tmp_path"))))
    return report
