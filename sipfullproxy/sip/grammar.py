r"""The pieces of RFC 3261 §25.1 that the other files build their patterns from.

Each pattern stands under the ABNF that it implements. Where a pattern is more lenient than the ABNF, it says why.
No pattern nests one repetition in another over the same letters, so none can be made to backtrack without end.
"""

from __future__ import annotations

import re

# token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
TOKEN = rb"[A-Za-z0-9\-.!%*_+`'~]+"

# quoted-string = SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE
# Lenient: any byte but a quote or a backslash is qdtext, for phones that send Latin-1 names.
QUOTED = rb'"(?:[^"\\]|\\.)*"'

# host = hostname / IPv4address / IPv6reference
# Lenient: an underscore in a host name, which Windows machines have.
HOST = rb"(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-.]*)|\[[0-9A-Fa-f:.]+\])"

# HCOLON, SEMI, EQUAL … allow SWS around them. Folds are undone before a pattern sees a value.
WS = rb"[ \t]*"

# generic-param = token [ EQUAL gen-value ];  gen-value = token / host / quoted-string
# Lenient: a value is anything up to the next separator ("reason=reason=noresource", Linphone).
PARAM = re.compile(rb";" + WS + rb"(" + TOKEN + rb")" + WS + rb"(?:=" + WS + rb"(" + QUOTED + rb'|[^;,"\s]*))?' + WS)

_LIST_ITEM = re.compile(rb'(?:[^,"<]+|' + QUOTED + rb"|<[^>]*>)+", re.DOTALL)

IS_TOKEN = re.compile(TOKEN).fullmatch

PARAMETER_LIMIT = 64
"""Parameters of one header value or URI that are read; Linphone sends about twenty in a Contact."""


def unfold(value: bytes) -> bytes:
    """Join the lines of a folded header value by single spaces (RFC 3261 §7.3.1)."""
    if b"\r\n" not in value:
        return value
    return b" ".join(part.strip(b" \t") for part in value.split(b"\r\n")).strip()


def split_list(value: bytes) -> list[bytes]:
    """Split a comma-separated header value, leaving commas within quotes and angle brackets alone (RFC 3261 §7.3.1).

    Returns the items without surrounding white space; an unterminated quote or bracket stays with what follows it.
    """
    if b"," not in value:
        return [value]
    items = []
    start = position = 0
    while position < len(value):
        match = _LIST_ITEM.match(value, position)
        if match is not None:
            position = match.end()
        if position < len(value) and value[position] != 0x2C:
            position = len(value)  # an opening quote or bracket without its end: no comma behind it separates
        items.append(value[start:position].strip())
        position += 1
        start = position
    return [item for item in items if item]


def parameters(text: bytes) -> dict[bytes, bytes | None] | None:
    """Read `;name=value;flag…` (RFC 3261 §25.1 generic-param).

    Returns values by lower-case name (the first of each name counts), None for a name alone; or None when the text is
    no parameter list or has more than `PARAMETER_LIMIT` parameters.
    """
    found: dict[bytes, bytes | None] = {}
    position = 0
    while position < len(text):
        match = PARAM.match(text, position)
        if match is None or len(found) == PARAMETER_LIMIT:
            return None
        name, value = match.groups()
        found.setdefault(name.lower(), value)
        position = match.end()
    return found


def unquote(value: bytes) -> bytes:
    """Undo a quoted-string; anything else stays as it is."""
    if len(value) >= 2 and value[:1] == b'"' == value[-1:]:
        return re.sub(rb"\\(.)", rb"\1", value[1:-1], flags=re.DOTALL)
    return value


_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def unescape(text: bytes) -> bytes:
    """Undo %-escapes once (RFC 3261 §19.1.2)."""
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text) if b"%" in text else text


def whole_number(text: bytes, limit: int) -> int | None:
    """Read 1*DIGIT that is at most `limit`; None where it is not (so that `int` never sees a megabyte of digits)."""
    if not text.isdigit() or len(text) > 20:
        return None
    number = int(text)
    return number if number <= limit else None
