"""The ladder as a Mermaid diagram. That Mermaid 11 draws it was seen by eye; here stands what its grammar asks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.ladder.mermaid import LONGEST, mermaid, quoted
from sipfullproxy.ladder.model import ladder
from tests.ladders import ALL, declined, lossy, transfer

PARTICIPANT = re.compile(r"    participant L\d+ as [^;#:<>]*(?:(?:#\d+;|<br/>)[^;#:<>]*)*")
MESSAGE = re.compile(r"    L\d+(?:->>|-->>|--x)L\d+: [^;#:<>]*(?:(?:#\d+;|<br/>)[^;#:<>]*)*")
NOTE = re.compile(r"    Note over L0(?:,L\d+)?: [^;#:<>]*(?:#\d+;[^;#:<>]*)*")


@pytest.mark.parametrize("name", ALL)
def test_every_line_is_one_of_three(name: str) -> None:
    made = ladder(ALL[name]())
    first, *lines = mermaid(made).splitlines()
    assert first == "sequenceDiagram"
    assert sum(1 for line in lines if PARTICIPANT.fullmatch(line)) == len(made.lanes)
    assert sum(1 for line in lines if MESSAGE.fullmatch(line)) == len(made.steps)
    rest = [line for line in lines if not PARTICIPANT.fullmatch(line) and not MESSAGE.fullmatch(line)]
    assert all(NOTE.fullmatch(line) for line in rest)


def test_a_declined_call() -> None:
    assert mermaid(ladder(declined(), lang="en"), "en").splitlines() == [
        "sequenceDiagram",
        "    participant L1 as alica<br/>10.0.0.10#58;5060 UDP",
        "    participant L0 as Proxy<br/>10.0.0.1#58;5060",
        "    participant L2 as boris<br/>10.0.0.11#58;5060 UDP",
        "    L1->>L0: INVITE with video<br/>boris · audio #43; video",
        "    L0-->>L1: 100 Pokúšam sa spojiť",
        "    L0->>L2: INVITE with video<br/>boris · audio #43; video",
        "    Note over L0,L2: rings",
        "    L2-->>L0: 180 Ringing",
        "    L0-->>L1: 180 Zvoní",
        "    Note over L0: 2.5 s",
        "    L2--xL0: 603 Decline",
        "    L0->>L2: ACK",
        "    Note over L0,L1: ended",
        "    L0--xL1: 603 Zamietnuté",
        "    L1->>L0: ACK",
    ]


def test_repetitions_and_timers() -> None:
    assert "    L0->>L2: INVITE ×3<br/>časovač A, 1 s" in mermaid(ladder(lossy())).splitlines()


def test_lanes_are_in_their_places() -> None:
    lines = mermaid(ladder(transfer())).splitlines()
    assert [line.partition(" as ")[2].partition("<")[0] for line in lines[1:5]] == ["alica", "Proxy", "boris", "cyril"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a;b#c:d", "a#59;b#35;c#58;d"), ("<script>", "#60;script#62;"), ("end", "#101;nd"),
        ("The End.", "The #69;nd."),
        ("bending", "bending"), ("%%{init}%%", "#37;#37;#123;init#125;#37;#37;"), ("čaj", "čaj"), ("a\nb", "a#10;b"),
        ("x" * 100, "x" * (LONGEST - 1) + "…"),
    ],
)  # fmt: skip
def test_signs_of_the_grammar_become_entities(text: str, said: str) -> None:
    assert quoted(text) == said


@given(st.text(max_size=LONGEST))
def test_entities_lead_back_to_the_text(text: str) -> None:
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), quoted(text)) == text
