"""The list of rules that `make mutate` deletes must not rot."""

from __future__ import annotations

from tests.mutate import mutants


def test_every_rule_of_the_list_still_stands_in_the_engine_once() -> None:
    assert len({mutant.old for mutant in mutants()}) >= 40
