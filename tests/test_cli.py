"""The command line as its user meets it: what he types, the lines that he reads, and exit codes.

A proxy that runs is a process; a command that ends by itself is none, but for the few tests of what a process adds.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from sipfullproxy import __version__
from sipfullproxy.banlist import BanList
from sipfullproxy.cli import main
from sipfullproxy.engine.bans import Ban
from sipfullproxy.proxy import Proxy
from tests.waiting import eventually

MAIN = Path(__file__).parent.parent / "main.py"

# Time that a proxy may take to start or to end, in seconds. "At once" is a hundredth of it; machines may be slow.
MOMENT = 60


def home(folder: Path) -> dict[str, str]:
    """Everything that the proxy keeps goes into the test's own folder."""
    return {"XDG_STATE_HOME": str(folder), "LOCALAPPDATA": str(folder), "HOME": str(folder)}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """That, and what it says is UTF-8 on any system."""
    return {**os.environ, **home(folder), "PYTHONIOENCODING": "utf-8", **more}


class Done(NamedTuple):
    """What a command has come to."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Does what main.py does with its arguments, in the test's own folder; `typed` is what the user types meanwhile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [MAIN.name])
    for name, value in home(tmp_path).items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str, typed: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as end:  # argparse's way out of --help, and of what it does not know
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return command


def process(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run main.py to its end, in `folder`; `more` goes into its environment."""
    return subprocess.run(
        [sys.executable, str(MAIN), *arguments],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        encoding="utf-8",
        timeout=MOMENT,
        check=False,
    )


