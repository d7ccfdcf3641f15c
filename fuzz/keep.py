"""Choose what is worth keeping: `python -m fuzz.keep engine FOLDER…` makes the corpus of a target anew, and small.

Of all inputs in the corpus and in the folders, shortest first, those stay that go a way through the package that none
before them went.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = str(Path(__file__).parent.parent / "sipfullproxy")
CORPUS = Path(__file__).parent / "corpus"

Step = tuple[str, int, int]
"""A file, and two of its lines, one run behind the other."""


def main(target: str, *folders: str) -> None:
    """Make the corpus of one target anew."""
    check = import_module(f"fuzz.{target}").check
    corpus = CORPUS / target
    corpus.mkdir(parents=True, exist_ok=True)
    known = {file.read_bytes() for folder in (corpus, *map(Path, folders)) for file in folder.iterdir()}
    for file in corpus.iterdir():
        file.unlink()
    gone: set[Step] = set()
    for data in sorted(known, key=lambda data: (len(data), data)):
        if new := way_of(check, data) - gone:
            gone |= new
            (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
    kept = list(corpus.iterdir())
    print(f"{target}: {len(kept)} of {len(known)} inputs, {sum(file.stat().st_size for file in kept)} bytes")


def way_of(check: Callable[[bytes], None], data: bytes) -> set[Step]:
    """The steps that are made through the package for one input."""
    steps: set[Step] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(PACKAGE):
            return None
        last = 0

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            if event == "line":
                steps.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return step

        return step

    sys.settrace(enter)
    try:
        check(data)
    finally:
        sys.settrace(None)
    return steps


if __name__ == "__main__":
    main(*sys.argv[1:])
