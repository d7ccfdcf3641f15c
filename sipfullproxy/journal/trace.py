"""Messages as people read them on a terminal (`-v`): whole, and harmless whatever is in them."""

from __future__ import annotations

from datetime import datetime

from sipfullproxy.engine.flow import Flow

# Bytes in a line of a hex dump: the sixteen that everybody knows from Wireshark.
DUMP_WIDTH = 16

# A dump of junk shows what it is long before its end.
LONGEST_DUMP = 512


def heading(arrow: str, flow: Flow, size: int, wall: float, edits: tuple[str, ...] = ()) -> str:
    """The line above a message: `16:54:44.250 -> 192.168.1.5:5060 UDP 512 B (via-push, uri-to-binding)`.

    arrow: "<-" in, "->" out. size: bytes. wall: seconds since the epoch. edits: what the proxy changed in it.
    """
    moment = datetime.fromtimestamp(wall)
    changed = f" ({', '.join(edits)})" if edits else ""
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"
    return f"{clock} {arrow} {flow.address} {flow.transport.upper()} {size} B{changed}"


def readable(data: bytes) -> str:
    """A message line by line, indented so that nothing in it can pass for a line of ours.

    Whatever is no printable character of UTF-8 (terminal codes, lone CR, bytes of a body) is shown as an escape.
    """
    lines = data.decode("utf-8", "backslashreplace").removesuffix("\r\n").split("\n")
    return "\n".join(f"  {_printable(line.removesuffix(chr(13)))}".rstrip() for line in lines)


def dump(data: bytes) -> str:
    """Offset, bytes and letters of the first LONGEST_DUMP bytes, for what is no SIP message."""
    lines = []
    for start in range(0, min(len(data), LONGEST_DUMP), DUMP_WIDTH):
        row = data[start : start + DUMP_WIDTH]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"  {start:04x}  {row.hex(' '):{3 * DUMP_WIDTH}} {letters}")
    if len(data) > LONGEST_DUMP:
        lines.append(f"  … {len(data) - LONGEST_DUMP} B")
    return "\n".join(lines)


def _printable(line: str) -> str:
    # Not `safe`: that one doubles backslashes and cuts, and here the message is quoted as it is.
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