@contextmanager
def running(folder: Path, *arguments: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], list[str], int]]:
    """A running proxy on the loopback, the lines of its greeting, and its port."""
    with subprocess.Popen(
        [sys.executable, str(MAIN), "127.0.0.1", "--port", "0", "--web-port", "0", *arguments],
        cwd=folder,
        env=environment(folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while not lines or "Ctrl-C" not in lines[-1]:
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                lines.append(line.rstrip("\n"))
            found = re.search(r"127\.0\.0\.1:(\d+)", lines[0])
            assert found
            yield process, lines, int(found[1])
        finally:
            process.kill()


def ask(port: int, method: str, to: str, uri: str, call: str) -> bytes:
    """Send a request as macka would, and return the first answer that is final."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect(("127.0.0.1", port))
        phone.settimeout(MOMENT)
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{method}{call}",
            f"From: <sip:macka@127.0.0.1:{port}>;tag=1",
            f"To: <sip:{to}@127.0.0.1:{port}>",
            f"Call-ID: {call}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            "Contact: <sip:macka@127.0.0.1>",
            "Content-Length: 0",
        ]
        phone.send("\r\n".join([*lines, "", ""]).encode())
        while (answer := phone.recv(65535)).startswith(b"SIP/2.0 1"):
            pass
        return answer


def register(port: int) -> None:
    """Register a phone, and wait for the answer."""
    assert ask(port, "REGISTER", "macka", f"sip:127.0.0.1:{port}", "1").startswith(b"SIP/2.0 200 ")


def call_nobody(port: int) -> None:
    """A call that fails at once, because its caller is not registered."""
    assert ask(port, "INVITE", "nikto", f"sip:nikto@127.0.0.1:{port}", "call-1").startswith(b"SIP/2.0 403 ")


@pytest.mark.io
def test_the_greeting_tells_what_to_type_and_where_the_journal_is(tmp_path: Path) -> None:
    with running(tmp_path) as (_, lines, port):
        assert lines[0] == f"SIP proxy beží na 127.0.0.1:{port} (UDP, TCP)."
        assert f"doména 127.0.0.1:{port}" in lines[1]
        assert lines[2].endswith(str(Path("logs", "proxy.log")))
        assert any("-v" in line and "--open" in line for line in lines)
    with running(tmp_path, "--lang", "en", "-v", "--open") as (_, lines, port):
        assert lines[0] == f"The SIP proxy runs at 127.0.0.1:{port} (UDP, TCP)."
        assert [line for line in lines if "Off:" in line] == ["  Off:       logins by password (--users)"]


@pytest.mark.io
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_at_once_with_the_journal_written(tmp_path: Path, ending: signal.Signals) -> None:
    with running(tmp_path) as (process, _, port):
        register(port)
        process.send_signal(ending)
        out, err = process.communicate(timeout=MOMENT)
        assert (process.returncode, out, err) == (0, "", "")
    journal = (tmp_path / "logs" / "proxy.log").read_text("utf-8")
    assert "Bol zaregistrovaný nový používateľ: macka@127.0.0.1" in journal


@pytest.mark.io
def test_a_console_that_knows_no_slovak_is_served_all_the_same(tmp_path: Path) -> None:
    with running(tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0") as (_, lines, port):
        assert lines[0] == f"SIP proxy be\\u017e\\xed na 127.0.0.1:{port} (UDP, TCP)."
    assert process(tmp_path, "--help", PYTHONIOENCODING="ascii", PYTHONUTF8="0").returncode == 0


@pytest.mark.io
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_greeting_that_nobody_can_read_ends_nothing(tmp_path: Path) -> None:
    """`main.py | head -1`, or a full disk behind the redirection."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        _, port = probe.getsockname()
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [sys.executable, str(MAIN), "127.0.0.1", "--port", str(port)],
        cwd=tmp_path, env=environment(tmp_path), stdout=write, stderr=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        os.close(write)
        try:
            eventually((tmp_path / "logs" / "proxy.log").exists, "the start")
            register(port)
            process.terminate()
            _, err = process.communicate(timeout=MOMENT)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")


@pytest.mark.io
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["203.0.113.77"], "203.0.113.77 nie je adresa tohto počítača"),
        (["203.0.113.77", "--lang", "en"], "203.0.113.77 is no address of this machine"),
        (["blah"], "ip = 'blah': treba adresu tohto"),
        (["127.0.0.1", "203.0.113.77"], "203.0.113.77 nie je adresa tohto počítača"),
        (["127.0.0.1", "blah"], "ip = ['127.0.0.1', 'blah']: treba adresu tohto"),
        (["fe80::1"], "ip = 'fe80::1': za adresou fe80::… (a len za takou) treba sieťovú kartu"),
        (["--port", "99999"], "port = 99999: treba celé číslo"),
        (["--port", "x"], "port = 'x': treba celé číslo"),
        (["--port", "9" * 5000], "port = '9"),
        (["--port"], "argument --port: expected one argument"),
        (["--lang", "de"], "lang = 'de': treba jedno z: sk, en"),
        (["--phrases", "some"], "phrases = 'some': treba jedno z: all, own, off"),
        (["--domain", "a b"], "domain = ['a b']: treba zoznam"),
        (["--dns", "ns.lab.sk"], "dns = 'ns.lab.sk': treba system, off, alebo adresu servera DNS"),
        (["--config", "none.toml"], "none.toml: súbor sa nedá prečítať"),
        (["--config", "broken.toml"], "broken.toml: nie je to platný súbor TOML"),
        (["--config", "wrong.toml"], "wrong.toml: prot = 5060: taký kľúč nepoznám"),
        (["127.0.0.1", "--port", "0", "--journal", "."], "do denníka . sa nedá písať"),
        (["--web-port", "x"], "web_port = 'x': treba celé číslo"),
        (["--web-bind", "lan"], "web_bind = 'lan': treba adresu tohto počítača, alebo 0.0.0.0"),
        (["--web-password", ""], "web_password: treba jeden riadok textu"),
        (["--verbos"], "unrecognized arguments: --verbos"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(
    tmp_path: Path, run: Run, arguments: list[str], said: str
) -> None:
    (tmp_path / "broken.toml").write_text("port 5060")
    (tmp_path / "wrong.toml").write_text("prot = 5060")
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"sipfullproxy: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.io
def test_a_taken_port_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with running(tmp_path) as (_, _, port):
        done = process(tmp_path, "127.0.0.1", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"sipfullproxy: 127.0.0.1:{port} (UDP) je obsadené")
    assert done.stderr.count("\n") == 1


@pytest.mark.io
def test_the_page_is_where_the_greeting_says(tmp_path: Path) -> None:
    with running(tmp_path) as (process, lines, _):
        (line,) = [line for line in lines if "Stránka:" in line]
        address = line.split()[-1]
        with urllib.request.urlopen(f"{address}/api/about", timeout=MOMENT) as answer:
            assert json.load(answer)["page"] == address
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=MOMENT) == ("", "")


@pytest.mark.io
def test_without_a_page_nobody_listens_and_nothing_is_loaded(tmp_path: Path) -> None:
    with running(tmp_path, "--no-web") as (_, lines, _):
        assert not any("http" in line for line in lines)
        assert "stránka s hovormi (--web)" in lines[-2]


@pytest.mark.io
def test_a_taken_port_of_the_page_costs_no_call(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with running(tmp_path, "--web-port", str(taken)) as (_, lines, port):
            assert f"  Stránka:   vypnutá, port {taken} (TCP) je obsadený; iný: --web-port" in lines
            register(port)


@pytest.mark.io
def test_without_its_libraries_the_page_is_off_and_calls_go_on(tmp_path: Path) -> None:
    """`-S` leaves out whatever was installed; that is Python as a student has it."""
    command = [sys.executable, "-S", str(MAIN), "127.0.0.1", "--port", "0", "--lang", "en"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            lines = [process.stdout.readline() for _ in range(3)]
            found = re.search(r"127\.0\.0\.1:(\d+)", first)
            assert found
            register(int(found[1]))
            process.terminate()
            _, err = process.communicate(timeout=MOMENT)
        finally:
            process.kill()
    assert "off, fastapi, uvicorn, segno missing; to have it: pip install . in the folder of the project" in lines[-1]
    assert err == ""


@pytest.mark.io
def test_the_settings_file_is_read_and_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text('port = 99\nlang = "en"\njournal = "calls.log"\n', encoding="utf-8")
    with running(tmp_path, "--config", "proxy.toml") as (_, lines, _):
        assert lines[0].startswith("The SIP proxy runs at")
    assert (tmp_path / "calls.log").exists()


@pytest.mark.io
def test_run_is_the_command_that_needs_no_name(run: Run) -> None:
    done = run("run", "203.0.113.77")
    assert (done.returncode, done.stderr.startswith("sipfullproxy: 203.0.113.77 nie je")) == (2, True)


@pytest.mark.parametrize(("lang", "word"), [("sk", "Príklady:"), ("en", "Examples:")])
def test_help_has_examples_and_every_option(run: Run, lang: str, word: str) -> None:
    done = run("--lang", lang, "--help")
    assert done.returncode == 0
    assert word in done.stdout
    for option in ("--port", "--lang", "--phrases", "--journal", "-v", "--open", "--domain", "--dns", "--config",
                   "--version", "--no-web", "--web-port", "--web-bind", "--web-password"):  # fmt: skip
        assert f"\n  {option}" in done.stdout


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"sipfullproxy {__version__}\n"


@pytest.mark.io
def test_the_package_can_be_run_as_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sipfullproxy", "--version"]
    done = subprocess.run(command, cwd=MAIN.parent, capture_output=True, text=True, timeout=MOMENT, check=True)
    assert done.stdout == f"sipfullproxy {__version__}\n"


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
