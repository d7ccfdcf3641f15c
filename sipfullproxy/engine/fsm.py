"""The four transaction state machines, as tables (RFC 3261 §17, as changed by RFC 6026 §7 and §8).

    TABLE[state][event] = (next state, actions)

The rules of this file: a table is data and nothing else. An event that a state's row does not name does not concern
that state; so a timer that was left running fires into nothing. Events of the wire and of the proxy core: "1xx", "2xx",
"final" (300-699), "request" (a retransmission), "ack", "error" (the transport failed); and "A" … "M", a timer of that
letter; "silence": the proxy core will never answer; "refusal": a final response that goes out once for each copy of the
request, and never by itself (§26.3.2.4). Actions are methods of the transactions in `transaction.py`;
"start X" starts timer X.

The diagrams in `docs/architecture.md` are generated from these tables.
"""

from __future__ import annotations

from typing import Final

Table = dict[str, dict[str, tuple[str, tuple[str, ...]]]]

CALLING: Final = "Calling"
TRYING: Final = "Trying"
PROCEEDING: Final = "Proceeding"
ACCEPTED: Final = "Accepted"
COMPLETED: Final = "Completed"
CONFIRMED: Final = "Confirmed"
TERMINATED: Final = "Terminated"

# RFC 3261 §17.1.1, figure 5; RFC 6026 §8.4, figure 5 (Accepted, timer M).
INVITE_CLIENT: Final[Table] = {
    CALLING: {
        "A": (CALLING, ("resend", "start A")),
        "B": (TERMINATED, ("forget", "timeout")),
        "error": (TERMINATED, ("forget", "failure")),
        "1xx": (PROCEEDING, ("deliver",)),
        "2xx": (ACCEPTED, ("start M", "deliver")),
        "final": (COMPLETED, ("start D", "acknowledge", "deliver")),
    },
    PROCEEDING: {
        "1xx": (PROCEEDING, ("deliver",)),
        "2xx": (ACCEPTED, ("start M", "deliver")),
        "final": (COMPLETED, ("start D", "acknowledge", "deliver")),
    },
    ACCEPTED: {
        "2xx": (ACCEPTED, ("deliver",)),
        "M": (TERMINATED, ("forget",)),
    },
    COMPLETED: {
        "final": (COMPLETED, ("acknowledge",)),
        "D": (TERMINATED, ("forget",)),
        "error": (TERMINATED, ("forget",)),
    },
    TERMINATED: {},
}

# RFC 3261 §17.1.2, figure 6.
NON_INVITE_CLIENT: Final[Table] = {
    TRYING: {
        "E": (TRYING, ("resend", "start E")),
        "F": (TERMINATED, ("forget", "timeout")),
        "error": (TERMINATED, ("forget", "failure")),
        "1xx": (PROCEEDING, ("slow down", "deliver")),
        "2xx": (COMPLETED, ("start K", "deliver")),
        "final": (COMPLETED, ("start K", "deliver")),
    },
    PROCEEDING: {
        "E": (PROCEEDING, ("resend", "start E")),
        "F": (TERMINATED, ("forget", "timeout")),
        "error": (TERMINATED, ("forget", "failure")),
        "1xx": (PROCEEDING, ("deliver",)),
        "2xx": (COMPLETED, ("start K", "deliver")),
        "final": (COMPLETED, ("start K", "deliver")),
    },
    COMPLETED: {
        "K": (TERMINATED, ("forget",)),
    },
    TERMINATED: {},
}

# RFC 3261 §17.2.1, figure 7; RFC 6026 §7.1 (Accepted, timer L). The proxy core sends the 100 itself. A transport error
# changes nothing here: the state stays until its timers end it, to absorb the INVITE when it comes again (same place).
# "silence" is ours, for strangers who are told nothing.
INVITE_SERVER: Final[Table] = {
    PROCEEDING: {
        "request": (PROCEEDING, ("resend",)),
        "1xx": (PROCEEDING, ("send",)),
        "2xx": (ACCEPTED, ("send", "start L")),
        "final": (COMPLETED, ("send", "start G", "start H")),
        "refusal": (COMPLETED, ("send", "start H")),
        "silence": (COMPLETED, ("start H",)),
    },
    ACCEPTED: {
        "request": (ACCEPTED, ()),
        "2xx": (ACCEPTED, ("send",)),
        "L": (TERMINATED, ("forget",)),
    },
    COMPLETED: {
        "request": (COMPLETED, ("resend",)),
        "G": (COMPLETED, ("resend", "start G")),
        "ack": (CONFIRMED, ("start I",)),
        "H": (TERMINATED, ("forget",)),
    },
    CONFIRMED: {
        "ack": (CONFIRMED, ()),
        "I": (TERMINATED, ("forget",)),
    },
    TERMINATED: {},
}

# RFC 3261 §17.2.2, figure 8. RFC 4320 §4.2 adds "silence": no answer at all, but what comes again is still absorbed.
NON_INVITE_SERVER: Final[Table] = {
    TRYING: {
        "request": (TRYING, ()),
        "1xx": (PROCEEDING, ("send",)),
        "2xx": (COMPLETED, ("send", "start J")),
        "final": (COMPLETED, ("send", "start J")),
        "refusal": (COMPLETED, ("send", "start J")),
        "silence": (COMPLETED, ("start J",)),
    },
    PROCEEDING: {
        "request": (PROCEEDING, ("resend",)),
        "1xx": (PROCEEDING, ("send",)),
        "2xx": (COMPLETED, ("send", "start J")),
        "final": (COMPLETED, ("send", "start J")),
        "silence": (COMPLETED, ("start J",)),
        "error": (TERMINATED, ("forget",)),
    },
    COMPLETED: {
        "request": (COMPLETED, ("resend",)),
        "J": (TERMINATED, ("forget",)),
        "error": (TERMINATED, ("forget",)),
    },
    TERMINATED: {},
}

TABLES: Final[dict[str, Table]] = {
    "INVITE client": INVITE_CLIENT,
    "non-INVITE client": NON_INVITE_CLIENT,
    "INVITE server": INVITE_SERVER,
    "non-INVITE server": NON_INVITE_SERVER,
}
"""All tables by the name that the documentation gives them."""
