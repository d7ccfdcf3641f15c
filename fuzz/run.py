"""One target under atheris, in a process of its own: `python -m fuzz.run TARGET FOLDER OPTION…`; options: libFuzzer's.

New inputs go to the folder. It ends with 0 when nothing was found; else the input that broke something is in `.fuzz/`,
and its story on stderr.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import atheris

HERE = Path(__file__).parent

LONGEST_INPUT = 4096
"""Bytes: room for a handful of messages. What length alone does is measured by tests/test_growth.py."""

MOST_SECONDS = 10
"""That one input may take: real ones take milliseconds, but a slow machine may be busy, too."""

MOST_MEGABYTES = 1024
"""Of memory for the whole process; without a leak it stays far below, however long it runs."""


def main(target: str, folder: str, *options: str) -> None:
    """Fuzz one target. Does not return: libFuzzer ends the process."""
    with atheris.instrument_imports(include=["sipfullproxy"]):
        check = import_module(f"fuzz.{target}").check
    own = [
        f"-dict={HERE / 'sip.dict'}", f"-max_len={LONGEST_INPUT}", f"-timeout={MOST_SECONDS}",
        f"-rss_limit_mb={MOST_MEGABYTES}", f"-artifact_prefix=.fuzz/{target}-", "-verbosity=0", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *own, *options, folder, str(HERE / "corpus" / target)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
