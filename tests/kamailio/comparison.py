"""Plays each input at both proxies and keeps what differed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from tests.kamailio.inputs import inputs
from tests.kamailio.outcome import Difference, differences
from tests.kamailio.scenes.acts import Scene
from tests.kamailio.servers import kamailio, ours, piece_of_loopback
from tests.kamailio.stage import Silent, Stage
from tests.waiting import eventually

T1 = 0.5
"""RFC 3261 §17.1.1.1: when the first message is sent again by itself."""

TRIES = 20
"""How often a scene is played on a machine that is too busy to end it before T1."""


class TooSlow(Exception):
    """A scene took so long that timers were heard in it, again and again."""


class Comparison:
    """Both proxies, running. differences: what a scene showed, played when it is asked for first."""

    def __init__(self, second: int) -> None:
        self._second = second
        self._serials = count(1)
        self._scenes = inputs()
        self._found: dict[str, list[Difference]] = {}
        eventually(lambda: all(map(self._answers, self._proxies)), "both proxies to answer a ping")

    def differences(self, name: str) -> list[Difference]:
        """Where Kamailio and we differ over one input."""
        if name not in self._found:
            self._found[name] = self._play(name, self._scenes[name])
        return self._found[name]

    def everything(self) -> list[Difference]:
        """The same over all inputs."""
        return [difference for name in self._scenes for difference in self.differences(name)]

    @property
    def _proxies(self) -> tuple[str, str]:
        return f"127.{self._second}.0.2", f"127.{self._second}.0.1"

    def _play(self, name: str, scene: Scene) -> list[Difference]:
        """Play it at both; again where it was so slow that a timer could fire, because times are not compared."""
        for _ in range(TRIES):
            serial = next(self._serials)
            stages = []
            for proxy in self._proxies:
                with Stage(self._second, serial, proxy) as stage:
                    with suppress(AssertionError):  # a phone waits in vain: that is where this scene ends
                        scene(stage)
                    stages.append(stage)
            if all(stage.lasted < T1 for stage in stages):
                return differences(name, *stages)
        raise TooSlow(f"{name} never ended within {T1} s")

    def _answers(self, proxy: str) -> bool:
        with suppress(Silent), Stage(self._second, next(self._serials), proxy) as stage:
            stage.ping(within=0.1)
            return True
        return False


@contextmanager
def comparison(folder: Path) -> Iterator[Comparison]:
    """Both proxies, started; their files are in the folder."""
    second = piece_of_loopback()
    for name in ("ours", "kamailio"):
        (folder / name).mkdir()
    with kamailio(folder / "kamailio", f"127.{second}.0.2"), ours(folder / "ours", f"127.{second}.0.1"):
        yield Comparison(second)
