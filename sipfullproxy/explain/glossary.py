"""What a student may point at in a message, and the words that explain it; they live in `glossary/*.toml`.

Keys: "header.via", "method.INVITE", "status.486", "sdp.m", "sdp.a.rtpmap", "param.branch".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from sipfullproxy.explain.names import title
from sipfullproxy.explain.reading import Reading
from sipfullproxy.explain.words import toml
from sipfullproxy.lang import LANGS, Lang
from sipfullproxy.sip.phrases import PHRASES

MOST_TERMS: Final = 32
"""Parameters of one line that are explained: a line that strangers wrote may have thousands."""

# Lenient: any name behind a separator; what is no parameter is not in the glossary.
_PARAMETER = re.compile(rb"[;,?&\s](\+?[A-Za-z][A-Za-z0-9.\-]{0,40})(?=[=;,>\s]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """An entry. key: see above. title: what is explained, as it is spelled. text: one or two sentences.

    hint: what to try, where it is a failure; or "". source: where to read on.
    """

    key: str
    title: str
    text: str
    hint: str
    source: str


def word(key: str, lang: Lang) -> Word | None:
    """The entry of a key; None where there is none."""
    return words(lang).get(key)


@cache
def words(lang: Lang) -> Mapping[str, Word]:
    """The whole glossary in one language, by key."""
    found = {}
    for room, spelled in _ROOMS.items():
        for name, entry in toml("glossary", spelled).items():
            key = f"{room}.{name}"
            found[key] = Word(
                key=key, title=_title(room, name, lang), text=entry[lang], hint=entry.get(f"try_{lang}", ""),
                source=entry["source"],
            )  # fmt: skip
    return found


_ROOMS: Final = {
    "header": "headers", "method": "methods", "status": "statuses", "sdp": "sdp", "param": "parameters",
}  # fmt: skip


def key_of_header(name: bytes) -> str:
    """The key of a header by its canonical name; "" where nobody has explained it."""
    return _known(f"header.{name.decode('ascii', 'replace')}")


def key_of_start(reading: Reading) -> str:
    """The key of what a start line says: of a method or a status, or else of its class."""
    if reading.status:
        return _known(f"status.{reading.status}") or f"status.{reading.status // 100}xx"
    return _known(f"method.{reading.method.decode('ascii', 'replace')}")


def key_of_sdp(line: bytes) -> str:
    """The key of a line of a session description."""
    letter, mark, rest = line[:1], line[1:2], line[2:]
    if mark != b"=":
        return ""
    key = f"sdp.{letter.decode('ascii', 'replace')}"
    name = rest.partition(b":")[0].strip()[:40].decode("ascii", "replace")
    return (_known(f"sdp.a.{name}") if letter == b"a" else "") or _known(key)


def terms(value: bytes) -> tuple[str, ...]:
    """The keys of the parameters in a header value that the glossary knows, each once, in order."""
    found: dict[str, None] = {}
    for name in _PARAMETER.findall(value):
        key = _known(f"param.{name.lower().decode('ascii')}")
        if key:
            found[key] = None
            if len(found) == MOST_TERMS:
                break
    return tuple(found)


def _known(key: str) -> str:
    return key if key in words(LANGS[0]) else ""


def _title(room: str, name: str, lang: Lang) -> str:
    if room == "header":
        return title(name.encode())
    if room == "status":
        return f"{name} {PHRASES[int(name)][LANGS.index(lang)]}" if name.isdigit() else name
    if room == "sdp":
        return f"{name[0]}={name[2:]}"
    return name
