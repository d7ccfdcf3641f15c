"""The commands that ask, list and change: calls, ladder, assignment, user, bans."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sipfullproxy.banlist import BanList
from sipfullproxy.cli import main
from sipfullproxy.engine.bans import Ban
from sipfullproxy.proxy import Proxy
from tests.shell import MAIN, MOMENT, Done, Run, ask, call_nobody, environment, running, typing
from tests.waiting import eventually


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return typing(tmp_path, monkeypatch, capsys)


@pytest.mark.io
def test_calls_lists_what_a_running_proxy_writes(tmp_path: Path, run: Run) -> None:
    with running(tmp_path) as (process, _, port):
        call_nobody(port)
        eventually(lambda: "nikto" in run("calls").stdout, "the call in the list", MOMENT)
        eventually(lambda: "403" in run("ladder", "call-1").stdout, "its messages, which come last", MOMENT)
        process.kill()  # no goodbye: what is in the file stays
        process.wait(MOMENT)
    done = run("calls", "--query", "NIKTO")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"20[-0-9]+ [:0-9]+  macka@127\.0\.0\.1 → nikto@127\.0\.0\.1  neúspešný 403 +[0-9a-f]{10}\n", done.stdout
    ), done.stdout
    (found,) = json.loads(run("calls", "--json").stdout)
    drawing = run("ladder", found["id"])
    assert (drawing.returncode, drawing.stderr) == (0, "")
    assert "INVITE" in drawing.stdout and "403" in drawing.stdout
    assert run("ladder", "call-1").stdout == drawing.stdout
    missing = run("ladder", "nobody's")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == "sipfullproxy: správy hovoru nobody's v denníku nie sú (zoznam hovorov: calls)\n"
    assert (found["call"], found["status"]) == ("call-1", 403)
    assert run("calls", "--query", "somebody", "--lang", "en").stdout == "no calls\n"
    assert len(run("calls", "--limit", "1", "--journal", "logs/proxy.log").stdout.splitlines()) == 1
    assert unread(tmp_path, "calls") == unread(tmp_path, "assignment") == (0, "")


def unread(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a command whose output nobody reads to its end, as in `main.py calls | head -1`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, str(MAIN), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(folder),
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=MOMENT,
        )
    finally:
        os.close(write)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--nope"], "unrecognized arguments: --nope"),
        (["one"], "unrecognized arguments: one"),
        (["--limit", "many"], "--limit many: treba celé číslo"),
        (["--limit", "0", "--lang", "en"], "--limit 0: must be a whole number"),
        ([], "hovory sa nedajú prečítať z"),
        (["--journal", "x.log", "--lang", "en"], "cannot read the calls from x.db: no such file"),
        (["--lang", "cz"], "lang = 'cz'"),
    ],
)
def test_what_calls_cannot_do_is_one_line_and_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    done = run("calls", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"sipfullproxy: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("lang", "word"), [("sk", "Použitie:"), ("en", "Usage:")])
def test_help_of_calls(run: Run, lang: str, word: str) -> None:
    done = run("calls", "--lang", lang, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"{word} main.py calls")
    for option in ("--query", "--limit", "--json", "--journal", "--lang", "-h"):
        assert f"\n  {option}" in done.stdout


@pytest.mark.io
def test_assignment_ticks_off_what_a_proxy_has_seen(tmp_path: Path, run: Run) -> None:
    with running(tmp_path) as (process, _, port):
        for user in ("macka", "macek"):
            assert ask(port, "REGISTER", user, f"sip:127.0.0.1:{port}", user).startswith(b"SIP/2.0 200 ")
        call_nobody(port)
        eventually(lambda: "[x] Registrácia" in run("assignment").stdout, "the registrations", MOMENT)
        process.kill()
        process.wait(MOMENT)
    done = run("assignment", "--lang", "en", "--html", "sheet.html", "--name", "Žofia <b>", "--minutes", "5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[x] Phones register" in done.stdout and "[ ] Answering" in done.stdout
    assert done.stdout.endswith(f"\nHTML: {tmp_path / 'sheet.html'}\n")
    sheet = (tmp_path / "sheet.html").read_text("utf-8")
    assert "macek@127.0.0.1" in sheet and "Žofia &lt;b&gt;" in sheet


@pytest.mark.io
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["one"], "unrecognized arguments: one (main.py assignment --help)"),
        (["--minutes", "0"], "--minutes 0: treba celé číslo od 1 do 1440"),
        (["--minutes", "many", "--lang", "en"], "--minutes many: must be a whole number from 1 to 1440"),
        (["--html", "nowhere/sheet.html"], "--html nowhere/sheet.html: nedá sa zapísať: "),
        (["--html", "."], "--html .: nedá sa zapísať: "),
        (["--journal", "x.log"], "hovory sa nedajú prečítať z x.db"),
    ],
)
def test_what_assignment_cannot_do_is_one_line_and_exit_code_2(run: Run, arguments: list[str], said: str) -> None:
    proxy = Proxy("127.0.0.1", port=0)
    proxy.start()
    proxy.stop()  # it leaves a journal behind, of no calls
    done = run("assignment", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"sipfullproxy: {said}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(("lang", "word"), [("sk", "Použitie:"), ("en", "Usage:")])
def test_help_of_assignment(run: Run, lang: str, word: str) -> None:
    done = run("assignment", "--lang", lang, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"{word} main.py assignment")
    for option in ("--html", "--name", "--minutes", "--journal", "--lang", "-h"):
        assert f"\n  {option}" in done.stdout


def test_users_are_added_listed_and_removed(tmp_path: Path, run: Run) -> None:
    def user(*words: str, typed: str = "") -> Done:
        return run("user", *words, "--lang", "en", typed=typed)

    assert user("add", "boris", typed="tajné\n").stdout == "boris can log in from now on (users.toml)\n"
    assert user("add", "mária", typed="mäta\n").returncode == 0
    assert user("list").stdout == "boris\nmária\n"
    assert user("add", "boris", typed="iné").stdout == "boris has a new password (users.toml)\n"
    assert user("remove", "boris").stdout == "boris can log in no more (users.toml)\n"
    assert user("list", "--users", "users.toml").stdout == "mária\n"
    (tmp_path / "proxy.toml").write_text('users = "others.toml"\n')
    assert user("add", "eva", "--config", "proxy.toml", typed="x\n").stdout.endswith("(others.toml)\n")


@pytest.mark.parametrize(
    "words",
    [
        ("user",), ("user", "add"), ("user", "list", "boris"), ("user", "remove", "boris"), ("user", "list"),
        ("user", "add", "a:b"), ("user", "add", "boris"), ("user", "add", "boris", "--users", "no/such/folder"),
        ("--users", "users.toml"), ("--login", "calls"), ("--login", "sometimes"), ("user", "sing"),
    ],
)  # fmt: skip
def test_what_is_wrong_about_users_is_one_line(tmp_path: Path, run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)  # nothing is typed, so the password is empty
    assert done.returncode == 2
    assert re.fullmatch(r"sipfullproxy: .+\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_typed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    typed = iter(["a", "b", "", "", "a", "a"])
    monkeypatch.setattr("sipfullproxy.commands.getpass", lambda prompt: next(typed))
    for code in (2, 2, 0):
        assert main(["user", "add", "boris"]) == code
        assert (tmp_path / "users.toml").exists() == (code == 0)
    assert "heslá sa líšia" in capsys.readouterr().err


def is_heard(port: int) -> bool:
    """Whether the proxy answers a stranger on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(0.2)
        branch = time.monotonic_ns()
        phone.sendto(
            b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK%d\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\n"
            b"Max-Forwards: 70\r\n\r\n" % (branch, branch),
            ("127.0.0.1", port),
        )
        try:
            return bool(phone.recv(65535))
        except OSError:
            return False


