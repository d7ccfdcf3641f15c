"""Strangers' text made safe for a line of a log, a terminal or a page of text."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 128
"""Characters of one field that are shown: a `user@domain` of real people is far shorter."""


def safe(text: str, longest: int = LONGEST) -> str:
    r"""`text` with nothing left in it that could move a cursor, break a line or turn its order around.

    What is not printable (controls and ANSI escapes, line and paragraph separators, bidi overrides and other
    invisible characters, lone surrogates) is shown as Python writes it, `\x1b` or `\u202e`; a backslash is doubled,
    so that nobody can fake such an escape. Cut to `longest` characters before that, marked with `…`.
    """
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode("ascii") for char in text
    )
