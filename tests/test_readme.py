"""What the README promises, done to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sipfullproxy.cli import COMMANDS, main
from sipfullproxy.engine.events import KINDS, Ended
from sipfullproxy.proxy import Proxy
from sipfullproxy.settings import read

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def block(language: str) -> str:
    """The first block of code in that language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_the_ten_lines_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[Proxy] = []
    monkeypatch.setattr(Proxy, "run", lambda proxy: ran.append(proxy))
    code = block("python")
    assert len([line for line in code.splitlines() if line]) <= 10
    names: dict[str, object] = {}
    exec(code, names)
    (proxy,) = ran
    assert proxy.settings.own[486] == "Obsadené"
    bill = names["bill"]
    assert callable(bill)
    bill(Ended(serial=1, time=0, call="c", leg="l", who="bob@lab", whom="alice@lab", duration=5.4, why="bye"))
    assert capsys.readouterr().out == "bob@lab hung up on alice@lab after 5 s\n"


def test_the_settings_file_is_one(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(block("toml"), "utf-8")
    assert read({}, file).domain == ("lab.example",)


def test_it_names_every_hook() -> None:
    found = re.search(r"^Hooks: (.*?) or `\*`", README, re.DOTALL | re.MULTILINE)
    assert found
    assert re.findall("`([a-z]+)`", found[1]) == list(KINDS)


def test_every_option_that_it_names_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--lang", "en", "--help"])
    known = capsys.readouterr().out
    named = set(re.findall(r"(?<![\w-])--[a-z]+", README))
    assert named
    assert all(option in known for option in named)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_every_page_that_it_points_to_exists(path: str) -> None:
    assert (Path(__file__).parent.parent / path).exists()
