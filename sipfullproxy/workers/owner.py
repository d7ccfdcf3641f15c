"""Whose message it is: all messages with one Call-ID belong to one worker.

A response, an ACK and a CANCEL carry the Call-ID of their request (RFC 3261 §8.2.6.2, §9.1, §17.1.1.3), and so does all
that is said within a dialog (§12.2.1.1). So transactions, forks and calls are never shared: each is whole at its owner.
"""

from __future__ import annotations

from typing import Final

from sipfullproxy.journal.tape import call_id_of

SUMMED: Final = 32
"""Bytes of a Call-ID that count. All but a few are random in them; and the kernel must be able to do the same."""

MODULUS: Final = 255
"""What the sum is taken by before it is shared out."""

# So nearly all write it.
_USUAL: Final = b"\r\nCall-ID: "


def owner(data: bytes, workers: int) -> int | None:
    """Which of so many workers the message belongs to, from 0; None where it has no Call-ID, and any may answer it.

    The same in all processes, and found without reading the message.
    """
    at = data.find(_USUAL) + len(_USUAL)
    call_id = data[at : data.find(b"\r", at)].strip() if at >= len(_USUAL) else call_id_of(data)
    if not call_id:
        return None
    # The sum of the bytes modulo 255, because it must be simple: `steering.py` has the kernel make the same. As 256 is
    # one more than 255, it is what the bytes as one number leave, and that Python finds in half the time.
    return int.from_bytes(call_id[:SUMMED], "big") % MODULUS % workers
