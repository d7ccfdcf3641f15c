"""What came of a scene, in words that do not depend on chance; and where two outcomes differ.

A message is taken apart into aspects: its start line, each of its headers, their order, its body. What a proxy made up
(tags, branches) stands as `{new}`: all that no phone has said. What may differ without meaning anything is left out.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

from tests.kamailio.stage import Stage
from tests.passing import name_of, split, unfolded

OF_ITS_OWN = {b"server", b"warning", b"content-length"}
"""Left out of what a proxy has written itself: who answers, what he says to people, and that there is no body."""

ADDED = {b"via", b"record-route", b"route", b"max-forwards", b"max-breadth"}
"""What a proxy changes in a request: compared, but its place among the others means nothing."""

COMPACT = {
    b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact", b"l": b"content-length",
    b"c": b"content-type", b"s": b"subject", b"k": b"supported", b"e": b"content-encoding",
}  # fmt: skip

LISTS = {b"allow", b"unsupported", b"supported", b"accept"}
"""Headers of responses whose order means nothing."""

APART = {b"via": ("rport", re.compile(rb";rport=(\d+)")), b"contact": ("alias", re.compile(rb";alias=([^;>]+)"))}
"""Parameters that are compared as an aspect of their own, so that the table can tell of them and of nothing else."""

_TAG = re.compile(rb"(;\s*tag\s*=\s*)([^\s;,>]+)", re.I)
_BRANCH = re.compile(rb"(;branch=)([^\s;,]+)")
_VALUE = re.compile(rb'(?:[^,"<]|"(?:\\.|[^"\\])*"|<[^>]*>)+')
_EXPIRES = re.compile(rb"(;expires=)(\d+)")


class Difference(NamedTuple):
    """One thing that came out differently. scene: its name. what: whose message, and which of its aspects."""

    scene: str
    what: str
    kamailio: str
    ours: str

    @property
    def text(self) -> str:
        """As the table of differences names it."""
        return f"{self.what}: {self.kamailio} / {self.ours}"


class Heard(NamedTuple):
    """A message as a phone got it. kind: its method or status. aspects: all of it that is compared."""

    kind: str
    aspects: dict[str, str]


class Ear:
    """Hears what the phones of one scene got, message by message, and knows what the proxy has made up."""

    def __init__(self) -> None:
        self._said = b""
        self._made_up: set[bytes] = set()

    def say(self, data: bytes) -> None:
        """A phone has sent this."""
        self._said += data + b"\n"

    def hear(self, data: bytes) -> Heard:
        """Take a message apart that a phone got."""
        start, lines, body = split(data)
        response = start.startswith(b"SIP/2.0 ")
        named: dict[bytes, list[bytes]] = {}
        for line in lines:
            named.setdefault(_name(line), []).append(line)
        passed = self._is_a_phones(start, named) if response else not _is_for_one_hop(start, named)
        kind = start.split(b" ")[1 if response else 0].decode("ascii", "backslashreplace")
        aspects = {"start line": _text(start) if passed or not response else kind}
        for name, group in named.items():
            if passed or name not in OF_ITS_OWN:
                values = self._header(name, group, response)
                if name in APART:
                    param, pattern = APART[name]
                    if apart := [found[1] for value in values if (found := pattern.search(value))]:
                        aspects[f"{_text(name)} {param}"] = _text(b" | ".join(apart))
                    values = [pattern.sub(b"", value) for value in values]
                aspects[_text(name)] = _text(b" | ".join(values))
        if passed:
            aspects["order"] = _text(b" ".join(name_of(line) for line in lines if _name(line) not in ADDED))
            aspects["body"] = _text(body)
        return Heard(kind, aspects)

    def _is_a_phones(self, start: bytes, named: dict[bytes, list[bytes]]) -> bool:
        """Whether a response comes from a phone: one has said its first line, and the To tag."""
        tag = _TAG.search(b"".join(named.get(b"to", [])))
        return start in self._said and tag is not None and self._known(tag).endswith(tag[2])

    def _header(self, name: bytes, lines: list[bytes], response: bool) -> list[bytes]:
        """The values of a header as they are compared."""
        values = [line.partition(b":")[2] for line in lines]
        if name == b"via":
            return [self._via(value) for value in _listed(values)]
        if name in (b"route", b"record-route"):
            return [_route(value) for value in _listed(values)]
        if name == b"max-forwards":
            return [value.strip().lstrip(b"0") or b"0" for value in values]
        if name == b"contact" and response:
            return sorted(_contact(value) for value in _listed(values))
        if name in LISTS and response:
            return sorted(_listed(values))
        return [_TAG.sub(self._known, line) for line in lines]

    def _via(self, value: bytes) -> bytes:
        """One Via; its parameters sorted, because their order means nothing, and without a port that is the default."""
        first, *params = _BRANCH.sub(self._known, value).split(b";")
        return b";".join([first.strip().removesuffix(b":5060"), *sorted(param.replace(b" ", b"") for param in params)])

    def _known(self, found: re.Match[bytes]) -> bytes:
        """A tag or a branch, if a phone has said it first."""
        name, word = found[1], found[2]
        if word not in self._said:
            self._made_up.add(word)
        return name + (b"{new}" if word in self._made_up else word)


def _is_for_one_hop(start: bytes, named: dict[bytes, list[bytes]]) -> bool:
    """Whether a request is of the proxy's own making: the CANCEL of what it forwarded, the ACK of a refusal."""
    return start.startswith((b"ACK ", b"CANCEL ")) and len(_listed(named.get(b"via", []))) == 1


