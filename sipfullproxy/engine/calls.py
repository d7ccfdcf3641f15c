"""Calls as people see them: who rang, who answered, who hung up. Watches what the proxy passes on and tells events.

The proxy does not need any of this to route; it asks only who the parties of a call are (see admission.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sipfullproxy.engine import events
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.outbox import Outbox, text
from sipfullproxy.engine.timers import Timer, Timers
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import whole_number
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.message import Message, Request, Response
from sipfullproxy.sip.sdp import Sdp, find_sdp, parse
from sipfullproxy.sip.uri import Uri

CALLS = 200_000
"""Calls at once, rung or talking; at about 2 kB each what a small server's memory holds."""

OLDEST = 12 * 3600.0
"""Seconds after which an answered call without a BYE is taken for dead (a phone that lost its network never says so)."""

LOOK_AGAIN = 60.0
"""Seconds between two looks at a call's age."""

LINGER = 32.0
"""Seconds that a call stays known after its end, for the BYE that is sent again and the NOTIFY that comes late."""

SESSION_GRACE = 32.0
"""RFC 4028 §10: seconds beyond a session timer before the call is taken for dead."""

LARGEST_SESSION = 2**31

# RFC 3515 §2.4.5: the body of a NOTIFY of a REFER is a fragment of a response, at least its status line.
_SIPFRAG = re.compile(rb"\s*SIP/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?", re.IGNORECASE)


class Call:
    """One call: the INVITE that began it, and what came after with the same Call-ID and caller's tag."""

    def __init__(self, calls: Calls, request: Request, source: Flow) -> None:
        self._calls = calls
        self.id = request.call_id
        self.leg = request.from_tag
        self.parties = {source}
        self.caller = calls.name_of(request.first(b"from"))
        self.callee = calls.name_of(request.first(b"to"))
        self.answered: float | None = None
        self.over = False
        self._rang = False
        self._cancelled = False
        self._conference = False
        self._video = False
        self._held_by: set[str] = set()
        self._offer: tuple[str, Sdp] | None = None
        self._referrals: dict[str, str] = {}
        self._deadline = 0.0
        self._timer: Timer | None = None

    # -- before the answer -------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """The caller gave up."""
        self._cancelled = True

    def forward(self, to: Uri, status: int) -> None:
        """A phone of the callee sent the call on (3xx)."""
        self._tell(events.Forwarded, to=self._calls.name_of_uri(to), why=str(status))

    def fail(self, status: int, phrase: bytes) -> None:
        """The call attempt ended with that final response."""
        if self.over or self.answered is not None:
            return
        if status not in (401, 407):
            # A challenge is no end: the same INVITE comes again with credentials (§22).
            self._tell(self._failure(status), status=status, why=text(phrase))
        self._finish()

    def _failure(self, status: int) -> Callable[..., events.CallOver]:
        if self._cancelled:
            return events.Cancelled
        if status in (486, 600):
            return events.Busy
        if status >= 600:
            return events.Declined
        if self._rang and status in (408, 480, 487):
            return events.Missed
        return events.Failed

    # -- what passes ---------------------------------------------------------------------------------------------------

    def request(self, request: Request) -> None:
        """A request inside the call is being forwarded."""
        if request.method == b"BYE":
            self._hang_up(request)
        elif request.method == b"ACK" and self._offer is not None:
            # The offer stood in the 2xx, so the answer is here (RFC 3264, RFC 3261 §13.2.1).
            (offerer, offer), self._offer = self._offer, None
            self._agree(offerer, offer, _sdp(request))
        elif request.method == b"NOTIFY":
            self._progress(request)

    def response(self, request: Request, response: Response, flow: Flow) -> None:
        """A response is being forwarded. request: what it answers. flow: where it came from."""
        status, method = response.status, request.method
        if method == b"INVITE" and not request.to_tag:
            if 100 < status < 300:
                self.parties.add(flow)
            if 180 <= status < 200 and status != 199 and not self._rang:
                self._rang = True
                self._tell(events.Ringing)
        if not 200 <= status < 300:
            return
        if method in (b"INVITE", b"UPDATE"):
            self._agreed(request, response)
        elif method == b"REFER":
            target = request.first(b"refer-to")
            self._referrals[self._side(request)] = self._calls.name_of(target)

    def fired(self, letter: str, now: float) -> None:
        """A look at the clock: is this call too old, or long enough over?"""
        self._timer = None
        if self.over:
            self._calls.forget(self)
            for side, to in self._referrals.items():
                who, whom = self._people(side)
                self._tell(events.Transferred, who, whom, to=to, succeeded=None, why="")
        elif now < self._deadline:
            self._watch()
        else:
            assert self.answered is not None
            why = "too old" if self._deadline >= self.answered + OLDEST else "session timer"
            self._tell(events.Ended, duration=now - self.answered, why=why)
            self._finish()

    # -- inside ----------------------------------------------------------------------------------------------------------

    def _agreed(self, request: Request, response: Response) -> None:
        """An INVITE, re-INVITE or UPDATE was accepted."""
        now = self._calls.outbox.now
        side = self._side(request)
        offer, answer = _sdp(request), _sdp(response)
        first = self.answered is None and not request.to_tag
        if first:
            if self.over:
                return
            self.answered = now
            video = offer is not None and answer is not None and offer.has_video and answer.has_video
            self._tell(events.Started, video=video)
            self._deadline = now + OLDEST
            self._watch()
        seconds = _session_expires(response)
        if seconds is not None:
            self._deadline = now + seconds + SESSION_GRACE
        self._focus(request, response)
        if offer is not None:
            self._agree(side, offer, answer)
        elif answer is not None:
            self._offer = _other(side), answer

    def _agree(self, offerer: str, offer: Sdp, answer: Sdp | None) -> None:
        """Both ends agreed on media; tell what changed."""
        if answer is None or self.over:
            return
        who, whom = self._people(offerer)
        video = offer.has_video and answer.has_video
        if video and not self._video:
            self._tell(events.Video, who, whom)
        if not offer.on_hold:
            # A hold may silence the video for a while; taking it back is no new video call.
            self._video = video
        if offer.on_hold and offerer not in self._held_by:
            self._held_by.add(offerer)
            self._tell(events.Held, who, whom)
        elif not offer.on_hold and offerer in self._held_by:
            self._held_by.discard(offerer)
            self._tell(events.Resumed, who, whom)

    def _focus(self, request: Request, response: Response) -> None:
        """RFC 4579 §5.1: a Contact with `isfocus` belongs to the host of a conference."""
        side = self._side(request)
        for message, host in ((request, side), (response, _other(side))):
            contact = message.first(b"contact")
            if contact is None or b"isfocus" not in contact or self._conference:
                continue
            self._conference = True
            self._tell(events.Conference, *self._people(host))

    def _progress(self, request: Request) -> None:
        """A NOTIFY reports how a transfer goes (RFC 3515 §2.4.5). It goes to the phone that asked for the transfer."""
        match = _SIPFRAG.match(request.body)
        if match is None or not (request.first(b"event") or b"").startswith(b"refer"):
            return
        status = int(match[1])
        asker = _other(self._side(request))
        if status >= 200 and asker in self._referrals:
            who, whom = self._people(asker)
            self._tell(
                events.Transferred, who, whom, to=self._referrals.pop(asker), succeeded=status < 300,
                why=f"{status} {text(match[2] or b'')}".rstrip(),
            )  # fmt: skip

    def _hang_up(self, request: Request) -> None:
        if self.over or self.answered is None:
            return
        who, whom = self._people(self._side(request))
        self._tell(events.Ended, who, whom, duration=self._calls.outbox.now - self.answered, why="bye")
        self._finish()

    def _finish(self) -> None:
        self.over = True
        self._watch(LINGER)

    def _watch(self, seconds: float = LOOK_AGAIN) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._calls.timers.start("call", seconds, self, self._calls.outbox.now)

    def _side(self, request: Request) -> str:
        return "caller" if request.from_tag == self.leg else "callee"

    def _people(self, side: str) -> tuple[str, str]:
        return (self.caller, self.callee) if side == "caller" else (self.callee, self.caller)

    def _tell(
        self, event: Callable[..., events.CallEvent], who: str | None = None, whom: str | None = None, **fields: object
    ) -> None:
        self._calls.outbox.emit(
            event, call=text(self.id), leg=text(self.leg), who=self.caller if who is None else who,
            whom=self.callee if whom is None else whom, **fields,
        )  # fmt: skip


