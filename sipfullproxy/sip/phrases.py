"""The reason phrases of SIP responses, in Slovak and in English (RFC 3261 §7.2, §21).

A program reads the number of a response, a person its phrase; so the phrase is the one part of a response that a proxy
may put into the language of its people. Linphone on Android, iOS and desktop shows UTF-8 there as it should.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sipfullproxy.lang import LANGS

MODES: Final = ("all", "own", "off")
"""Whose phrases are ours to word: all that pass, only those of the proxy's own responses, or none (plain English)."""

FIRST_STATUS: Final = 100
LAST_STATUS: Final = 699
"""RFC 3261 §25.1 `Status-Code` knows six classes; a first digit of 7, 8 or 9 is no SIP response."""

PHRASES: Final[Mapping[int, tuple[str, str]]] = {
    100: ("Pokúšam sa spojiť", "Trying"),
    180: ("Zvoní", "Ringing"),
    181: ("Hovor sa presmerúva", "Call Is Being Forwarded"),
    182: ("Čaká v poradí", "Queued"),
    183: ("Spojenie sa nadväzuje", "Session Progress"),
    199: ("Predbežný dialóg ukončený", "Early Dialog Terminated"),
    200: ("Vybavené OK", "OK"),
    202: ("Prijaté", "Accepted"),
    204: ("Bez oznámenia", "No Notification"),
    300: ("Viac možností", "Multiple Choices"),
    301: ("Natrvalo presunuté", "Moved Permanently"),
    302: ("Dočasne presunuté", "Moved Temporarily"),
    305: ("Použite proxy", "Use Proxy"),
    380: ("Náhradná služba", "Alternative Service"),
    400: ("Zlá žiadosť", "Bad Request"),
    401: ("Vyžaduje sa prihlásenie", "Unauthorized"),
    402: ("Vyžaduje sa platba", "Payment Required"),
    403: ("Zakázané", "Forbidden"),
    404: ("Nenájdené", "Not Found"),
    405: ("Nepovolená metóda", "Method Not Allowed"),
    406: ("Neprijateľné", "Not Acceptable"),
    407: ("Vyžaduje sa prihlásenie na proxy", "Proxy Authentication Required"),
    408: ("Čas na odpoveď vypršal", "Request Timeout"),
    410: ("Už tu nie je", "Gone"),
    412: ("Podmienka nie je splnená", "Conditional Request Failed"),
    413: ("Príliš veľké telo žiadosti", "Request Entity Too Large"),
    414: ("Príliš dlhá adresa v žiadosti", "Request-URI Too Long"),
    415: ("Nepodporovaný typ obsahu", "Unsupported Media Type"),
    416: ("Nepodporovaná schéma adresy", "Unsupported URI Scheme"),
    417: ("Neznáma priorita", "Unknown Resource-Priority"),
    420: ("Nepodporované rozšírenie", "Bad Extension"),
    421: ("Vyžaduje sa rozšírenie", "Extension Required"),
    422: ("Príliš krátky interval relácie", "Session Interval Too Small"),
    423: ("Príliš krátky interval", "Interval Too Brief"),
    424: ("Chybný údaj o polohe", "Bad Location Information"),
    425: ("Chybná výstražná správa", "Bad Alert Message"),
    428: ("Použite hlavičku Identity", "Use Identity Header"),
    429: ("Uveďte, kto hovor prepája", "Provide Referrer Identity"),
    430: ("Spojenie s telefónom zlyhalo", "Flow Failed"),
    433: ("Anonymné hovory nie sú povolené", "Anonymity Disallowed"),
    436: ("Chybný údaj o totožnosti", "Bad Identity Info"),
    437: ("Nepodporované poverenie", "Unsupported Credential"),
    438: ("Neplatná hlavička Identity", "Invalid Identity Header"),
    439: ("Prvý server nepodporuje outbound", "First Hop Lacks Outbound Support"),
    440: ("Príliš veľa vetiev", "Max-Breadth Exceeded"),
    469: ("Nepodporovaný balík INFO", "Bad Info Package"),
    470: ("Vyžaduje sa súhlas", "Consent Needed"),
    480: ("Momentálne som preč", "Temporarily Unavailable"),
    481: ("Hovor ani transakcia neexistuje", "Call/Transaction Does Not Exist"),
    482: ("Zistená slučka", "Loop Detected"),
    483: ("Príliš veľa skokov", "Too Many Hops"),
    484: ("Neúplná adresa", "Address Incomplete"),
    485: ("Nejednoznačná adresa", "Ambiguous"),
    486: ("Obsadené", "Busy Here"),
    487: ("Žiadosť zrušená", "Request Terminated"),
    488: ("Tu neprijateľné", "Not Acceptable Here"),
    489: ("Nepodporovaná udalosť", "Bad Event"),
    491: ("Predošlá žiadosť ešte trvá", "Request Pending"),
    493: ("Nedá sa dešifrovať", "Undecipherable"),
    494: ("Vyžaduje sa bezpečnostná dohoda", "Security Agreement Required"),
    500: ("Vnútorná chyba servera", "Server Internal Error"),
    501: ("Neimplementované", "Not Implemented"),
    502: ("Chybná brána", "Bad Gateway"),
    503: ("Služba je nedostupná", "Service Unavailable"),
    504: ("Server neodpovedal včas", "Server Time-out"),
    505: ("Nepodporovaná verzia SIP", "Version Not Supported"),
    513: ("Príliš veľká správa", "Message Too Large"),
    555: ("Nepodporovaná služba push oznámení", "Push Notification Service Not Supported"),
    580: ("Nesplnená vstupná podmienka", "Precondition Failure"),
    600: ("Všade obsadené", "Busy Everywhere"),
    603: ("Zamietnuté", "Decline"),
    604: ("Nikde neexistuje", "Does Not Exist Anywhere"),
    606: ("Nikde neprijateľné", "Not Acceptable"),
    607: ("Neželaný hovor", "Unwanted"),
    608: ("Odmietnuté sprostredkovateľom", "Rejected"),
}
"""Every status in IANA's registry "Session Initiation Protocol (SIP) Parameters: Response Codes" (75 of them).

409 and 411 are not among them: they come from RFC 2543 and were never registered.
"""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What RFC 3261 §25.1 `Reason-Phrase` has no place for: controls, every Unicode line break, what is no UTF-8.

