"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes is the business of `pytest -m soak`; a busy machine makes no test fail.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
