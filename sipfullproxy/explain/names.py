"""How header names are spelled, and how people and their phones are called in a sentence."""

from __future__ import annotations

from typing import Final

from sipfullproxy.engine.flow import Flow
from sipfullproxy.explain.reading import Reading, plain, spec, user
from sipfullproxy.explain.trail import LONGEST_NAME, Trail
from sipfullproxy.journal.safe import safe
from sipfullproxy.lang import Lang
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.uri import parse_uri

_SPELLED: Final = {
    name.lower(): name
    for name in (
        b"Call-ID", b"CSeq", b"WWW-Authenticate", b"MIME-Version", b"SIP-ETag", b"SIP-If-Match", b"RAck", b"RSeq",
        b"Min-SE", b"Content-ID", b"Remote-Party-ID", b"User-to-User",
    )
}  # fmt: skip


def title(name: bytes) -> str:
    """A canonical header name as the RFCs spell it: b"call-id" → "Call-ID"."""
    return plain(_SPELLED.get(name) or b"-".join(part.capitalize() for part in name.split(b"-")))


def phone(trail: Trail, flow: Flow, lang: Lang) -> str:
    """The phone at the other end of a flow, as a sentence calls it: "alice's phone", „telefón používateľa alice“."""
    name = trail.person(flow)
    if not name:
        return f"telefón na {flow.address}" if lang == "sk" else f"the phone at {flow.address}"
    which = "" if trail.alone(flow) else f" ({flow.address})"
    return f"telefón používateľa {name}{which}" if lang == "sk" else f"{name}'s phone{which}"


def inflected(phone: str, lang: Lang) -> str:
    """A phone, as `phone` names it, to whom something is sent or whose it is: „telefónu používateľa alice“.

    The second and the third case of Slovak are the same word here; English has none.
    """
    return phone.replace("telefón ", "telefónu ", 1) if lang == "sk" else phone


def owner(trail: Trail, flow: Flow, lang: Lang) -> str:
    """Whose phone that is: "alice", „používateľ alice“; the phone itself where nobody knows."""
    name = trail.person(flow)
    if not name:
        return phone(trail, flow, lang)
    return f"používateľ {name}" if lang == "sk" else name


def person(value: bytes) -> str:
    """Who is meant by a URI or an address: the user's name, or all of it where it has none."""
    return safe((user(value) or spec(value)).decode("utf-8", "replace"), LONGEST_NAME)


def host_of(uri: bytes) -> str:
    """The host that a URI names; "?" where it is none."""
    try:
        return safe(parse_uri(uri).host.decode("utf-8", "replace"), LONGEST_NAME)
    except SipError:
        return "?"


def status_of(reading: Reading) -> str:
    """Number and words of a response: "486 Busy Here"."""
    return f"{reading.status} {safe(reading.phrase.decode('utf-8', 'replace'))}".rstrip()


def capitalized(text: str, *names: str) -> str:
    """A sentence with its capital letter; but where it begins with one of these names, that stays as it is."""
    return text if any(name and text.startswith(name) for name in names) else text[:1].upper() + text[1:]