@pytest.mark.io
def test_bans_are_listed_and_lifted_while_the_proxy_runs(tmp_path: Path, run: Run) -> None:
    (tmp_path / "proxy.toml").write_text('state = "kept"\nlang = "en"\nbans = true\nsecurity_log = "security.log"\n')
    config = ("--config", "proxy.toml")
    assert run("bans", *config).stdout == "nobody is banned\n"
    now = time.time()
    BanList(tmp_path / "kept").write(
        [
            Ban("127.0.0.1", now, now + 600, 1, "logins", True),
            Ban("2001:db8::/64", now, now + 600, 1, "flood", False),
            Ban("192.0.2.1", now - 600, now - 1, 1, "junk", False),
        ],
        now,
    )
    listed = (
        r"127\.0\.0\.1      until [0-9 :-]{19}  wrong passwords\n2001:db8::/64  until [0-9 :-]{19}  too many messages\n"
    )
    with running(tmp_path, *config) as (_, _, port):
        assert not is_heard(port), "a ban outlives a restart"
        assert re.fullmatch(listed, run("bans", *config).stdout)
        assert re.fullmatch(listed, run("bans", "--state", "kept", "--lang", "en").stdout)
        assert run("bans", "lift", "127.0.0.1", *config).stdout == "127.0.0.1 is banned no more\n"
        assert eventually(lambda: is_heard(port), "an answer")
        assert run("bans", "lift", "2001:db8::7", *config).returncode == 0
        assert run("bans", *config).stdout == "nobody is banned\n"
        log = tmp_path / "security.log"
        assert eventually(lambda: "ban of 127.0.0.1 lifted" in log.read_text("utf-8"), "the line of that")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lift",), "say whom"), (("list", "127.0.0.1"), "say whom"), (("lift", "127.0.0.1"), "is not banned"),
        (("lift", "nobody"), "must be an IP address"), (("lift", "10.0.0.0/8"), "must be an IP address"),
        (("sing",), "invalid choice"), (("--state", "nowhere"), "nowhere: there is no such folder"),
    ],
)  # fmt: skip
def test_what_bans_cannot_do_is_one_line_and_exit_code_2(
    tmp_path: Path, run: Run, words: tuple[str, ...], said: str
) -> None:
    done = run("bans", *words, "--lang", "en")
    assert done.returncode == 2
    assert re.fullmatch(r"sipfullproxy: .+\n", done.stderr) and said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_list_of_bans_is_one_line(tmp_path: Path, run: Run) -> None:
    (tmp_path / "proxy.toml").write_text('state = "."\n')
    (tmp_path / "bans.db").write_bytes(b"no database, and long enough to look like one" * 100)
    done = run("bans", "--config", "proxy.toml", "--lang", "en")
    assert done.returncode == 2
    assert re.fullmatch(r"sipfullproxy: the list of bans cannot be read: .+\n", done.stderr)


@pytest.mark.parametrize(("lang", "word"), [("sk", "Použitie:"), ("en", "Usage:")])
def test_help_of_bans(run: Run, lang: str, word: str) -> None:
    done = run("bans", "--lang", lang, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"{word} main.py bans")
