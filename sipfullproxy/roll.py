"""Who can log in, as long as the proxy runs: the users file, read at the start and followed from then on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from sipfullproxy import users
from sipfullproxy.engine.config import Users
from sipfullproxy.lang import Lang, Words
from sipfullproxy.settings import SettingsError, StartError

# How often it is looked whether the users file has changed, in seconds: a look costs microseconds, and whoever has just
# typed a password takes longer to type it into the phone.
GLANCE = 1.0

log = logging.getLogger(__name__)


class Roll:
    """The users file as the engine knows it.

    path: the file. calls: whether a call needs a password, too. lang: of complaints.
    users: what `Config` takes; `read` changes it in place.

    Raises StartError where there is no file, or one that cannot be.
    """

    def __init__(self, path: Path, calls: bool, lang: Lang) -> None:
        self._path = path
        self._lang: Lang = lang
        self._seen = users.stamp(path)
        try:
            file = users.read(path, lang)
        except SettingsError as error:
            raise StartError(f"{error} ({_NEW_USER[lang]})") from None
        self.users = Users(
            realm=file.realm.encode(), hashes=file.hashes, algorithms=file.algorithms, calls=calls
        )  # fmt: skip

    def follow(self, changed: Callable[[users.UsersFile], object], over: threading.Event) -> None:
        """Call `changed` with each new state of the file, until it is over. A file that is broken changes nothing."""
        last = seen = self._seen
        while not over.wait(GLANCE):
            stamp, before = users.stamp(self._path), last
            last = stamp
            if stamp == seen or stamp != before:  # an editor writes bit by bit, and this may be half a file
                continue
            seen = stamp
            try:
                changed(users.read(self._path, self._lang))
            except SettingsError as error:
                log.warning(_OLD_USERS[self._lang].format(error))


_NEW_USER = Words(sk="nový používateľ: main.py user add alice", en="a new user: main.py user add alice")
_OLD_USERS = Words(
    sk="používatelia ostávajú, akí boli: {}",
    en="the users stay as they were: {}",
)
