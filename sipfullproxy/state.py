"""What outlives a restart: a folder of the user's, how a secret is kept in it, and the key that signs flow tokens.

Phones in a call carry those tokens (RFC 5626 §5.2) in their route sets; with a new key after each start, the requests
of calls that are older than the start would be strangers to us.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

NAME = "sipfullproxy"

# As long as the output of the HMAC's hash, beyond which a key gains nothing (RFC 2104 §3).
KEY_SIZE = 32


def folder(
    platform: str = sys.platform, environment: Mapping[str, str] = os.environ, home: Callable[[], Path] = Path.home
) -> Path:
    """The folder where this operating system keeps what programs remember for a user. It need not exist yet.

    Raises RuntimeError for a user who has no home.
    """
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else home() / "AppData" / "Local") / NAME
    if platform == "darwin":
        return home() / "Library" / "Application Support" / NAME
    # The XDG Base Directory Specification: a path that is not absolute is to be ignored.
    state = Path(environment.get("XDG_STATE_HOME", ""))
    return (state if state.is_absolute() else home() / ".local" / "state") / NAME


def flow_key(place: Path, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """The secret of KEY_SIZE bytes kept in the folder `place`; where there is none of that size, `random` makes it.

    Raises OSError when it can be neither read nor kept.
    """
    file = place / "flow.key"
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) == KEY_SIZE:
        return key
    key = random(KEY_SIZE)
    keep(file, key)
    return key


def keep(file: Path, secret: bytes) -> None:
    """Write a file that nobody else can read, and its folder where there is none. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(file, secret)


def write(file: Path, secret: bytes) -> None:
    """Write a file that nobody else can read: all of it or none of it, whatever happens meanwhile. Raises OSError."""
    # Written beside and moved into place: two proxies that start at once must not read half a secret of each other's.
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        with open(fresh, "wb", opener=_private) as opened:
            opened.write(secret)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _private(path: str, flags: int) -> int:
    """For `open`, as its opener: a new file is for nobody else to read. The flags are Python's own: without its
    O_BINARY, Windows would put a carriage return before each byte that looks like the end of a line."""
    return os.open(path, flags, 0o600)
