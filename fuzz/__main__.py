"""`python -m fuzz`: each target for a while, one after the other; `python -m fuzz engine --seconds 3600`: one."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz import TARGETS

GROWN = Path(".fuzz")
"""New inputs, from which the next run goes on, and those that broke something; not kept in the repository."""


def main() -> int:
    """Run what the command line names. Returns how many targets broke."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Coverage-guided fuzzing of the package.")
    parser.add_argument("targets", nargs="*", metavar="target", help=f"of {', '.join(TARGETS)}; all, if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--runs", type=int, help="so many inputs instead, always the same ones")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    GROWN.mkdir(exist_ok=True)
    broken = 0
    for target in given.targets or TARGETS:
        print(f"== {target}", flush=True)
        if given.runs is None:
            (folder := GROWN / target).mkdir(exist_ok=True)
            broken += not fuzz(target, str(folder), f"-max_total_time={given.seconds}")
        else:
            with TemporaryDirectory() as nothing:  # so what was found before makes no difference
                broken += not fuzz(target, nothing, f"-runs={given.runs}", "-seed=1")
    return broken


def fuzz(target: str, folder: str, *options: str) -> bool:
    """One target, in a process of its own. Returns whether it held."""
    return subprocess.run([sys.executable, "-m", "fuzz.run", target, folder, *options], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
