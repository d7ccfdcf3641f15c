"""Other programs, seen from outside: what they cost in CPU and memory, which core they have, how much of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 5.0
"""Seconds that a program has to end after SIGTERM; then it is killed."""

# A niceness: others who want our cores for a moment get them late, and no datagram is lost for it.
PRIORITY = -15

# How long a program runs and stands within one turn when its core is rationed (seconds): shorter than any SIP timer.
TURN = 0.02


def allowed() -> set[int]:
    """The cores that we may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))  # PyPy does not say more


def _ours(cpus: set[int]) -> tuple[set[int], set[int]]:
    last = max(cpus)
    return {last}, cpus - {last} or {last}


PROXY_CPU, LOAD_CPUS = _ours(allowed())
"""The core of what is measured, and those of whatever makes the load (the same one on a machine with one core)."""


def prefer() -> bool:
    """Have us, and whatever we start, preferred to the other programs of this machine. Returns whether we may."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    except PermissionError:
        return False
    return True


def start(
    command: Sequence[str], cpus: set[int], folder: Path, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Run a program on some cores only, in a folder of its own; what it says is kept there in `output`."""
    cores = ",".join(map(str, sorted(cpus)))
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(
            ["taskset", "-c", cores, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            env={**os.environ, **(env or {})},
        )  # fmt: skip


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program that `start` has begun, and all that it has begun itself."""
    pids = tree(process.pid)
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in pids[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def tree(root: int) -> list[int]:
    """The process and its living descendants, itself first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    pids = [root]
    for pid in pids:
        pids += children.get(pid, [])
    return pids


def cpu(root: int) -> float:
    """Seconds of CPU, user and system, that a process, its descendants and its finished children have had so far."""
    total = 0.0
    for pid in tree(root):
        with suppress(OSError):
            # The clock of the process (clock_getcpuclockid(3)) counts nanoseconds where /proc counts hundredths.
            total += time.clock_gettime(~pid << 3 | 2)
            finished = _stat(pid)[13:15]
            total += sum(map(int, finished)) / TICKS
    return total


def memory(root: int) -> int:
    """Bytes of memory of a process and its descendants; what they share is counted once (PSS of Linux)."""
    total = 0
    for pid in tree(root):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may hold anything: state, parent …"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def rationed(root: int, share: float) -> Iterator[str]:
    """While inside, a process and its descendants get `share` (0 to 1) of one core. Yields by which means."""
    group = _control_group(share)
    if group is not None:
        try:
            for pid in tree(root):
                (group / "cgroup.procs").write_text(str(pid))
            yield "control group"
        finally:
            for pid in tree(root):
                (group.parent / "cgroup.procs").write_text(str(pid))
            group.rmdir()
        return
    over = threading.Event()
    turns = threading.Thread(target=_turns, args=(root, share, over), daemon=True)
    turns.start()
    try:
        yield "SIGSTOP and SIGCONT"
    finally:
        over.set()
        turns.join()


def _control_group(share: float) -> Path | None:
    """A new control group with that share of a core; None where we may not make one. Priorities count within a group
    only, so it has the largest weight that there is: what others do on that core must not make the share smaller."""
    period = round(TURN * 1e6)
    quota = round(period * share)
    for root, setting in (
        (
            Path("/sys/fs/cgroup/cpu"),
            {"cpu.cfs_period_us": str(period), "cpu.cfs_quota_us": str(quota), "cpu.shares": "262144"},
        ),
        (Path("/sys/fs/cgroup"), {"cpu.max": f"{quota} {period}", "cpu.weight": "10000"}),
    ):
        group = root / f"sip-bench-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            for name, value in setting.items():
                (group / name).write_text(value)
            return group
        except OSError:
            group.rmdir()
    return None


def _turns(root: int, share: float, over: threading.Event) -> None:
    pids = tree(root)

    def tell(number: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    while not over.wait(TURN * share):
        tell(signal.SIGSTOP)
        over.wait(TURN * (1 - share))
        tell(signal.SIGCONT)


def missing(*programs: str) -> list[str]:
    """Those of the programs that are not installed."""
    return [program for program in programs if shutil.which(program) is None]
