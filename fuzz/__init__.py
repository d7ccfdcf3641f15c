"""Fuzzing: whatever strangers send, the answer is an answer or a `SipError`, in bounded time and memory.

Each target is a module with one function, `check`; the first line of the module says what holds for any bytes. They
need no fuzzer, so the normal tests replay the corpus (tests/test_fuzz.py). `python -m fuzz` lets atheris look for new
inputs, guided by which lines of the package they reach.
"""

from __future__ import annotations

TARGETS = ("values", "message", "framing", "engine", "telling")
"""Fast ones first."""
