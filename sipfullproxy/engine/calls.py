"""Calls as people see them: who rang, who answered, who hung up. Watches what the proxy passes on and tells events.

The proxy does not need any of this to route; it asks only who the parties of a call are (see admission.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sipfullproxy.engine import events
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.media import CALLEE, CALLER, Change, Media, other
from sipfullproxy.engine.outbox import Outbox, text
from sipfullproxy.engine.timers import TIMER_C, Timer, Timers
from sipfullproxy.engine.transfer import Outcome, Transfers
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import whole_number
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.message import Message, Request, Response, spec_in, value_of
from sipfullproxy.sip.uri import Uri, parse_uri

CALLS = 200_000
"""Calls at once, rung or talking; at about 2 kB each what a small server's memory holds."""

OLDEST = 12 * 3600.0
"""Seconds without a sign of life (an accepted re-INVITE or UPDATE) after which an answered call is taken for dead: a
phone that lost its network never says BYE."""

DIALOGS = 20
"""Phones that may have answered one call, as many as a fork has branches."""

LONGEST_NAME = 512
"""Bytes of a user, or of a host, that are kept for people."""

LOOK_AGAIN = 60.0
"""Seconds between two looks at a call's age."""

LINGER = 32.0
"""Seconds that a call stays known after its end, for the BYE that is sent again and the NOTIFY that comes late."""

LAST_REPORT = TIMER_C + LINGER
"""The same while a transfer is under way: who asked for it may hang up at once, and the target may ring for long."""

SESSION_GRACE = 32.0
"""Seconds beyond a session timer (RFC 4028 §10) before the call is taken for dead."""

REFUSALS = 10
"""Refused calls of strangers that are told in a minute: a student must see why his phone cannot call, but a scanner
must not fill the journal."""

MINUTE = 60.0


