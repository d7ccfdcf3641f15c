"""The users file: who can log in, and the hashes of their passwords. Written by `main.py user`, read by the proxy.

    realm = "sipfullproxy"

    algorithms = ["SHA-256", "MD5"]

    [users.boris]
    SHA-256 = "…"
    MD5 = "…"

The realm is hashed with each password, so it stands beside the hashes and stays as it was when the file was new. The
algorithms are what phones are offered, and each user has a hash by each. If an old one trips over SHA-256: `["MD5"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sipfullproxy import state
from sipfullproxy.engine.registrar import LONGEST_USER
from sipfullproxy.lang import Lang, Words
from sipfullproxy.settings import SettingsError, parse
from sipfullproxy.sip.digest import ALGORITHMS, MD5, SHA256, hash_of

FILE = Path("users.toml")
"""Where the file is when nobody says."""

REALM = "sipfullproxy"
"""Of a new file. No address and no name of a machine: those change, and all passwords would have to be typed again."""

LONGEST_REALM = 100
"""Characters. It goes out in each challenge, and phones show it when they ask for a password."""

_LENGTHS = {MD5: 32, SHA256: 64}
"""Hexadecimal digits of a hash."""

_HEAD = """\
# Who can log in to sipfullproxy. Written by `main.py user`, which keeps no comments.
# These hashes are as good as the passwords: whoever reads them can log in.
"""

Hashes = Mapping[bytes, Mapping[bytes, bytes]]
"""By a user's name, and then by algorithm, the hash of his password (`sip.digest.hash_of`)."""

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class UsersFile:
    """What stands in the file."""

    realm: str = REALM
    hashes: Hashes = field(default_factory=dict, repr=False)
    algorithms: tuple[bytes, ...] = ALGORITHMS

    def with_user(self, name: str, password: str) -> UsersFile:
        """The same with a user, or with another password of one."""
        user = name.encode()
        hashes = {
            algorithm: hash_of(algorithm, user, self.realm.encode(), password.encode()) for algorithm in self.algorithms
        }
        return replace(self, hashes={**self.hashes, user: hashes})

    def without(self, name: str) -> UsersFile:
        """The same without a user."""
        return replace(self, hashes={user: hashes for user, hashes in self.hashes.items() if user != name.encode()})


def read(path: Path, lang: Lang) -> UsersFile:
    """Read the file. Raises SettingsError where it cannot be read, or is none, with the place that is wrong."""
    given = parse(path, lang)
    realm, users = given.pop("realm", REALM), given.pop("users", {})
    algorithms = _algorithms(path, given.pop("algorithms", [name.decode() for name in ALGORITHMS]), lang)
    if not isinstance(realm, str) or not realm.isprintable() or not 0 < len(realm) <= LONGEST_REALM:
        raise SettingsError(f"{path}: realm: {_NO_REALM[lang]}")
    if given or not isinstance(users, dict):
        raise SettingsError(f"{path}: {next(iter(given), 'users')}: {_NO_TABLE[lang]}")
    hashes = {_name(path, name, lang): _hashes(path, name, table, algorithms, lang) for name, table in users.items()}
    return UsersFile(realm, hashes, algorithms)


def write(path: Path, file: UsersFile) -> None:
    """Write the file, for nobody else to read: all of it or none of it, whatever happens meanwhile. Raises OSError."""
    algorithms = ", ".join(_quoted(algorithm.decode()) for algorithm in file.algorithms)
    lines = [_HEAD, f"realm = {_quoted(file.realm)}\n", f"algorithms = [{algorithms}]\n"]
    for name, hashes in sorted(file.hashes.items()):
        lines.append(f"\n[users.{_quoted(name.decode())}]\n")
        lines += [f'{algorithm.decode()} = "{value.decode()}"\n' for algorithm, value in hashes.items()]
    state.write(path, "".join(lines).encode())


def stamp(path: Path) -> Stamp | None:
    """What differs when the file was written anew; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def user(name: str, lang: Lang) -> str:
    """A name that a user can have. Raises SettingsError: a colon is no part of one, since it ends the name in what is
    hashed; nor is a domain."""
    if not re.fullmatch(r"[^\s:@]+", name) or not name.isprintable() or len(name.encode()) > LONGEST_USER:
        raise SettingsError(f"{name!r}: {_NO_USER[lang]}")
    return name


def _algorithms(path: Path, names: object, lang: Lang) -> tuple[bytes, ...]:
    found = tuple(str(name).encode() for name in names) if isinstance(names, list) else ()
    if not found or len(set(found)) < len(found) or not set(found) <= _LENGTHS.keys():
        raise SettingsError(f"{path}: algorithms: {_NO_ALGORITHM[lang]}")
    return found


def _name(path: Path, name: str, lang: Lang) -> bytes:
    try:
        return user(name, lang).encode()
    except SettingsError as error:
        raise SettingsError(f"{path}: users: {error}") from None


def _hashes(path: Path, name: str, table: object, algorithms: tuple[bytes, ...], lang: Lang) -> Mapping[bytes, bytes]:
    found = table if isinstance(table, dict) else {}
    hashes: dict[bytes, bytes] = {}
    for algorithm in algorithms:
        value = found.get(algorithm.decode())
        if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-fA-F]{{{_LENGTHS[algorithm]}}}", value):
            raise SettingsError(f"{path}: users.{name}: {algorithm.decode()}: {_NO_HASH[lang]}")
        hashes[algorithm] = value.lower().encode()
    return hashes


def _quoted(text: str) -> str:
    """A basic string of TOML; what JSON escapes, TOML reads (§ String). There are no control characters in it."""
    return json.dumps(text, ensure_ascii=False)


_NO_REALM = Words(
    sk=f"treba jeden riadok textu, nanajvýš {LONGEST_REALM} znakov",
    en=f"must be one line of text, at most {LONGEST_REALM} characters",
)
_NO_TABLE = Words(
    sk="patria sem len realm, algorithms a tabuľky [users.meno]",
    en="only realm, algorithms and tables [users.name] belong here",
)
_NO_USER = Words(
    sk="treba meno používateľa bez domény, medzier a dvojbodky, napríklad boris",
    en="must be the name of a user, without domain, spaces and colons, such as boris",
)
_NO_ALGORITHM = Words(sk='treba "SHA-256", "MD5" alebo oboje', en='must be "SHA-256", "MD5" or both')
_NO_HASH = Words(
    sk="treba odtlačok hesla, ako ho zapíše main.py user add",
    en="must be the hash of a password, as main.py user add writes it",
)