class Calls:
    """All calls that the proxy carries."""

    __slots__ = ("_calls", "outbox", "person_at", "timers")

    def __init__(self, timers: Timers, outbox: Outbox, person_at: Callable[[Uri], str | None]) -> None:
        """person_at: the registered person whose phone gave a URI as its Contact, as `user@domain`."""
        self.timers = timers
        self.outbox = outbox
        self.person_at = person_at
        self._calls: dict[tuple[bytes, bytes], Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, request: Request, source: Flow) -> Call:
        """A new call, from its first INVITE; the same one when that INVITE comes again with credentials.

        Raises SipError 503 when there are too many.
        """
        key = (request.call_id, request.from_tag)
        old = self._calls.get(key)
        if old is not None and not old.over:
            return old
        if len(self._calls) >= CALLS:
            raise SipError(503, "Too many calls", (b"Retry-After", b"10"))
        call = self._calls[key] = Call(self, request, source)
        return call

    def find(self, request: Message) -> Call | None:
        """The call that a request inside a dialog belongs to."""
        calls = self._calls
        return calls.get((request.call_id, request.from_tag)) or calls.get((request.call_id, request.to_tag))

    def parties(self, request: Request) -> set[Flow]:
        """The flows of the phones in that call; empty where we carry no such call."""
        call = self.find(request)
        return call.parties if call is not None else set()

    def forget(self, call: Call) -> None:
        """A call is long enough over."""
        key = (call.id, call.leg)
        if self._calls.get(key) is call:
            del self._calls[key]

    def name_of(self, value: bytes | None) -> str:
        """A From, To or Refer-To value as `user@domain`; as it is where it cannot be read."""
        try:
            return self.name_of_uri(Address(value or b"").uri)
        except SipError:
            return text(value or b"")

    def name_of_uri(self, uri: Uri) -> str:
        """A URI as `user@domain`; the person behind it where it is the Contact of a registered phone."""
        person = self.person_at(uri)
        if person is not None:
            return person
        return text(uri.name + b"@" + uri.host) if uri.user else text(uri.host)


def _other(side: str) -> str:
    return "callee" if side == "caller" else "caller"


def _sdp(message: Message) -> Sdp | None:
    if not message.body:
        return None
    found = find_sdp(message.first(b"content-type") or b"", message.body)
    return parse(found) if found is not None else None


def _session_expires(response: Response) -> int | None:
    value = response.first(b"session-expires")
    if value is None:
        return None
    return whole_number(value.partition(b";")[0].strip(), LARGEST_SESSION)
