"""Children of the test run: each in a session of its own, read by a thread, and never outliving us."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.waiting import eventually

# Time that a child gets to end by itself, in seconds, before it is killed.
PATIENCE = 3.0


class Child:
    """One running program: write to its stdin, search in what it has said so far on stdout and stderr together."""

    def __init__(
        self, command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        """Start `command`; what it says is kept here, and in the file `log` for whoever has to explain a failure."""
        # The kernel kills the child if the test run dies. It is setpriv that asks for it, in the child: Python's
        # own preexec_fn is not safe beside the reading threads.
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
        self._command = list(command)
        self._said = bytearray()
        self._log = log.open("ab") if log else None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """All that the program has said since it started."""
        return self._said.decode("utf-8", "replace")

    def write(self, line: str) -> None:
        """Type one line into the program's stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    def expect(self, pattern: str, since: int = 0) -> re.Match[str]:
        """Wait for `pattern` in the output, from the character `since` on."""
        compiled = re.compile(pattern)

        def look() -> re.Match[str] | None:
            ended = not self.running
            found = compiled.search(self.output, since)
            assert found or not ended, f"{self._command} has ended before it said {pattern!r}:\n{self.output[-4000:]}"
            return found

        return eventually(look, lambda: f"{pattern!r} from {self._command}; it said:\n{self.output[-4000:]}")

    def stop(self, first: signal.Signals = signal.SIGTERM, patience: float = PATIENCE) -> int:
        """End the program and all that it has started: `first` asks, SIGKILL does not. The return code.

        patience: seconds that it gets to end by itself. May be called again, to no effect.
        """
        if self.running:
            self._signal(first)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        if self.running or self._reader.is_alive():
            # It does not listen, or somebody of its family still holds the other end of the pipe.
            self._signal(signal.SIGKILL)
        code = self._process.wait()
        self._reader.join(PATIENCE)
        if self._process.stdin:
            self._process.stdin.close()
        if self._log:
            self._log.close()
        return code

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            while piece := pipe.read(65536):
                self._said += piece
                if self._log and not self._log.closed:
                    self._log.write(piece)
                    self._log.flush()