The grammar is stricter yet (no quotes, no angle brackets); no parser was ever seen to mind those.
"""


class Phrasebook:
    """Answers which phrase a response carries. Made once, read for every response.

    lang: "sk" or "en". mode: "all" words every response that passes, "own" only those that the proxy writes itself,
    "off" none: the proxy's are the English ones of the RFCs, and `own` is not looked at.
    own: phrases of the user's choice by status; they win over those of the language.

    Raises ValueError for an unknown language or mode, for a status outside 100-699, and for a phrase that holds a
    control character or a line break, which would let it end its header line and begin another.
    """

    __slots__ = ("_relayed", "_written", "lang", "mode")

    def __init__(self, lang: str = "sk", mode: str = "all", own: Mapping[int, str] | None = None) -> None:
        if lang not in LANGS:
            raise ValueError(f"unknown language of phrases {lang!r}; choose one of {', '.join(LANGS)}")
        if mode not in MODES:
            raise ValueError(f"unknown mode of phrases {mode!r}; choose one of {', '.join(MODES)}")
        chosen = own or {}
        for status, phrase in chosen.items():
            _check(status, phrase)
        self.lang = lang
        self.mode = mode
        column = LANGS.index("en" if mode == "off" else lang)
        self._written = {status: row[column].encode() for status, row in PHRASES.items()}
        if mode != "off":
            self._written |= {status: phrase.encode() for status, phrase in chosen.items()}
        self._relayed = self._written if mode == "all" else {}

    def __repr__(self) -> str:
        return f"Phrasebook({self.lang!r}, {self.mode!r})"

    def own_response(self, status: int) -> bytes:
        """The phrase, in UTF-8, for a response of `status` (100-699) that the proxy writes itself.

        A status that nobody named is worded as the first of its class, as it is to be understood (RFC 3261 §8.1.3.2).
        """
        phrase = self._written.get(status)
        return self._written[status // 100 * 100] if phrase is None else phrase

    def relayed(self, status: int, phrase: bytes) -> bytes:
        """The phrase that a relayed response of `status` must carry; `phrase` itself, as it came, where it stays."""
        return self._relayed.get(status, phrase)


def _check(status: int, phrase: str) -> None:
    """Raises ValueError for what must not get into a status line."""
    if not FIRST_STATUS <= status <= LAST_STATUS:
        raise ValueError(f"no SIP status: {status}; a phrase can be given for {FIRST_STATUS} to {LAST_STATUS}")
    if found := _UNPRINTABLE.search(phrase):
        raise ValueError(f"the phrase for {status} holds {found.group()!r}; control characters have no place in it")
