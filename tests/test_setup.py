"""What a worker is told: all of the config, as plain values."""

from __future__ import annotations

import dataclasses
import marshal
from ipaddress import ip_network

from sipfullproxy.engine.config import Config, Switches, Users
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.sip.phrases import Phrasebook
from sipfullproxy.workers.setup import Files, Setup, plain_config, read_config, read_rules
from tests.helpers import PROXY

OTHER = {"worker", "followed", "expiring", "phrases"}
"""What a worker has of its own."""

FULL = Config(
    address=PROXY, listen=(("udp", PROXY), ("tcp", PROXY)), domains=frozenset(("lab.sk",)), open=True,
    users=Users(realm=b"r", hashes={b"a": {b"MD5": b"0"}}, algorithms=(b"MD5",), calls=True),
    trusted=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")), forward={b"bob": Rule(busy="carol", after=7)},
    switches=Switches(fork=False), recurse=False, flow_key=b"key",
)  # fmt: skip


def told(config: Config) -> Setup:
    setup = Setup(
        3, Files(6, 7, {0: 8}, {("udp", PROXY): 9}), plain_config(config), ("sk", "own", {486: "x"}), {}, "/tmp", None
    )
    return Setup.read(marshal.loads(marshal.dumps(setup.plain())))


def test_nothing_of_the_config_is_lost_on_the_way() -> None:
    setup = told(FULL)
    assert (setup.number, setup.files.inbox, setup.files.ports) == (3, 7, {("udp", PROXY): 9})
    config = read_config(setup, read_rules(setup))
    for field in dataclasses.fields(Config):
        if field.name not in OTHER:
            assert getattr(config, field.name) == getattr(FULL, field.name), field.name
    assert (config.worker, config.followed, config.expiring) == ("3", True, False)
    assert config.phrases.own_response(486) == Phrasebook("sk", "own", {486: "x"}).own_response(486)


def test_what_is_off_stays_off() -> None:
    setup = told(Config(address=PROXY, flow_key=b"key"))
    config = read_config(setup, read_rules(setup))
    assert config.users is None and config.trusted == () and config.forward == {}
