"""The words of the proxy's journal, which the students hand in, as patterns: {0} and {1} are users, in this order.

The words are Slovak, as the course wants them. They are all here, so that a test reads in one language.
"""

from __future__ import annotations

REGISTERED = r"Bol zaregistrovaný nový používateľ: {0}@\S+ \[Adresa: "
UNREGISTERED = r"Bol odhlásený používateľ: {0}@"
RINGING = r"Zvonenie {0}@\S+ -> {1}@"
STARTED = r"Začiatok hovoru {0}@\S+ -> {1}@"
VIDEO = r"Videohovor {0}@\S+ -> {1}@"
HELD = r"Podržaný hovor {0}@\S+ -> {1}@"
RESUMED = r"Obnovený hovor {0}@\S+ -> {1}@"
FORWARDED = r"Presmerovanie hovoru {0}@\S+ -> {1}@\S+ \[Na: \S*{2}@"
FORWARDED_ALWAYS = FORWARDED + r"\S+\] \[Dôvod: vždy\]"
FORWARDED_BUSY = FORWARDED + r"\S+\] \[Dôvod: obsadené\]"
FORWARDED_UNANSWERED = FORWARDED + r"\S+\] \[Dôvod: nikto neodpovedal\]"
TRANSFERRED = r"Prepojenie hovoru {0}@\S+ -> {1}@\S+ \[Na: \S*{2}@\S+\] \[Výsledok: úspešné\]"
NOT_TRANSFERRED = r"Prepojenie hovoru {0}@\S+ -> {1}@\S+ \[Na: \S*{2}@\S+\] \[Výsledok: neúspešné\]"
CONFERENCE = r"Konferencia {0}@\S+ -> {1}@"
DECLINED = r"Zamietnutý hovor {0}@\S+ -> {1}@"
BUSY = r"Obsadené {0}@\S+ -> {1}@"
CANCELLED = r"Zrušený hovor {0}@\S+ -> {1}@"
MISSED = r"Zmeškaný hovor {0}@\S+ -> {1}@"
FAILED = r"Neúspešný hovor {0}@\S+ -> {1}@"
ENDED = r"Koniec hovoru {0}@\S+ -> {1}@"

# What the caller's phone shows.
BUSY_STATUS = "486 Obsadené"
