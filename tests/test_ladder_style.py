"""The colours of the drawn ladder, and its two style sheets."""

from __future__ import annotations

import re

import pytest

from sipfullproxy.ladder.style import DARK, FILE_STYLE, LIGHT, STYLE


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[position : position + 2], 16) / 255 for position in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read(colours: dict[str, str]) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11: 4.5 for text, 3 for signs."""
    kinds = ("request", "end", "ack", "provisional", "success", "failure")
    calls = tuple(name for name in colours if name.startswith("call-"))
    for ground in ("paper", "band", "chosen", "cause"):
        for name in ("ink", "soft", *kinds):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in calls:
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    assert contrast(colours["soft"], colours["head"]) >= 4.5
    assert contrast(colours["on-hub"], colours["hub"]) >= 4.5
    assert contrast(colours["accent"], colours["paper"]) >= 3


def test_both_sets_name_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_a_file_has_plain_colours_and_a_page_has_properties() -> None:
    """Word processors, which take drawings into reports, know no custom properties."""
    assert "var(" not in FILE_STYLE and "@ink" not in FILE_STYLE + STYLE
    assert set(re.findall(r"var\(--ladder-([a-z0-9-]+)\)", STYLE)) == LIGHT.keys()
    assert "prefers-color-scheme:dark" in FILE_STYLE and "light-dark(" in STYLE
