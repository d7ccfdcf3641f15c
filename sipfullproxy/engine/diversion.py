"""Call forwarding: to whom a call goes on that its callee does not take (RFC 5806, RFC 5359 §2.7 to §2.9).

A `Rule` is what a user has wanted; a `Turn` is how far a call has come on its way from one to the next. The router
looks up whom a turn reaches, and the fork (forking.py) tries them, in the same way as it follows a phone's own 302.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sipfullproxy.sip.uri import Uri, parse_uri

ALWAYS = "always"
BUSY = "busy"
NO_ANSWER = "no answer"
NOT_REGISTERED = "not registered"

OUTCOMES = {486: BUSY, 600: BUSY, 408: NO_ANSWER, 480: NO_ANSWER}
"""What the best answer to a call says of its callee. Phones that ring in vain give up with 480 by themselves, and those
that are off are a 408, or a failure to send (`Fork._decide`). Who declines (603) wants no call, here or elsewhere."""

AFTER = 20
"""Seconds until nobody is expected to answer any more: about five rings."""

LONGEST_AFTER = 180
"""The longest such wait, seconds; timer C (185 s, RFC 3261 §16.6 item 11) would end the ringing before a longer one.
Only whole seconds, because each duration has a queue of its own (timers.py)."""

LONGEST_CHAIN = 5
"""How often one call is sent on, here and elsewhere. More than that nobody has wanted; the last one in the chain just
rings."""

_REASONS = {
    ALWAYS: b"unconditional", BUSY: b"user-busy", NO_ANSWER: b"no-answer", NOT_REGISTERED: b"unavailable",
}  # fmt: skip
_OF_A_PHONE = b"deflection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where the calls to one user go. Targets: a user of ours, "carol", or a whole URI, "sip:carol@192.168.1.9".

    always: of all calls. busy: when his phones are busy. no_answer: when nobody answered for `after` seconds, or
    his phones are off. not_registered: when he has no phone here. None: nowhere.
    """

    always: str | None = None
    busy: str | None = None
    no_answer: str | None = None
    not_registered: str | None = None
    after: int = AFTER

    def target(self, why: str) -> str | None:
        """Where calls go for that reason."""
        targets = {
            ALWAYS: self.always, BUSY: self.busy, NO_ANSWER: self.no_answer, NOT_REGISTERED: self.not_registered,
        }  # fmt: skip
        return targets[why]


class Step(NamedTuple):
    """Somebody who sent a call on. who, uri: see `Turn`. why: a reason of ours, or the status of his phone's 3xx."""

    who: bytes
    uri: Uri
    why: str

    @property
    def line(self) -> bytes:
        """RFC 5806 §4: the header line that tells the next one; no password or headers that the caller dialled."""
        uri = self.uri
        user = uri.user + b"@" if uri.user else b""
        port = b":%d" % uri.port if uri.port else b""
        reason = _REASONS.get(self.why, _OF_A_PHONE)
        return b"Diversion: <%b:%b%b%b>;reason=%b;counter=1" % (uri.scheme, user, uri.host, port, reason)


class Turn(NamedTuple):
    """Whose turn it is to take a call.

    who: the name of a user of ours, or else the URI. uri: where the call goes. rule: what that user has wanted, if
    anything. steps: by whom the call was sent there, the latest first. before: how often it had been sent on when it
    came here (its Diversion values).
    """

    who: bytes
    uri: Uri
    rule: Rule | None = None
    steps: tuple[Step, ...] = ()
    before: int = 0

    def onward(self, why: str) -> Uri | None:
        """Where this user has calls go for that reason; None where he has not."""
        target = None if self.rule is None else self.rule.target(why)
        return None if target is None else address(target, self.uri)

    def may_go_to(self, who: bytes) -> bool:
        """Whether the call may be sent on there: not in a circle, and not too often (LONGEST_CHAIN)."""
        sent_on = self.before + len(self.steps)
        return sent_on < LONGEST_CHAIN and who != self.who and all(who != step.who for step in self.steps)


def address(target: str, near: Uri) -> Uri:
    """The URI of a target; one that is only a name is a user in the domain of `near`. Raises SipError 400 or 416."""
    if ":" in target:
        return parse_uri(target.encode())
    port = b":%d" % near.port if near.port else b""
    return parse_uri(b"sip:%b@%b%b" % (target.encode(), near.host, port))