def _name(line: bytes) -> bytes:
    return COMPACT.get(name_of(line), name_of(line))


def _route(value: bytes) -> bytes:
    """One Route; `:5060` is the default, and whether `lr` has a value means nothing (RFC 3261 §19.1.1)."""
    value = value.replace(b":5060", b"").replace(b"lr=on", b"lr")
    return re.sub(rb"^<sip:[^@>;]+@(10\.0\.0\.1[;>])", rb"<sip:{new}@\1", value)


def _listed(values: list[bytes]) -> list[bytes]:
    """Values of a list header, each without its folds."""
    return [unfolded(one) for value in values for one in _VALUE.findall(value) if one.strip()]


def _contact(value: bytes) -> bytes:
    """A Contact that the registrar lists; its parameters sorted, because their order means nothing."""
    uri, _, params = _EXPIRES.sub(_about, value).partition(b">")
    return b";".join([uri + b">", *sorted(params.replace(b"q=1.0", b"q=1").split(b";")[1:])])


def _about(found: re.Match[bytes]) -> bytes:
    """Seconds that are left, to the next ten: some may have gone by."""
    return found[1] + b"%d" % (-(-int(found[2]) // 10) * 10)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace").replace("\r\n", "\\r\\n")


# -- two of them -------------------------------------------------------------------------------------------------------


def differences(scene: str, kamailio: Stage, ours: Stage) -> list[Difference]:
    """Where the two outcomes of a scene differ.

    From the step on in which a phone of one gets something that the other one's does not get, the two are different
    stories, so nothing after that step is compared.
    """
    if kamailio.prepared != ours.prepared:
        pairs = [pair for pair in zip(kamailio.prepared, ours.prepared, strict=False) if pair[0] != pair[1]]
        return [Difference(scene, "REGISTER before the scene", *pairs[0])]
    found: list[Difference] = []
    names = ours.names()
    ears = Ear(), Ear()
    for there, here in zip(kamailio.steps, ours.steps, strict=False):
        ears[0].say(there.said)
        ears[1].say(here.said)
        parted = False
        for name, *datagrams in zip(names, there.got, here.got, strict=True):
            heard = [[ear.hear(data) for data in got] for ear, got in zip(ears, datagrams, strict=True)]
            waits = [", ".join(one.kind for one in side if one.kind == "100") or "-" for side in heard]
            if waits[0] != waits[1]:
                found.append(Difference(scene, f"{name} is told to wait", *waits))
            heard = [[one for one in side if one.kind != "100"] for side in heard]
            kinds = [", ".join(one.kind for one in side) or "nothing" for side in heard]
            if kinds[0] != kinds[1]:
                found.append(Difference(scene, f"{name} gets", *kinds))
                parted = True
                continue
            for left, right in zip(*heard, strict=True):
                found += _aspects(scene, f"{name}'s {left.kind}", left.aspects, right.aspects)
        if parted:
            break
    return list(dict.fromkeys(found))


def _aspects(scene: str, whose: str, kamailio: dict[str, str], ours: dict[str, str]) -> list[Difference]:
    return [
        Difference(scene, f"{whose} {aspect}", *_shown(kamailio.get(aspect), ours.get(aspect)))
        for aspect in sorted(kamailio.keys() | ours.keys())
        if kamailio.get(aspect) != ours.get(aspect)
    ]


def _shown(*sides: str | None) -> tuple[str, str]:
    """Two lists without the values that they share, so that what differs stands out; "-" where there is none."""
    if None in sides:
        left, right = ("-" if side is None else side or "(empty)" for side in sides)
        return left, right
    both = [pair for pair in zip_longest(*(str(side).split(" | ") for side in sides)) if pair[0] != pair[1]]
    left, right = (" | ".join(one for one in side if one) or "-" for side in zip(*both, strict=True))
    return left, right
