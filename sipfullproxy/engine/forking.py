"""One request, many phones: the response context (RFC 3261 §16.2, §16.6 to §16.10; RFC 5393 §5.3)."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter, itemgetter

from sipfullproxy.engine.branch import Branch
from sipfullproxy.engine.calls import Call
from sipfullproxy.engine.core import Core
from sipfullproxy.engine.diversion import NO_ANSWER, OUTCOMES, Turn
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.forwarding import breadth_of, is_for_us_alone
from sipfullproxy.engine.routing import NO_WAY, Routed, Target
from sipfullproxy.engine.timers import SILENT, STILL_TRYING, Timer
from sipfullproxy.engine.transaction import ServerTransaction
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.message import Request, Response
from sipfullproxy.sip.uri import Uri

BRANCHES = 20
"""Targets of one request, those of redirections included, and ways to them: each costs a message and a transaction."""

ELSEWHERE = b'Reason: SIP;cause=200;text="Call completed elsewhere"'
"""RFC 3326 §2: tells the other phones of a fork that this was no missed call."""

UNANSWERED = b'Reason: SIP;cause=408;text="No answer"'
"""Tells the phones of who did not answer in time that this was a missed call, wherever it goes now."""

_FOLLOWED = (300, 301, 302)
"""Redirections that the proxy follows. 305 names a proxy and 380 a service, not where the user is (RFC 3261 §21.3)."""

_q = attrgetter("q")

_BY_ANOTHER_WAY = (408, 430, 503)
"""Refusals after which there may be another way to the same place."""

_BEST_OF_4XX = (401, 407, 415, 420, 484)
"""Those that tell the caller how to do better (RFC 3261 §16.7 item 6)."""


class Answered:
    """What is left of a fork towards a phone whose 2xx to an INVITE went back: further ones go back too.

    They are the same again, or come from other phones behind a proxy (RFC 3261 §13.2.2.4, §16.7 item 5).
    """

    __slots__ = ("_call", "_core", "_flow", "_server")

    def __init__(self, core: Core, server: ServerTransaction, call: Call | None, flow: Flow) -> None:
        self._core = core
        self._server = server
        self._call = call
        self._flow = flow

    def received(self, response: Response) -> None:
        """Another 2xx came."""
        if not is_for_us_alone(response):
            _send_back(self._core, self._server, response, always=True)
            if self._call is not None:
                self._call.answered_again(response, self._flow)

    def timed_out(self) -> None:
        """Nothing to do: it was answered."""

    def failed(self) -> None:
        """Nothing to do: it was answered."""


class Fork:
    """A request that is being forwarded to one target or to many, until one final response went back.

    invite: whether it is an INVITE.
    """

    __slots__ = (
        "_branches", "_breadth", "_call", "_cancelled", "_decided", "_delays", "_groups", "_patience", "_seen",
        "_waiting_for", "core", "invite", "mark", "request", "routed", "server", "source",
    )  # fmt: skip

    def __init__(
        self, core: Core, server: ServerTransaction, request: Request, routed: Routed, source: Flow, mark: bytes,
        call: Call | None,
    ) -> None:  # fmt: skip
        self.core = core
        self.server = server
        self.request = request
        self.invite = request.method == b"INVITE"
        self.routed = routed
        self.source = source
        self.mark = mark
        self._call = call
        self._breadth = breadth_of(request)
        self._branches: list[Branch] = []
        self._groups: list[list[Target]] = []
        self._seen: set[tuple[bytes, Flow | None]] = set()
        self._cancelled = False
        self._decided = False
        self._delays: tuple[Timer, ...] = ()
        self._patience: Timer | None = None
        self._waiting_for: Turn | None = None

    @property
    def _all_ended(self) -> bool:
        """Whether nobody who still counts owes an answer."""
        return all(branch.status or branch.replaced for branch in self._branches)

    # -- targets -------------------------------------------------------------------------------------------------------

    def start(self, targets: list[Target]) -> None:
        """Begin: the targets with the highest q at once, the others when those have failed (RFC 3261 §16.6).

        Raises SipError 440 when the request may not have a single branch (RFC 5393 §5.3.3).
        """
        if self._breadth < 1:
            raise SipError(440, "Max-Breadth came down to 0")
        if not self.invite:
            timers, now = self.core.timers, self.core.outbox.now
            self._delays = (timers.start("4320", STILL_TRYING, self, now),)
            if len(targets) > 1:
                self._delays += (timers.start("4321", SILENT, self, now),)
        turn = targets[0].turn
        if turn is not None and turn.steps:
            self._tell_forwarded(turn, turn.steps[-1].why)
        if len(targets) == 1:  # as nearly always, and then there is nothing to sort
            self._seen.add(_place(targets[0]))
            self._groups.append(targets)
            self._next_group()
        else:
            self._try(self._new_groups(targets))

    def _try(self, groups: list[list[Target]]) -> None:
        """Try these, before any others, as soon as Max-Breadth allows."""
        if not self.core.config.switches.fork:
            groups = [groups[0][:1]]
        self._groups[:0] = groups
        if self._breadth:
            self._next_group()

    def _new_groups(self, targets: list[Target]) -> list[list[Target]]:
        """Targets that were not tried yet, those of one q together, the highest first."""
        fresh = []
        for target in targets:
            place = _place(target)
            if place not in self._seen and len(self._seen) < BRANCHES:
                self._seen.add(place)
                fresh.append(target)
        if len(fresh) < 2:
            return [fresh] if fresh else []
        fresh.sort(key=_q, reverse=True)
        return [list(group) for _, group in groupby(fresh, key=_q)]

    def _next_group(self) -> None:
        """Send to the next group, in parts where Max-Breadth allows no more at once. Where the call may go on without
        waiting for the end of these, some of it is left for those who come then."""
        group = self._groups.pop(0)
        if group[0].turn is not None:
            self._wait_for(group[0].turn)
        if len(group) > self._breadth:
            self._groups.insert(0, group[self._breadth :])
            group = group[: self._breadth]
        spare = 0 if self._patience is None else min(self._breadth // 2, self._breadth - len(group))
        share, rest = divmod(self._breadth - spare, len(group))
        branches = [Branch(self, target, share + (number < rest)) for number, target in enumerate(group)]
        self._breadth = spare
        self._branches += branches
        for branch in branches:
            if not self._decided:
                branch.start()

    def _wait_for(self, turn: Turn) -> None:
        """Where the user wants calls that nobody answers to go on, the clock starts. Not while other phones ring,
        of somebody with more patience or none: they would be silenced too."""
        if turn.rule is None or turn.rule.no_answer is None:
            return
        if self._patience is None and self._all_ended:
            self._waiting_for = turn
            self._patience = self.core.timers.start(NO_ANSWER, turn.rule.after, self, self.core.outbox.now)

    # -- what comes back -----------------------------------------------------------------------------------------------

    def provisional(self, branch: Branch, response: Response) -> None:
        """101 to 199 go back at once, those of every branch (RFC 3261 §16.7 item 5); but to an INVITE only, because
        nobody may send them to another request (RFC 4320 §4.1)."""
        if self.invite and not self._decided and not branch.replaced:
            self._forward(branch, response)

    def final(self, branch: Branch, response: Response) -> None:
        """A final response came on a branch; a 2xx perhaps more than once."""
        if response.status < 300:
            self._success(branch, response)
        elif not branch.status:
            self._close(branch, response.status, response)
            if response.status in _BY_ANOTHER_WAY and self._next_way(branch):
                return
            if response.status >= 600 and not branch.replaced:
                self._give_up(b"Reason: SIP;cause=%d" % response.status)
            elif response.status < 400 and not branch.replaced:
                self._redirect(branch, response)
            self._proceed()

    def lost(self, branch: Branch, status: int, reason: str = "") -> None:
        """A branch ends without a response: 408 for silence, 503 for a way that does not exist, 513 for a message that
        does not fit it; or what a name leads to, and then a reason."""
        if not branch.status:
            turn = branch.target.turn
            if reason and turn is not None and turn.steps:
                status, reason = 480, NO_WAY  # where that is, is the callee's own affair
            branch.reason = reason
            self._close(branch, status, None)
            # After timer F nobody waits for the answer to another request than INVITE.
            if not (status == 503 or (status == 408 and self.invite)) or not self._next_way(branch):
                self._proceed()

    def silent(self, branch: Branch) -> None:
        """A server has not said a word, and its name has others (RFC 3263 §4.3). Where it does say one, the call is
        cancelled there."""
        if not branch.replaced and self._next_way(branch):
            branch.cancel()

    def located(self, branch: Branch) -> None:
        """Names led to where that branch sends its request now."""
        if self._call is not None and not self.request.to_tag and branch.target.flow is not None:
            self._call.located(branch.target.names, branch.target.flow)

    def fired(self, letter: str, now: float) -> None:
        """A request other than INVITE takes long: its sender is told so (RFC 4320 §4.1), and then what some have said
        while others are off (RFC 4321 §1.5). Or nobody answers a call."""
        if letter == NO_ANSWER:
            self._patience = None
            self._divert(self._waiting_for, NO_ANSWER)
        elif letter == "4321":
            if any(branch.status for branch in self._branches):
                self._groups.clear()
                for branch in self._branches:
                    branch.cancel()  # no further way of it, either
                    self.lost(branch, 408)
        elif not self._decided:
            self.core.answer(self.server, self.request, 100)

    def cancel(self, *reasons: bytes) -> None:
        """The caller cancelled (RFC 3261 §16.10). reasons: the Reason lines of its CANCEL, passed on (RFC 3326)."""
        if self._decided:
            return
        self._cancelled = True
        if self._call is not None:
            self._call.cancel()
        waiting = any(branch.waits for branch in self._branches)
        self._give_up(*reasons)
        if waiting:
            self._proceed()

    def abandon(self) -> None:
        """A bug of ours met this request: it ends with a 500, so that neither the caller nor a phone waits for ever."""
        self._decided = True
        if not self.server.answered:
            self._answer(500)
        self._give_up()
        self._end()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _success(self, branch: Branch, response: Response) -> None:
        """Every 2xx of an INVITE goes back, whatever went before (§16.7 item 5); of another request the server lets
        through only the first."""
        turn = branch.target.turn
        if self._call is not None and turn is not None and turn.steps:
            self._call.taken(turn.uri)
        self._forward(branch, response)
        if not branch.status:
            self._close(branch, response.status, response)
        if not self._decided:
            self._give_up(ELSEWHERE)
            self._end()
        if self.invite and branch.target.flow is not None:
            call = None if self.request.to_tag else self._call
            branch.hand_over(Answered(self.core, self.server, call, branch.target.flow))

    def _close(self, branch: Branch, status: int, response: Response | None) -> None:
        branch.status = status
        branch.response = response
        if response is not None:
            self.server.hold(response.size)
        branch.breadth += branch.spare
        branch.spare = 0
        self._breadth += branch.breadth

    def _next_way(self, branch: Branch) -> bool:
        """Try the next server of the same name (RFC 3263 §4.3), or the same phone by another of its flows (RFC 5626
        §7), in the place of that branch, under a branch of its own. False where there is none, or no breadth for it
        beside one that may still answer."""
        over = branch.replaced or self._decided or self._cancelled or len(self._branches) >= BRANCHES
        target = None if over else self._further(branch)
        if target is None:
            return False
        if branch.status:
            share = branch.breadth
            self._breadth -= share
        else:
            share, branch.spare = branch.spare, 0
        branch.replaced = True
        following = Branch(self, target, share)
        self._branches.append(following)
        following.start()
        return True

    def _further(self, branch: Branch) -> Target | None:
        """Where the request of a branch goes next that came to nothing. A server may say by 503 that another is to be
        asked. A phone that has said anything is not asked again, but 408 and 430 are the words of a proxy before it."""
        target, said = branch.target, branch.response is not None
        if target.further:
            return target.by(target.further) if not said or branch.status == 503 else None
        if target.binding is None or self.routed.toward is not None or (said and branch.status == 503):
            return None
        if not said and not branch.unheard:
            return None
        other = self.core.router.other_flow(target, self.routed.uri, self._seen)
        if other is not None and other.binding is not None:
            self._seen.add((other.binding.uri.text, other.flow))
        return other

    def _give_up(self, *headers: bytes) -> None:
        """Cancel all branches that still owe an answer, and try no others (§16.7 items 5 and 10)."""
        self._groups.clear()
        self._stop_waiting()
        for branch in self._branches:
            if branch.status:
                continue
            waiting = branch.waits
            branch.cancel(*headers)
            if waiting:
                self._close(branch, 487, None)

    def _redirect(self, branch: Branch, response: Response) -> None:
        """Follow the Contacts of a phone's 3xx at once, in the place of that phone (§16.5, §16.7 item 4).

        The 3xx of anybody else is a response like others: whom its Contacts mean is for the caller to decide; and so
        is whether a call to a sips URI may go to a sip one.
        """
        if not self.core.config.recurse or self._cancelled or self._decided or response.status not in _FOLLOWED:
            return
        if branch.target.binding is None or not self.invite or self.request.to_tag:
            return
        router, why = self.core.router, str(response.status)
        turn = branch.target.turn or router.turn(self.request, self.routed.uri)
        sips = self.routed.uri.scheme == b"sips"
        groups: list[list[Target]] = []
        for uri in _contacts(response):
            if uri.scheme == b"sips" or not sips:
                groups += self._reached(router.sent_on(turn, why, uri))
        if groups:
            branch.replaced = True
            self._tell_forwarded(groups[0][0].turn, why)
            self._try(groups)

    def _divert(self, turn: Turn | None, why: str) -> bool:
        """Try others in the place of all, where the user has his calls go for that reason. False where that is nowhere,
        or nobody is there."""
        if turn is None or self._cancelled:
            return False
        groups = self._reached(self.core.router.sent_on(turn, why))
        if not groups:
            return False
        self._give_up(UNANSWERED)
        for branch in self._branches:
            branch.replaced = True
        self._tell_forwarded(groups[0][0].turn, why)
        self._try(groups)
        return True

    def _reached(self, turn: Turn | None) -> list[list[Target]]:
        """Whom a call reaches that is sent on: users of ours at their phones, others as they are; perhaps nobody, as
        where no way leads there. For that no phone is silenced, and no answer kept from the caller."""
        try:
            targets = [] if turn is None else self.core.router.reached(turn)
        except SipError:
            return []
        return self._new_groups([target for target in targets if target.leads])

    def _tell_forwarded(self, turn: Turn | None, why: str) -> None:
        """Tell the journal and the caller, whoever sent the call on: a rule of ours or a phone (RFC 5359 §2.7). But no
        181 where the caller insists on reliable provisional responses, which only phones make (RFC 3262 §3)."""
        if self._call is not None and turn is not None:
            self._call.forward(turn.uri, why)
        if b"100rel" not in self.request.values(b"require"):
            self.core.answer(self.server, self.request, 181)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.stop()
            self._patience = None

    def _end(self) -> None:
        """The one final response is known: nothing is waited for any more. Whoever is still being cancelled knows this
        fork, and is not known to it, so that all of it can be forgotten with the last of them."""
        self._decided = True
        self._stop_waiting()
        for timer in self._delays:
            timer.stop()
        self._branches = []

    def _proceed(self) -> None:
        """A branch ended: go on with the next group, or decide, or wait for the others."""
        if self._decided or not self._all_ended:
            return
        if self._groups:
            self._next_group()
        else:
            self._decide()

    def _decide(self) -> None:
        """Choose the best of the final responses and send it (RFC 3261 §16.7 item 6), unless the call goes on."""
        candidates = [branch for branch in self._branches if not branch.replaced]
        # There is none where the caller gave up before those who replace the others had their turn.
        best = min(candidates or [branch for branch in self._branches if branch.status], key=self._rank)
        status, response = best.status, best.response
        # A phone whose host says that it is off (503, ours) answers as little as one that is silent.
        why = NO_ANSWER if status == 503 and response is None else OUTCOMES.get(status)
        if why is not None and self._divert(best.target.turn, why):
            return
        if any(branch.may_cross for branch in self._branches):
            return  # when that one has ended, too, it is decided anew
        self._end()
        if status == 408 and not self.invite:
            # RFC 4320 §4.2: by now the sender has given up too, and a 408 would only be in the way.
            self.server.step("silence")
            return
        if response is None or status == 503:
            self._answer(500 if status == 503 else status, best.reason)
            return
        if status in (401, 407):
            others = [branch.response for branch in candidates if branch is not best and branch.response]
            challenges = [other for other in others if other.status in (401, 407)]
            response = self.core.forwarder.with_challenges(response, challenges)
        self._forward(best, response)
        self._failed(status, response.phrase)

    def _answer(self, status: int, reason: str = "") -> None:
        if self._cancelled:
            status, reason = 487, ""
        headers = (self.core.warning(SipError(status, reason)),) if reason else ()
        self.core.answer(self.server, self.request, status, headers)
        self._failed(status, self.core.config.phrases.own_response(status))

    def _failed(self, status: int, phrase: bytes) -> None:
        if self._call is not None and not self.request.to_tag and self.invite:
            self._call.fail(status, phrase)

    def _rank(self, branch: Branch) -> tuple[bool, int, int]:
        """Lower is better: any 6xx, then the lowest class, then what helps the caller, then what a phone said."""
        status = branch.status
        if status >= 600:
            return False, 0, 0
        if not self.invite and status == 408:
            return True, 9, 0  # nobody may send it (RFC 4320 §4.2), so whatever else was said is better
        if self._cancelled and status == 487:
            return True, 0, 0
        if status in _BEST_OF_4XX:
            return True, status // 100, 0
        if status == 503 or branch.response is None:
            return True, status // 100, 2
        return True, status // 100, 1

    def _forward(self, branch: Branch, response: Response) -> None:
        """Send a response upstream, and tell the call."""
        _send_back(self.core, self.server, response, always=self.invite and 200 <= response.status < 300)
        if self._call is not None and branch.target.flow is not None:
            self._call.response(self.request, response, branch.target.flow)


def _place(target: Target) -> tuple[bytes, Flow | None]:
    """What tells a target from others."""
    return target.uri.text if target.binding is None else target.binding.spec, target.flow


def _send_back(core: Core, server: ServerTransaction, response: Response, always: bool) -> None:
    """Send a response upstream (RFC 3261 §16.7 items 3, 8 and 9). always: a 2xx of an INVITE goes back even where the
    server transaction has sent another final response (item 5)."""
    data, edits = core.forwarder.response(response, server.flow)
    if not server.respond(response.status, data, edits) and always:
        core.outbox.send(server.flow, data, edits)


def _contacts(response: Response) -> list[Uri]:
    """Where a redirection points to, what it prefers first (RFC 3261 §8.1.3.4); what cannot be read is left out."""
    found = []
    for value in response.values(b"contact"):
        try:
            contact = Address(value)
            found.append((float(contact.params.get(b"q") or 1.0), contact.uri))
        except (SipError, ValueError):
            continue
    found.sort(key=itemgetter(0), reverse=True)
    return [uri for _, uri in found]
