r"""The pieces of RFC 3261 §25.1 that the other files build their patterns from.

Each pattern stands under the ABNF that it implements. Where a pattern is more lenient than the ABNF, it says why.
Their repetitions are possessive (`*+`): they never try again with less, so none can be made to backtrack; and what a
stranger may repeat is counted. So 64 kB of anything are read in milliseconds (tests/test_growth.py). They are so of
single characters only, and "one or more" is one and then any number (`some`): to PyPy 7.3.19, which is Debian 13's,
none is enough for `++`, and a group with `*+` never fits (tests/test_patterns.py).
"""

from __future__ import annotations

import re
from itertools import product


def some(one: bytes) -> bytes:
    """The pattern of one or more of a set of characters, which never tries again with less."""
    return one + one + b"*+"


# token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
TOKEN = some(rb"[A-Za-z0-9\-.!%*_+`'~]")

# quoted-string = SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE
# Lenient: any byte but a quote or a backslash is qdtext, for phones that send Latin-1 names.
QUOTED = rb'"[^"\\]*+(?:\\.[^"\\]*+)*"'

# host = hostname / IPv4address / IPv6reference
# Lenient: an underscore in a host name, which Windows machines have.
HOST = rb"(?:[A-Za-z0-9_][A-Za-z0-9_\-.]*+|\[" + some(rb"[0-9A-Fa-f:.]") + rb"\])"

# HCOLON, SEMI, EQUAL … allow SWS around them. Folds are undone before a pattern sees a value.
WS = rb"[ \t]*+"

# generic-param = token [ EQUAL gen-value ];  gen-value = token / host / quoted-string
# Lenient: a value is anything up to the next separator ("reason=reason=noresource", Linphone).
PARAM = re.compile(rb";" + WS + rb"(" + TOKEN + rb")" + WS + rb"(?:=" + WS + rb"(" + QUOTED + rb'|[^;,"\s]*+))?' + WS)

# What stands between two commas; a quote or bracket that is opened and never closed takes the rest along.
_LIST_ITEM = re.compile(rb"(?:" + some(rb'[^,"<]') + rb"|" + QUOTED + rb'|<[^>]*+>|["<].*+)+', re.DOTALL)

IS_TOKEN = re.compile(TOKEN).fullmatch

# `number in data` takes a sixth of the time that `b"x" in data` takes, and most values hold none of these.
TAB, CR, SPACE, QUOTE, PERCENT, COMMA, COLON, SEMICOLON, LAQUOT = b'\t\r "%,:;<'

PARAMETER_LIMIT = 64
"""Parameters of one header value or URI that are read; Linphone sends about twenty in a Contact."""


def unfold(value: bytes) -> bytes:
    """Join the lines of a folded header value by single spaces (RFC 3261 §7.3.1)."""
    if CR not in value:
        return value
    return b" ".join(part.strip(b" \t") for part in value.split(b"\r\n")).strip()


def split_list(value: bytes) -> list[bytes]:
    """Split a comma-separated header value, leaving commas within quotes and angle brackets alone (RFC 3261 §7.3.1).

    Returns the items without surrounding white space, empty ones left out; but never nothing at all: of an empty value
    b"". An unterminated quote or bracket stays with what follows it.
    """
    if COMMA not in value:
        return [value]
    items = _LIST_ITEM.findall(value) if QUOTE in value or LAQUOT in value else value.split(b",")
    return [item for item in map(bytes.strip, items) if item] or [b""]


def parameters(text: bytes) -> dict[bytes, bytes | None] | None:
    """Read `;name=value;flag…` (RFC 3261 §25.1 generic-param).

    Returns values by lower-case name (the first of each name counts), None for a name alone; or None when the text is
    no parameter list or has more than `PARAMETER_LIMIT` parameters.
    """
    found: dict[bytes, bytes | None] = {}
    position = count = 0
    while position < len(text):
        match = PARAM.match(text, position)
        if match is None or count == PARAMETER_LIMIT:
            return None
        name, value = match.groups()
        found.setdefault(name.lower(), value)
        position = match.end()
        count += 1
    return found


def unquote(value: bytes) -> bytes:
    """Undo a quoted-string; anything else stays as it is."""
    if len(value) >= 2 and value[:1] == b'"' == value[-1:]:
        return re.sub(rb"\\(.)", rb"\1", value[1:-1], flags=re.DOTALL)
    return value


def unescape(text: bytes) -> bytes:
    """Undo %-escapes once (RFC 3261 §19.1.2). A `%` without two hexadecimal digits stays as it is."""
    if PERCENT not in text:
        return text
    head, *rest = text.split(b"%")
    return head + b"".join([_escaped(part) for part in rest])


def whole_number(text: bytes, limit: int) -> int | None:
    """Read 1*DIGIT that is at most `limit`; None where it is not (so that `int` never sees a megabyte of digits)."""
    if not text.isdigit() or len(text) > 20:
        return None
    number = int(text)
    return number if number <= limit else None


_HEX = b"0123456789ABCDEFabcdef"
_BYTE_OF = {bytes(pair): bytes.fromhex(bytes(pair).decode()) for pair in product(_HEX, repeat=2)}


def _escaped(part: bytes) -> bytes:
    byte = _BYTE_OF.get(part[:2])
    return b"%" + part if byte is None else byte + part[2:]
