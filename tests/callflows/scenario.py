"""A SIPp scenario, step by step, and what a step may check. Patterns are POSIX extended regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import quoteattr


class Scenario:
    """What one SIPp does."""

    def __init__(self) -> None:
        self._steps: list[str] = []
        self._calling = False

    def send(self, message: list[str], body: str) -> None:
        """Send a message: its start line and its headers, to which Content-Length is added."""
        text = "\n".join([*message, f"Content-Length: {size(body)}", "", body])
        self._steps.append(f"  <send><![CDATA[\n{text}\n]]></send>")
        self._calling = message[0].startswith("INVITE ")

    def take(self, what: str, actions: Iterable[str]) -> None:
        """Wait for a request by its method, or for a response by its status."""
        if self._calling and what != "100":
            # Not every figure draws the 100 that a proxy sends when the answer takes long (RFC 3261 §16.2).
            self._steps.append('  <recv response="100" optional="true"/>')
        self._calling = False
        kind = "response" if what.isdigit() else "request"
        self._steps.append("\n".join([f'  <recv {kind}="{what}"><action>', *actions, "  </action></recv>"]))

    @property
    def xml(self) -> str:
        """The file. SIPp refuses variables that nobody reads, so all are read at its end."""
        steps = "\n".join(self._steps)
        variables = ",".join(sorted(set(re.findall(r'assign_to="(\w+)"', steps))))
        return (
            f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="a part">\n{steps}\n'
            f'  <Reference variables="{variables}"/>\n</scenario>\n'
        )


def has(pattern: str) -> str:
    """The message must match somewhere."""
    return f'<ereg search_in="msg" regexp={quoteattr(pattern)} check_it="true" assign_to="seen"/>'


def has_not(pattern: str) -> str:
    """The message must not match."""
    return f'<ereg search_in="msg" regexp={quoteattr(pattern)} check_it_inverse="true" assign_to="seen"/>'


def lines(*texts: str) -> list[str]:
    """Each of these lines must stand in the message; behind "no ": no header of that name."""
    return [
        has_not(f"[[:cntrl:]]{text[3:]}:") if text.startswith("no ") else has(f"[[:cntrl:]]{literal(text)}[[:cntrl:]]")
        for text in texts
    ]


def keep(variable: str, header: str, place: int, pattern: str) -> str:
    """The header at that place from the top must match; what matches is kept for later."""
    return (
        f'<ereg search_in="hdr" header="{header}:" occurence="{place}" regexp={quoteattr(pattern)} check_it="true" '
        f'assign_to="{variable}"/>'
    )


def at_most(header: str, count: int) -> str:
    """There must be no more than so many headers of that name."""
    return (
        f'<ereg search_in="hdr" header="{header}:" occurence="{count + 1}" regexp="." check_it_inverse="true" '
        f'assign_to="seen"/>'
    )


def same(variable: str, other: str) -> str:
    """Two kept values must be the same."""
    return f'<strcmp assign_to="differ" variable="{variable}" variable2="{other}" check_it="true"/>'


def touch(file: Path) -> str:
    """Tell the world: make a file."""
    return f"<exec command={quoteattr(f'touch {file}')}/>"


def literal(text: str) -> str:
    """The pattern that matches just this text."""
    return re.sub(r"([\\.^$|?*+(){}\[\]])", r"\\\1", text)


def size(body: str) -> int:
    """Bytes on the wire, where SIPp ends lines with CRLF."""
    return len(body.replace("\n", "\r\n").encode())
