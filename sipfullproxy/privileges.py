"""Least power: root opens the ports, and from then on the proxy is a user who can do nothing else.

What it writes it writes as that user, so whatever it made once, it can write again. While it still is root, it makes
and reads files only as `Identity.acting` has it, but for the user's own certificate, whose key may be root's alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sipfullproxy.lang import Words
from sipfullproxy.settings import Settings, StartError

POSIX = sys.platform != "win32"

if POSIX:  # so that mypy for Windows skips what is not there
    import grp
    import pwd


NEEDED = (Path(os.__file__), Path(__file__))
"""Python and this package load parts of themselves when they are first used, so the user must be able to read both."""


class Identity(NamedTuple):
    """Whom the proxy becomes. home: his folder, where what outlives a restart is kept unless settings name another."""

    user: int
    group: int
    groups: tuple[int, ...]
    name: str
    home: str

    def become(self) -> None:
        """Be nobody else any more. In this order: without the rights of root groups could not be changed."""
        os.setgroups(self.groups)
        os.setgid(self.group)
        os.setuid(self.user)
        self._live_at_home()

    @contextmanager
    def acting(self) -> Iterator[None]:
        """For a while do things as he would; to be used before any other thread runs, because they all would."""
        before = os.getgroups(), os.getegid(), os.geteuid()
        os.setgroups(self.groups)
        os.setegid(self.group)
        os.seteuid(self.user)
        try:
            self._live_at_home()
            yield
        finally:
            os.seteuid(before[2])
            os.setegid(before[1])
            os.setgroups(before[0])

    def _live_at_home(self) -> None:
        """Root's home is none of his; who has no folder of state named, means the one there."""
        os.environ.update(HOME=self.home, USER=self.name, LOGNAME=self.name)


def identity(settings: Settings) -> Identity | None:
    """Whom the settings want the proxy to become; None: nobody else. Raises StartError where that cannot be."""
    found = _named(settings)
    if found is not None:
        with found.acting():
            for file in NEEDED:
                try:
                    file.open("rb").close()
                except OSError:
                    facts = {"user": found.name, "path": file}
                    raise StartError(_NOT_READABLE[settings.lang].format_map(facts)) from None
    return found


def _named(settings: Settings) -> Identity | None:
    """Who has the name that the settings say."""
    user, group, lang = settings.user, settings.group, settings.lang
    if user is None:
        return None
    if not POSIX:
        raise StartError(_NOT_HERE[lang])
    if os.geteuid() != 0:
        raise StartError(_NOT_ROOT[lang])
    try:
        known = pwd.getpwnam(user)
    except KeyError:
        raise StartError(_NO_USER[lang].format(user)) from None
    if known.pw_uid == 0:
        raise StartError(_STILL_ROOT[lang])
    if group is None:
        groups = os.getgrouplist(user, known.pw_gid)
        return Identity(known.pw_uid, known.pw_gid, tuple(groups), user, known.pw_dir)
    try:
        gid = grp.getgrnam(group).gr_gid
    except KeyError:
        raise StartError(_NO_GROUP[lang].format(group)) from None
    return Identity(known.pw_uid, gid, (gid,), user, known.pw_dir)


_NOT_HERE = Words(sk="--user: tento systém to nevie", en="--user: this system cannot do that")
_NOT_ROOT = Words(
    sk="--user: zmeniť sa na iného používateľa môže len root", en="--user: only root can become somebody else"
)
_NO_USER = Words(sk="--user {}: taký používateľ tu nie je", en="--user {}: there is no such user here")
_NO_GROUP = Words(sk="--group {}: taká skupina tu nie je", en="--group {}: there is no such group here")
_NOT_READABLE = Words(
    sk="--user {user}: {path} nemôže čítať; Python aj sipfullproxy patria tam, kde môže (/opt, nie /root)",
    en="--user {user}: he cannot read {path}; Python and sipfullproxy belong where he can (/opt, not /root)",
)
_STILL_ROOT = Words(sk="--user: treba niekoho iného než root", en="--user: must be somebody else than root")
