"""Delete the rules of `mutants.toml` one at a time, in a copy of the project, and see that a test fails each time.

Run by `make mutate`: a few minutes. Ends with 1 when a deletion went unnoticed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
ROOMS = ("sipfullproxy/engine", "sipfullproxy/sip")

# What does not look at the engine's rules, or takes long; and the diagrams, which notice any change of a table.
LEFT_OUT = (
    "archive", "assignment", "attack", "bench", "book", "callflows*", "certificate", "changes", "cli", "commands",
    "conformance", "doors",
    "endings", "explained", "glossary", "greeting", "growth", "hostile", "ladder*", "lang", "layers", "mutants",
    "opening", "readme", "registrations", "related", "restart", "screen", "server", "settings", "sipp", "store",
    "stream", "tape", "text", "tls", "trouble", "udp", "users", "values", "web*",
)  # fmt: skip

PATIENCE = 300
"""Seconds for one run of the tests. A deletion that makes them hang has been noticed, too."""


class Mutant(NamedTuple):
    """One rule, the file where it stands, and the texts that delete it."""

    rule: str
    file: str
    old: str
    new: str


def mutants() -> list[Mutant]:
    """All of them. Raises ValueError for a text that does not stand exactly once in the engine."""
    sources = {
        str(file.relative_to(PROJECT)): file.read_text("utf-8")
        for room in ROOMS
        for file in PROJECT.glob(f"{room}/**/*.py")
    }
    found = []
    for entry in tomllib.loads((HERE / "mutants.toml").read_text("utf-8"))["mutant"]:
        places = [file for file, text in sources.items() for _ in range(text.count(entry["old"]))]
        if len(places) != 1:
            raise ValueError(f"{entry['old']!r} stands {len(places)} times in the engine: {places}")
        found.append(Mutant(entry["rule"], places[0], entry["old"], entry["new"]))
    return found


def passes(copy: Path, tests: Path) -> bool:
    """Whether these tests of the copy pass, a file or a folder."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "pure", "-k", "not diagram",
             *(f"--ignore-glob=*/test_{name}.py" for name in LEFT_OUT), str(tests)],
            cwd=copy, capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode in (0, 5)  # 5: none of them is pure


def is_noticed(copy: Path, mutant: Mutant) -> bool:
    """Whether the tests fail without that rule. Those of its own file are asked first: most rules are shown there."""
    file = copy / mutant.file
    whole = file.read_text("utf-8")
    file.write_text(whole.replace(mutant.old, mutant.new), "utf-8")
    own = copy / "tests" / f"test_{file.stem}.py"
    try:
        return (own.exists() and not passes(copy, own)) or not passes(copy, copy / "tests")
    finally:
        file.write_text(whole, "utf-8")


def main() -> int:
    """Try all, print a line for each, and return the exit code."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        ignored = shutil.ignore_patterns(".*", "phones", "browser", "logs")
        shutil.copytree(PROJECT, copy, ignore=ignored)
        if not passes(copy, copy / "tests"):
            print("the tests fail already, with nothing deleted")
            return 1
        unnoticed = 0
        for number, mutant in enumerate(mutants(), start=1):
            noticed = is_noticed(copy, mutant)
            unnoticed += not noticed
            print(f"{number:3} {'noticed  ' if noticed else 'UNNOTICED'} {mutant.rule}", flush=True)
    print(f"{unnoticed} deletions went unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
