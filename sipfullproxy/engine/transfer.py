"""How transfers end: REFER, and the NOTIFYs that report on it (RFC 3515, RFC 5589).

Only watches. Says what came out, and leaves telling it to the call.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sipfullproxy.engine.outbox import text
from sipfullproxy.sip.message import Request, Response

# RFC 3515 §2.4.5: the body of a NOTIFY of a REFER is a fragment of a response, at least its status line.
_SIPFRAG = re.compile(rb"\s*SIP/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?", re.IGNORECASE)


class Outcome(NamedTuple):
    """The end of a transfer. side: who asked for it. The rest as in `events.Transferred`."""

    side: str
    to: str
    succeeded: bool | None = None
    why: str = ""


class Transfers:
    """The transfers of one call that were asked for and are not over: one for each side at most."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._pending)

    def asked(self, side: str, to: str) -> list[Outcome]:
        """A REFER passes. to: whom the other side shall call. Nobody hears any more of one that was asked before."""
        before = self._pending.pop(side, None)
        self._pending[side] = to
        return [] if before is None else [Outcome(side, before)]

    def answered(self, side: str, response: Response) -> list[Outcome]:
        """The REFER of that side was answered; where it was refused, the transfer is over."""
        if response.status < 300 or side not in self._pending:
            return []
        to = self._pending.pop(side)
        if response.status in (401, 407):
            return []  # it comes again with credentials (RFC 3261 §22)
        return [Outcome(side, to, False, f"{response.status} {text(response.phrase)}".rstrip())]

    def reported(self, side: str, notify: Request) -> list[Outcome]:
        """A NOTIFY goes to the side that asked (RFC 3515 §2.4.4)."""
        event = (notify.first(b"event") or b"").partition(b";")[0].strip().lower()
        if event != b"refer" or side not in self._pending:
            return []
        match = _SIPFRAG.match(notify.body)
        status, phrase = (int(match[1]), text(match[2] or b"")) if match is not None else (0, "")
        if status < 200 and not _terminated(notify):
            return []
        why = f"{status} {phrase}".rstrip() if status else ""
        return [Outcome(side, self._pending.pop(side), status < 300 if status >= 200 else None, why)]

    def over(self) -> list[Outcome]:
        """The call is over, and so is the time to report."""
        outcomes = [Outcome(side, to) for side, to in self._pending.items()]
        self._pending.clear()
        return outcomes


def _terminated(notify: Request) -> bool:
    """Whether this is the last NOTIFY (RFC 6665 §4.1.3). What stands behind the semicolon is read by nobody: Linphone
    writes `terminated;reason=reason=noresource`."""
    state = notify.first(b"subscription-state") or b""
    return state.partition(b";")[0].strip().lower() == b"terminated"
