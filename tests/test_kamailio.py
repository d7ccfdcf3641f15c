"""A second opinion: Kamailio and we get the same inputs, and every difference is explained in a table.

A difference that the table does not explain fails, and so does an explanation of what does not happen any more.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.kamailio.comparison import Comparison, comparison
from tests.kamailio.inputs import TORTURE, inputs
from tests.kamailio.outcome import Difference, Ear
from tests.kamailio.table import EVERYWHERE, fits, run, table

DOCS = Path(__file__).parent.parent / "docs"

HERE = [*inputs()]
"""The inputs that are here."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    """Kamailio and we, running."""
    with comparison(tmp_path_factory.mktemp("kamailio")) as running:
        yield running


@pytest.mark.kamailio
@pytest.mark.parametrize("name", HERE)
def test_every_difference_is_explained(both: Comparison, name: str) -> None:
    rows = table()
    unexplained = [found.text for found in both.differences(name) if not any(row.explains(found) for row in rows)]
    assert unexplained == [], (
        "what Kamailio does / what we do: mend us, or add a row to tests/kamailio/differences.toml"
    )


@pytest.mark.kamailio
def test_everything_explained_still_happens(both: Comparison) -> None:
    """Each pattern of each row is met; those of torture messages only where these are."""
    everything = both.everything()
    gone = [
        f"{row.title}: {pattern}"
        for row in table()
        for pattern, others in [*((one, row.seen) for one in row.inputs), *((one, row.inputs) for one in row.seen)]
        if may_happen(pattern, row.inputs) and not any(shown(found, pattern, others) for found in everything)
    ]
    assert gone == []


def may_happen(pattern: str, scenes: tuple[str, ...]) -> bool:
    """Whether there is an input here that could show it."""
    wanted = (pattern,) if pattern in scenes else scenes
    return TORTURE.is_dir() or not any(scene.startswith("torture/") for scene in wanted)


def shown(found: Difference, pattern: str, others: tuple[str, ...]) -> bool:
    """Whether a difference fits one pattern of a row and some pattern of the row's other list."""
    scene, text = found.scene, found.text
    return (fits(scene, [pattern]) and fits(text, others)) or (fits(text, [pattern]) and fits(scene, others))


@pytest.mark.kamailio
@pytest.mark.skipif(not TORTURE.is_dir(), reason=f"the torture messages are not here: {TORTURE}")
def test_the_page_counts_right(both: Comparison) -> None:
    general = [row for row in table() if row.group == EVERYWHERE]
    apart = {found.scene for found in both.everything() if not any(row.explains(found) for row in general)}
    assert run() == {"inputs": len(HERE), "alike": len(HERE) - len(apart)}


# -- the page and the table, without Kamailio --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def maker() -> Any:
    """docs/make_kamailio.py."""
    return SimpleNamespace(**runpy.run_path(str(DOCS / "make_kamailio.py")))


def test_the_page_is_what_the_table_says(maker: Any) -> None:
    assert maker.page() == maker.PAGE.read_text("utf-8"), "run `python docs/make_kamailio.py`"


def test_a_row_says_who_is_right(maker: Any) -> None:
    assert {row["right"] for row in maker.rows()} <= maker.RIGHT.keys()


def test_a_row_names_inputs_that_there_are() -> None:
    patterns = {pattern for row in table() for pattern in row.inputs}
    unknown = [
        one for one in patterns if not one.startswith("torture/") and not any(fits(name, [one]) for name in HERE)
    ]
    assert unknown == []


# -- what counts as the same -------------------------------------------------------------------------------------------


def heard(*lines: str, said: str = "") -> dict[str, str]:
    """The aspects of a MESSAGE with these header lines, after phones have said something."""
    ear = Ear()
    ear.say(said.encode())
    return ear.hear("\r\n".join(["MESSAGE sip:bob@10.0.0.11 SIP/2.0", *lines, "", ""]).encode()).aspects


def test_what_a_proxy_makes_up_is_all_the_same() -> None:
    one = heard("Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1", "To: <sip:x>;tag=1")
    assert one == heard("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK2", "To: <sip:x>;tag=2")
    assert one != heard("Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1", "To: <sip:x>;tag=1", said="tag=1")


def test_what_a_phone_quotes_stays_made_up() -> None:
    ear = Ear()
    message = b"BYE sip:bob@10.0.0.11 SIP/2.0\r\nTo: <sip:x>;tag=1\r\n\r\n"
    first = ear.hear(message)
    ear.say(b"To: <sip:x>;tag=1")
    assert ear.hear(message) == first


@pytest.mark.parametrize(
    "line", ["X-Odd: b", "X-Odd:  a", "x-odd: a", "X-Odd: a ", "X-Odd:\r\n a", "X-Other: a", "X-Odd: a\r\nX-Odd: a"]
)
def test_every_byte_of_other_headers_counts(line: str) -> None:
    assert heard("X-Odd: a") != heard(line)


def test_the_order_of_other_headers_counts() -> None:
    assert heard("A: 1", "B: 2") != heard("B: 2", "A: 1")
    assert heard("A: 1", "Max-Forwards: 5") == heard("Max-Forwards: 5", "A: 1")
