"""The proxy under test as its user sees it: a program that is started with an address, and a journal in a text file."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

from tests.phones.lan import Host
from tests.phones.phone import Phone
from tests.phones.process import Child
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]

# Another program that understands the same command line may stand in for the proxy, to find out whose fault it is.
MAIN = Path(os.environ.get("PHONES_PROXY", ROOT / "main.py"))

# Seconds that the proxy gets to end: its page and each of its mailboxes may take five on a machine that is busy.
ENDING = 20.0


class Journal:
    """The text file in which the proxy writes down who called whom."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __str__(self) -> str:
        return self._file.read_text("utf-8") if self._file.exists() else ""

    def lines(self, words: str, *people: Phone | str) -> list[str]:
        """The lines so far that say `words` (see words.py) about these people, in this order."""
        users = [re.escape(one if isinstance(one, str) else one.user) for one in people]
        pattern = re.compile(r"\d\d:\d\d:\d\d:[A-Z]+:" + words.format(*users))
        return [line for line in str(self).splitlines() if pattern.match(line)]

    def expect(self, words: str, *people: Phone | str, times: int = 1) -> None:
        """Wait until the journal has said `words` about these people so many times, and see that it was not more."""
        eventually(
            lambda: len(self.lines(words, *people)) >= times, lambda: f"{words!r} × {times} in the journal:\n{self}"
        )
        lines = self.lines(words, *people)
        assert len(lines) == times, f"the journal repeats itself: {lines}"


class Proxy:
    """A running proxy; fresh and with an empty memory, until it is restarted."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host = host
        self._folder = folder
        self.address = host.address
        self.journal = Journal(folder / "journal.log")
        self.ca = folder / "state" / "ca.pem"
        # What outlives a restart would otherwise be kept in the home folder, and one test would meet another's phones.
        (folder / "proxy.toml").write_text(f'state = "{folder / "state"}"\n')
        self._program = self._start()

    def _start(self) -> Child:
        options = ["--journal", str(self._folder / "journal.log"), "--config", str(self._folder / "proxy.toml")]
        command = [sys.executable, str(MAIN), self.address, *options]
        program = self._host.start(command, ROOT, {"PYTHONUNBUFFERED": "1"}, self._folder / "proxy.screen")
        program.expect(re.escape(self.address))
        return program

    @property
    def output(self) -> str:
        """All that the proxy has printed."""
        return self._program.output

    def restart(self, settings: str = "") -> None:
        """Stop and start the proxy, as a student does who has just changed something in it.

        settings: lines that were added to the settings file.
        """
        self.stop()
        with (self._folder / "proxy.toml").open("a") as file:
            file.write(settings)
        self._program = self._start()

    def stop(self) -> None:
        """End the proxy as a service manager would, and see that it was well until then."""
        assert self._program.running, f"the proxy has died:\n{self.output}"
        code = self._program.stop(signal.SIGTERM, ENDING)
        assert code == 0, f"the proxy did not end well ({code}):\n{self.output}"
        assert "Traceback" not in self.output, f"the proxy has met a bug of its own:\n{self.output}"
