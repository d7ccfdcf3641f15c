"""The shape of the database of calls, its steps from version to version, and how its rows become nouns again."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from sipfullproxy.engine.events import KINDS, SCHEMA, CallEvent, Event
from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.cards import CallCard, fold, short_id
from sipfullproxy.journal.database import OTHERS, Shape
from sipfullproxy.journal.record import Record

COLUMNS: Final = tuple(field.name for field in fields(CallCard))
"""Those of the table of calls, but for the text that is searched."""

_FLAGS: Final = tuple(COLUMNS.index(name) for name in ("held", "video", "conference", "missing"))
_WENT_TO: Final = COLUMNS.index("went_to")

STEPS: Final = (
    """
    CREATE TABLE calls (
        id TEXT PRIMARY KEY, call TEXT, leg TEXT, caller TEXT, callee TEXT, state TEXT, began REAL, changed REAL,
        answered REAL, over REAL, "end" TEXT, status INTEGER, why TEXT, held INTEGER, video INTEGER,
        conference INTEGER, went_to TEXT, missing INTEGER, search TEXT
    );
    CREATE INDEX calls_by_began ON calls (began);
    CREATE INDEX calls_in_progress ON calls (state) WHERE state != 'over';
    CREATE TABLE events (
        place INTEGER PRIMARY KEY, id TEXT, time REAL, kind TEXT, schema INTEGER, fields TEXT
    );
    CREATE INDEX events_by_call ON events (id);
    CREATE INDEX events_by_time ON events (time);
    CREATE TABLE messages (
        place INTEGER PRIMARY KEY, call TEXT, number INTEGER, time REAL, inward INTEGER, flow TEXT, data BLOB, cause,
        edits TEXT, UNIQUE (call, number)
    );
    """,
)

SHAPE: Final = Shape(
    STEPS,
    (
        f"PRAGMA busy_timeout = {int(OTHERS * 1000)}",
        "PRAGMA auto_vacuum = INCREMENTAL",  # counts in a new file only
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",  # what a process wrote outlives it; only a power cut may cost the last seconds
        "PRAGMA journal_size_limit = 4194304",
    ),
)

VERSION: Final = len(STEPS)

WRITE_CALL: Final = f"INSERT OR REPLACE INTO calls VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
WRITE_EVENT: Final = "INSERT INTO events (id, time, kind, schema, fields) VALUES (?, ?, ?, ?, ?)"
WRITE_MESSAGE: Final = (
    "INSERT OR IGNORE INTO messages (call, number, time, inward, flow, data, cause, edits) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
READ_CALL: Final = "SELECT {} FROM calls".format(", ".join(f'"{name}"' for name in COLUMNS))
READ_EVENT: Final = "SELECT kind, schema, fields FROM events"
READ_MESSAGE: Final = "SELECT number, time, inward, flow, data, cause, edits FROM messages"


def database_path(journal: Path) -> Path | None:
    """Where the database is that belongs to a text journal: beside it. None where that is a device, such as /dev/null,
    beside which nobody expects a file."""
    if os.path.exists(journal) and not journal.is_file():  # where nothing may be seen, nothing is
        return None
    return journal.with_suffix(".db") if journal.suffix != ".db" else journal.with_name(f"{journal.name}.db")


def call_row(card: CallCard) -> tuple[Any, ...]:
    """A card as WRITE_CALL wants it."""
    values = [getattr(card, name) for name in COLUMNS]
    values[_WENT_TO] = json.dumps(card.went_to, ensure_ascii=False)
    return (*values, fold("\n".join((card.caller, card.callee, card.call, card.id))))


def card_of(row: tuple[Any, ...]) -> CallCard | None:
    """A row of READ_CALL as a card; None where it is damaged."""
    values = list(row)
    for place in _FLAGS:
        values[place] = bool(values[place])
    try:
        values[_WENT_TO] = tuple(json.loads(values[_WENT_TO]))
    except (TypeError, ValueError):
        return None
    return CallCard(**dict(zip(COLUMNS, values, strict=True)))


def event_row(event: Event) -> tuple[Any, ...]:
    """An event as WRITE_EVENT wants it."""
    id = short_id(event.call, event.leg) if isinstance(event, CallEvent) else ""
    return id, event.time, event.kind, event.schema, json.dumps(asdict(event), ensure_ascii=False)


def event_of(row: tuple[Any, ...]) -> Event | None:
    """A row of READ_EVENT as an event; None where another version of the program wrote it, in a shape of its own."""
    kind, schema, text = row
    if kind not in KINDS or schema != SCHEMA:
        return None
    try:
        return KINDS[kind](**json.loads(text))
    except (TypeError, ValueError):
        return None


def message_row(call: str, record: Record) -> tuple[Any, ...]:
    """A record as WRITE_MESSAGE wants it."""
    flow, edits = json.dumps(record.flow), json.dumps(record.edits)
    return call, record.number, record.time, record.inward, flow, record.data, record.cause, edits


def record_of(row: tuple[Any, ...]) -> Record | None:
    """A row of READ_MESSAGE as a record; None where it is damaged."""
    number, time, inward, flow, data, cause, edits = row
    try:
        transport, local, remote, *more = json.loads(flow)  # so many as Flow had when it was written
        way = Flow(transport, (local[0], local[1]), (remote[0], remote[1]), *more)
        return Record(number, time, bool(inward), way, data, cause, tuple(json.loads(edits)))
    except (TypeError, ValueError, LookupError):
        return None
