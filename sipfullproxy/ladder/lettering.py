"""How wide a text will be, about: a picture that is drawn without a screen has no font to ask."""

from __future__ import annotations

from typing import Final
from unicodedata import combining, east_asian_width

# Em widths of the usual sans-serif fonts (Arial, Segoe UI, Roboto are within a tenth of these).
_NARROW: Final = frozenset("iljftrI.,:;!|'()[]{}/\\·- ")
_WIDE: Final = frozenset("mwMW@%—→…")
NARROW_EM: Final = 0.32
WIDE_EM: Final = 0.9
UPPER_EM: Final = 0.7
USUAL_EM: Final = 0.56
FULL_EM: Final = 1.0


def width(text: str, size: float) -> float:
    """Pixels that a text takes, rather too many than too few. size: of the font, in pixels."""
    return size * sum(map(_em, text))


def fit(text: str, room: float, size: float) -> str:
    """The text, or its beginning with an ellipsis, so that it takes at most `room` pixels; at least the ellipsis."""
    if width(text, size) <= room:
        return text
    left = room / size - WIDE_EM
    for position, char in enumerate(text):
        left -= _em(char)
        if left < 0:
            return text[:position].rstrip() + "…"
    return text


def _em(char: str) -> float:
    if char in _NARROW:
        return NARROW_EM
    if char in _WIDE:
        return WIDE_EM
    if char.isascii():
        return UPPER_EM if char.isupper() else USUAL_EM
    if combining(char):
        return 0.0
    if east_asian_width(char) in "WF":
        return FULL_EM
    return UPPER_EM if char.isupper() or not char.isalpha() else USUAL_EM