class Call:
    """One call: the INVITE that began it, and what came after with the same Call-ID and caller's tag.

    parties: where its phones are. caller, callee: as `user@domain`; the callee as dialled, and from the answer on who
    answered. answered: when, monotonic seconds, or None. over: whether its end was told.
    """

    __slots__ = (
        "_accepted", "_attempts", "_calling", "_calls", "_cancelled", "_conference", "_deadline", "_dialogs",
        "_forwarded", "_media", "_name", "_rang", "_session", "_timer", "_transfers", "answered", "callee", "caller",
        "id", "leg", "over", "parties",
    )  # fmt: skip

    def __init__(self, calls: Calls, request: Request, source: Flow, before: Call | None) -> None:
        """before: the call of that name that is over."""
        self._calls = calls
        self.id = request.call_id
        self.leg = request.from_tag
        self._name = text(self.id), text(self.leg)  # as each of its events has it
        self.parties = {source}
        from_, to, _, _ = request.where.ends
        self.caller = calls.name_in(request.lines[from_])
        self.callee = calls.name_in(request.lines[to])
        self.answered: float | None = None
        self.over = False
        # An INVITE that comes again, with a password or for where a 3xx sent it, goes on with a call that was told.
        self._calling: bool = before is not None and before._calling
        self._attempts = 1
        self._rang = False
        self._cancelled = False
        self._forwarded = False
        self._conference = False
        self._session = False
        self._dialogs: set[bytes] = set()
        self._accepted: dict[str, int] = {}
        self._media = Media()
        self._transfers: Transfers | None = None
        self._deadline = 0.0
        self._timer: Timer | None = None

    # -- before the answer ---------------------------------------------------------------------------------------------

    def called(self) -> None:
        """Its INVITE has somebody to go to."""
        if not self._calling:
            self._calling = True
            self._tell(events.Calling)

    def again(self) -> None:
        """Its INVITE came by once more, on another way (a proxy ahead of us forks, or sent it back)."""
        self._attempts += 1

    def cancel(self) -> None:
        """The caller gave up."""
        self._cancelled = True

    def forward(self, to: Uri, why: str) -> None:
        """The call was sent on before an answer. why: see `events.Forwarded`."""
        self._tell(events.Forwarded, CALLER, self._calls.name_of_uri(to), why)

    def located(self, names: tuple[str, ...], flow: Flow) -> None:
        """Its INVITE goes to an address that these names have led to."""
        self._tell(events.Located, CALLER, " → ".join(names), flow.address, flow.transport)

    def taken(self, by: Uri) -> None:
        """Somebody to whom the call was sent on is about to answer: from here on it is he who is talked of."""
        if self.answered is None:
            self.callee = self._calls.name_of_uri(by)

    def fail(self, status: int, phrase: bytes) -> None:
        """An INVITE of the call ended with that final response. The last one to fail is what the caller hears."""
        self._attempts -= 1
        if self.over or self.answered is not None or self._attempts:
            return
        # A challenge is no end, the same INVITE comes again with credentials (§22); nor is a 3xx, it comes elsewhere.
        if status not in (401, 407) and not (status < 400 and self._forwarded):
            self._tell(self._failure(status), CALLER, status, text(phrase))
            self._calling = False
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
        """A request inside the call is being forwarded; its retransmissions are not told."""
        method = request.method
        if method == b"ACK":
            self._tell_changes(self._media.acknowledged(request))
        elif method == b"BYE":
            self._hang_up(request)
        elif method == b"REFER":
            target = self._calls.name_of(request.first(b"refer-to"))
            self._transfers = self._transfers or Transfers()
            self._tell_outcomes(self._transfers.asked(self._side(request), target))
        elif method == b"NOTIFY" and self._transfers is not None:
            self._tell_outcomes(self._transfers.reported(other(self._side(request)), request))

    def response(self, request: Request, response: Response, flow: Flow) -> None:
        """A response is being forwarded. request: what it answers. flow: where it came from."""
        status, method = response.status, request.method
        if method == b"REFER" and self._transfers is not None:
            self._tell_outcomes(self._transfers.answered(self._side(request), response))
        elif method == b"INVITE" and not request.to_tag:
            self._first_answer(request, response, flow)
        elif method in (b"INVITE", b"UPDATE") and 200 <= status < 300 and self.answered is not None:
            self._agreed(request, response)

    def answered_again(self, response: Response, flow: Flow) -> None:
        """A further 2xx of the INVITE that began the call: the same again, or that of another phone."""
        self.parties.add(flow)
        if not self.over and len(self._dialogs) < DIALOGS:
            self._dialogs.add(response.to_tag)

    def fired(self, letter: str, now: float) -> None:
        """A look at the clock: is this call too old, or long enough over?"""
        self._timer = None
        if self.over:
            self._calls.forget(self)
            if self._transfers is not None:
                self._tell_outcomes(self._transfers.over())
        elif now < self._deadline:
            self._watch(LOOK_AGAIN)
        else:
            self._end(CALLER, "session timer" if self._session else "too old")

    # -- inside --------------------------------------------------------------------------------------------------------

    def _first_answer(self, request: Request, response: Response, flow: Flow) -> None:
        """A response to the INVITE that began the call."""
        status = response.status
        if status < 300 and len(self.parties) <= DIALOGS:
            self.parties.add(flow)
        if status < 200:
            self._media.provisional(response)
            if status in (180, 183) and not self._rang and not self.over:
                self._rang = True
                self._tell(events.Ringing)
        elif status < 300:
            if not self.over:
                if len(self._dialogs) < DIALOGS:
                    self._dialogs.add(response.to_tag)
                self._agreed(request, response)
        elif status < 400 and not self._forwarded and not self._cancelled:
            contact = next(iter(response.values(b"contact")), None)
            if contact is not None:
                # It goes back to the caller, whose phone calls the new target by itself.
                self._forwarded = True
                self._tell(events.Forwarded, CALLER, self._calls.name_of(contact), str(status))

    def _agreed(self, request: Request, response: Response) -> None:
        """An INVITE, re-INVITE or UPDATE was accepted. A second 2xx of it, sent again or by another phone of a fork,
        changes nothing."""
        side = self._side(request)
        if self.over or request.cseq <= self._accepted.get(side, -1):
            return
        self._accepted[side] = request.cseq
        now = self._calls.outbox.now
        changes = self._media.accepted(side, request, response)
        if self.answered is None:
            self.answered = now
            self._tell(events.Started, CALLER, self._media.video)
            self._watch(LOOK_AGAIN)
        seconds = _session_expires(response)
        self._session = seconds is not None
        self._deadline = now + (OLDEST if seconds is None else seconds + SESSION_GRACE)
        self._focus(request, response)
        self._tell_changes(changes)

    def _focus(self, request: Request, response: Response) -> None:
        """RFC 4579 §5.1: a Contact with `isfocus` belongs to the host of a conference."""
        if not self._conference and (_is_focus(request) or _is_focus(response)):
            self._conference = True
            side = self._side(request)
            self._tell(events.Conference, side if _is_focus(request) else other(side))

    def _hang_up(self, request: Request) -> None:
        side = self._side(request)
        if self.answered is None:
            # A caller may hang up before the answer, too (RFC 3261 §15); the INVITE is still to be answered.
            self._cancelled = self._cancelled or side == CALLER
            return
        # Of a call that two phones answered, the caller may hang up the one and talk to the other (§13.2.2.4).
        self._dialogs.discard(request.to_tag if side == CALLER else request.from_tag)
        if not self._dialogs and not self.over:
            self._end(side, "bye")

    def _end(self, side: str, why: str) -> None:
        assert self.answered is not None
        self._tell(events.Ended, side, self._calls.outbox.now - self.answered, why)
        self._calling = False
        self._finish()

    def _finish(self) -> None:
        self.over = True
        self._watch(LAST_REPORT if self._transfers else LINGER)

    def _watch(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._calls.timers.start("call", seconds, self, self._calls.outbox.now)

    def _side(self, request: Request) -> str:
        return CALLER if request.from_tag == self.leg else CALLEE

    def _tell_changes(self, changes: Iterable[Change]) -> None:
        for event, side in changes:
            self._tell(event, side)

    def _tell_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        for side, to, succeeded, why in outcomes:
            self._tell(events.Transferred, side, to, succeeded, why)

    def _tell(self, event: Callable[..., events.CallEvent], side: str = CALLER, *fields: object) -> None:
        """Tell what that side did. fields: those that the event has beside the ones of every call."""
        who, whom = (self.caller, self.callee) if side == CALLER else (self.callee, self.caller)
        self._calls.outbox.emit(event, *self._name, who, whom, *fields)


class Calls:
    """All calls that the proxy carries."""

    __slots__ = ("_calls", "_refusals", "_refusals_end", "outbox", "person_at", "timers")

    def __init__(self, timers: Timers, outbox: Outbox, person_at: Callable[[Uri], str | None]) -> None:
        """person_at: the registered person whose phone gave a URI as its Contact, as `user@domain`."""
        self.timers = timers
        self.outbox = outbox
        self.person_at = person_at
        self._calls: dict[tuple[bytes, bytes], Call] = {}
        self._refusals = 0
        self._refusals_end = 0.0

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, request: Request, source: Flow) -> Call:
        """A new call, from its first INVITE; the same one where that INVITE comes by a second time, before its answer.

        Raises SipError 503 when there are too many.
        """
        key = (request.call_id, request.from_tag)
        old = self._calls.get(key)
        if old is not None and not old.over and old.answered is None:
            old.again()
            return old
        if len(self._calls) >= CALLS:
            raise SipError(503, "Too many calls", (b"Retry-After", b"10"))
        call = self._calls[key] = Call(self, request, source, old)
        return call

    def refused(self, request: Request, status: int, phrase: bytes) -> None:
        """Somebody who may not call tried to. Told so many times a minute; no call comes of it."""
        if self.outbox.now >= self._refusals_end:
            self._refusals, self._refusals_end = 0, self.outbox.now + MINUTE
        self._refusals += 1
        if self._refusals <= REFUSALS:
            self.outbox.emit(
                events.Failed, call=text(request.call_id), leg=text(request.from_tag),
                who=self.name_of(request.first(b"from")), whom=self.name_of(request.first(b"to")), status=status,
                why=text(phrase),
            )  # fmt: skip

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

    def name_in(self, line: bytes) -> str:
        """The same of a From or To line that was checked."""
        spec = spec_in(line)
        try:
            return self.name_of_uri(parse_uri(spec)) if spec else self.name_of(value_of(line))
        except SipError:
            return text(spec[:LONGEST_NAME])

    def name_of(self, value: bytes | None) -> str:
        """A From, To or Refer-To value as `user@domain`; its URI, or all of it, where it cannot be read."""
        spec = value or b""
        try:
            address = Address(spec)
            spec = address.spec
            return self.name_of_uri(address.uri)
        except SipError:
            return text(spec[:LONGEST_NAME])

    def name_of_uri(self, uri: Uri) -> str:
        """A URI as `user@domain`; the person behind it where it is the Contact of a registered phone."""
        person = self.person_at(uri)
        if person is not None:
            return person
        name, host = uri.name[:LONGEST_NAME], uri.host[:LONGEST_NAME]
        return text(name + b"@" + host if uri.user else host)


def _is_focus(message: Message) -> bool:
    places = message.where.get(b"contact")
    if places is None or message.lines[places[0]].lower().find(b"isfocus") < 0:
        return False
    try:
        return b"isfocus" in Address(value_of(message.lines[places[0]])).params
    except SipError:
        return False


def _session_expires(response: Response) -> int | None:
    """Seconds until the session must be refreshed (RFC 4028 §4); None where there is no session timer."""
    value = response.first(b"session-expires")
    return None if value is None else whole_number(value.partition(b";")[0].strip(), int(OLDEST))
