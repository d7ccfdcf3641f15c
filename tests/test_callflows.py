"""The flows of RFC 3665 and RFC 5359 through a running proxy, each phone of which is a SIPp: a second opinion.

The flows are in tests/sipp/rfc3665 and tests/sipp/rfc5359, one a file; docs/callflows.md lists them.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.callflows.flow import Flow
from tests.callflows.parts import CALL, Phone, Writer
from tests.load import SCENARIOS, Sipp
from tests.running import HERE, running
from tests.waiting import eventually

FLOWS = {f"{file.parent.name}-{file.stem}": file for file in sorted(SCENARIOS.glob("rfc*/*.toml"))}
SECTIONS = {
    "rfc3665": [f"2.{number}" for number in range(1, 6)] + [f"3.{number}" for number in range(1, 12)],
    "rfc5359": [f"2.{number}" for number in range(1, 19)],
}
FILES = [pytest.param(file, id=name) for name, file in FLOWS.items()]


class Stage:
    """Proxies and phones for one flow. folder: where they leave their files. stack: what ends them. more: options."""

    def __init__(self, flow: Flow, folder: Path, stack: ExitStack, *more: str) -> None:
        self._flow = flow
        self._folder = folder
        options = [*more, *(["--open"] if flow.proxies > 1 else [])]
        if flow.settings:
            settings = folder / "settings.toml"
            settings.write_text(flow.settings, encoding="utf-8")
            options += ["--config", str(settings)]
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._sipps: dict[str, Sipp] = {}
        phones: dict[str, Phone] = {}
        proxies = []
        for number in range(flow.proxies):
            (folder / f"proxy{number}").mkdir()
            proxies.append(stack.enter_context(running(folder / f"proxy{number}", *options)))
        for name, special in flow.phones.items():
            home = proxies[special.get("proxy", 1) - 1]
            self._sipps[name] = sipp = Sipp(home, folder, name)
            stack.callback(sipp.close)
            host, port = home.address
            identity = special.get("same_as", name)
            phones[name] = Phone(
                name, special.get("user", identity), identity, f"{host}:{sipp.port}", f"{host}:{port}",
                special.get("registered", True), special.get("q"),
            )  # fmt: skip
        self._writer = Writer(flow, phones, folder)
        for name, scenario in self._writer.scenarios.items():
            (folder / f"{name}.xml").write_text(scenario.xml, encoding="utf-8")

    def play(self) -> None:
        """Every phone must get to the end of its part."""
        names = list(self._flow.phones)
        takers = [name for name in names if not self._flow.begins(name)]
        for name in takers:
            self._start(name)
        for name in takers:
            self._wait(self._writer.arrived(name).exists, f"{name} to be registered")
        for name in names:
            if self._flow.begins(name):
                cue = self._flow.waits_for(name)
                if cue is not None:
                    self._wait(self._writer.arrived(cue.number).exists, f"{cue}")
                self._start(name)
        self._wait(lambda: all(part.poll() == 0 for part in self._running.values()), "all to end")

    def _start(self, name: str) -> None:
        self._running[name] = self._sipps[name].start(self._folder / name, "-cid_str", CALL, calls=1)

    def _wait(self, look: Callable[[], bool], what: str) -> None:
        eventually(lambda: look() or self._failed(), lambda: f"{what}: {self._complaints()}")
        assert not self._failed(), self._complaints()

    def _failed(self) -> bool:
        return any(part.poll() not in (None, 0) for part in self._running.values())

    def _complaints(self) -> str:
        files = sorted(self._folder.glob("*.err"))
        return "\n".join(f"{file.name}: {file.read_text(encoding='utf-8', errors='replace')}" for file in files)


@pytest.mark.sipp
@pytest.mark.parametrize("file", FILES)
def test_a_flow(file: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        Stage(Flow.read(file), tmp_path, stack).play()


@pytest.mark.sipp
def test_a_phone_notices_when_something_is_not_as_the_ladder_has_it(tmp_path: Path) -> None:
    file = tmp_path / "flow.toml"
    right = FLOWS["rfc5359-2.07-forwarding-unconditional"].read_text(encoding="utf-8")
    file.write_text(right.replace("reason=unconditional", "reason=user-busy"), encoding="utf-8")
    with ExitStack() as stack, pytest.raises(AssertionError, match=r"(?s)^carol.*Failed regexp match.*user-busy"):
        Stage(Flow.read(file), tmp_path, stack).play()


@pytest.mark.parametrize("file", FILES)
def test_the_messages_of_a_flow_have_one_order_only(file: Path) -> None:
    assert Flow.read(file).races() == []


def test_the_page_lists_every_flow_of_the_rfcs_and_every_file() -> None:
    page = (HERE.parent / "docs" / "callflows.md").read_text(encoding="utf-8")
    listed: dict[str, list[str]] = {rfc: [] for rfc in SECTIONS}
    files = {}
    for rfc, table in zip(SECTIONS, page.split("\n## ")[1:], strict=True):
        for section, flow, file, note in re.findall(
            r"^\| ([\d.]+) \| (.*?) \| (.*?) \| (.*?) ?\|$", table, re.MULTILINE
        ):
            listed[rfc].append(section)
            if file == "–":
                assert note, f"{section} is not played, and nobody says why"
            else:
                name = file.strip("`")
                assert section == re.sub(r"\.0?(\d+)-.*", r".\1", name)
                files[f"{rfc}-{name}"] = flow
    assert {rfc: list(dict.fromkeys(sections)) for rfc, sections in listed.items()} == SECTIONS
    assert files == {name: Flow.read(file).name for name, file in FLOWS.items()}
