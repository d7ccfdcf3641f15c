"""What a worker must be told before its first message, as plain values; the files are named by the numbers that it
inherits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, NamedTuple

from sipfullproxy.engine.config import Config, Switches, Users
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.flow import Local
from sipfullproxy.sip.phrases import Phrasebook


class Files(NamedTuple):
    """The sockets of a worker, by their numbers. board: see `Board`. ways: to inboxes of the others. ports: of UDP."""

    board: int
    inbox: int
    ways: Mapping[int, int]
    ports: Mapping[Local, int]


class Setup(NamedTuple):
    """number: of the worker. config: of its engine, but for the phrases. phrases: what makes the `Phrasebook`.
    experiments: the fields of `Experiments`. bans: the folder where the list of bans is kept; None: nobody is ever
    banned. dns: the server that is asked; None: those of the system."""

    number: int
    files: Files
    config: Mapping[str, Any]
    phrases: tuple[str, str, Mapping[int, str]]
    experiments: Mapping[str, Any]
    bans: str | None
    dns: tuple[str, int] | None

    def plain(self) -> tuple[Any, ...]:
        """As marshal takes it: no subclasses of tuple."""
        return self.number, tuple(self.files), *self[2:]

    @classmethod
    def read(cls, plain: tuple[Any, ...]) -> Setup:
        """What `plain` was made of."""
        number, files, *rest = plain
        return cls(number, Files(*files), *rest)


def plain_config(config: Config) -> dict[str, Any]:
    """The config as plain values, without its phrases."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    del fields["phrases"]
    fields["trusted"] = [str(network) for network in config.trusted]
    fields["switches"] = dataclasses.asdict(config.switches)
    fields["users"] = None if config.users is None else dataclasses.asdict(config.users)
    fields["forward"] = {user: dataclasses.asdict(rule) for user, rule in dict(config.forward).items()}
    return fields


def read_rules(setup: Setup) -> dict[bytes, Rule]:
    """Where calls go, by the name of the user that they were for."""
    return {user: Rule(**rule) for user, rule in setup.config["forward"].items()}


def read_config(setup: Setup, rules: Mapping[bytes, Rule]) -> Config:
    """The config of a worker. It tells its neighbours of bindings, and the first worker sees to their ends."""
    fields = dict(setup.config)
    users = fields.pop("users")
    return Config(**{
        **fields,
        "worker": str(setup.number),
        "followed": True,
        "expiring": False,
        "trusted": tuple(map(ip_network, fields["trusted"])),
        "switches": Switches(**fields["switches"]),
        "users": None if users is None else Users(**users),
        "forward": rules,
        "phrases": Phrasebook(*setup.phrases),
    })  # fmt: skip
