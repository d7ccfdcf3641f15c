"""Many cases in one test: what differs in nothing but its words need not be counted, set up and reported one by one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Case = TypeVar("Case")


def each(
    cases: Iterable[Case], name: Callable[[Case], object] = repr
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call a test with each case as its first argument; the others are fixtures, the same for all cases.

    name: what a case is called in the note that a failure gets. Raises what the first case that fails raises.
    """
    rows = list(cases)

    def gather(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def gathered(**fixtures: Any) -> None:
            for case in rows:
                try:
                    test(case, **fixtures)
                except Exception as error:
                    error.add_note(f"It was the case {name(case)}")
                    raise

        signature = inspect.signature(test)
        _, *others = signature.parameters.values()
        gathered.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        del gathered.__wrapped__
        return gathered

    return gather
