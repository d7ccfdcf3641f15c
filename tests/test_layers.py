"""The floors of the house: imports go down only, never in a circle, and the pure rooms stay pure."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.each import each

PACKAGE = Path(__file__).parent.parent / "sipfullproxy"

# From the ground up; see docs/architecture.md. What has no room of its own lives on the top floor.
FLOORS = (
    ("lang", "sip"),
    ("engine",),
    ("services", "journal"),
    ("explain", "ladder"),
    ("libraries", "transport", "web"),
    (
        "experiments",
        "values",
        "settings",
        "users",
        "state",
        "authority",
        "banlist",
        "certificate",
        "roll",
        "whereabouts",
        "page",
        "greeting",
        "guard",
        "opening",
        "privileges",
        "endings",
        "collector",
        "complaints",
        "staff",
        "workers",
        "server",
        "proxy",
        "help",
        "arguments",
        "commands",
        "cli",
    ),
)

# What has no clock, no socket, no thread, no file and no randomness, and is all that deciding needs.
PURE = {
    "__future__", "base64", "binascii", "bisect", "collections", "contextlib", "dataclasses", "enum", "functools",
    "hashlib", "heapq", "hmac", "ipaddress", "itertools", "math", "operator", "re", "string", "types", "typing",
    "zlib",
}  # fmt: skip


# Libraries that a feature outside the page stands on, which is off without it, by the only room that may import them.
OPTIONAL = {
    "sipfullproxy.ladder.pcap": {"dpkt"},
    "sipfullproxy.authority": {"cryptography"},
    "sipfullproxy.transport.websocket": {"websockets"},
    "sipfullproxy.transport.records": {"dns"},
}


def module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def imports(name: str, file: Path) -> set[str]:
    """Every module that `file` imports, anywhere in it; `from package import module` counts as that module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports here are absolute, to be found by a search"
            module = node.module or ""
            found.update(full if (full := f"{module}.{alias.name}") in FILES else module for alias in node.names)
    return found


IMPORTS = {name: imports(name, file) for name, file in FILES.items()}


def floor(name: str) -> int | None:
    """How high `name` lives; None for the package itself and for `__main__`, which are doors and not rooms."""
    room = name.split(".")[1] if "." in name else ""
    return next((height for height, rooms in enumerate(FLOORS) if room in rooms), None)


@each(FILES)
def test_imports_go_down_only(name: str) -> None:
    here = floor(name)
    if here is None:
        assert name in {"sipfullproxy", "sipfullproxy.__main__"}, f"{name} lives on no floor: give it one in FLOORS"
        return
    for other in IMPORTS[name] & FILES.keys() - {"sipfullproxy"}:  # that one holds no more than the version
        there = floor(other)
        assert there is not None and there <= here, f"{name} imports {other}, which is above it"


def test_there_is_no_cycle() -> None:
    graph = {name: found & FILES.keys() - {name} for name, found in IMPORTS.items() if floor(name) is not None}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


@each(name for name in FILES if floor(name) in (0, 1))
def test_words_and_decisions_are_pure(name: str) -> None:
    foreign = {found for found in IMPORTS[name] if found.split(".")[0] not in PURE | {"sipfullproxy"}}
    assert not foreign, f"{name} must get by without {', '.join(sorted(foreign))}"


@each(FILES)
def test_nothing_outside_the_standard_library_is_needed_but_by_the_page(name: str) -> None:
    known = sys.stdlib_module_names | {"sipfullproxy"}
    foreign = {found.split(".")[0] for found in IMPORTS[name]} - known
    allowed = foreign if name.startswith("sipfullproxy.web.") else OPTIONAL.get(name, set())
    assert foreign <= allowed, f"{name} must get by without {foreign - allowed}"


@pytest.mark.io
def test_what_needs_a_library_is_imported_only_when_it_is_used() -> None:
    """As a program sees it where nothing is installed (`-S`): whatever is no part of the page can be loaded."""
    rooms = [name for name in FILES if not name.startswith("sipfullproxy.web.") and not name.endswith("__main__")]
    code = "; ".join(f"import {name}" for name in [*rooms, "sipfullproxy.web.site"])
    subprocess.run([sys.executable, "-S", "-c", code], cwd=PACKAGE.parent, check=True)


def test_only_the_top_floor_knows_the_page() -> None:
    users = {name for name, found in IMPORTS.items() if any(other.startswith("sipfullproxy.web") for other in found)}
    assert {name for name in users if not name.startswith("sipfullproxy.web")} <= {"sipfullproxy.page"}


# Where the tests of a module stand that has no file of its own: it is shown by what it is a part of.
TESTED_IN = {
    "arguments": "cli", "help": "cli", "page": "proxy", "roll": "proxy", "staff": "foreman",
    "engine.acknowledgement": "forking", "engine.branch": "forking", "engine.config": "setup",
    "engine.lookups": "names", "engine.returning": "names",
    "explain.causes": "explained", "explain.reading": "glossary", "explain.telling": "explained",
    "explain.trail": "explained", "explain.voice": "explained",
    "journal.clock": "archive", "journal.database": "store", "journal.passage": "tape", "journal.record": "past",
    "journal.schema": "past",
    "transport.connection": "stream", "transport.sockets": "ipv6",
    "web.around": "web_call", "web.asking": "web_api", "web.house": "web_app", "web.models": "web_api",
    "workers.listener": "foreman", "workers.worker": "foreman",
}  # fmt: skip


@each(name for name in FILES if not name.endswith("__main__") and FILES[name].name != "__init__.py")
def test_every_module_has_its_tests_where_a_reader_looks(name: str) -> None:
    short = name.removeprefix("sipfullproxy.")
    _, _, own = short.rpartition(".")
    files = {f"test_{own}.py", f"test_{short.replace('.', '_')}.py"}
    here = {file for file in files if (Path(__file__).parent / file).exists()}
    if short in TESTED_IN:
        assert not here, f"{name} has {here}, so it is one too many in TESTED_IN"
        files = {f"test_{TESTED_IN[short]}.py"}
        here = {file for file in files if (Path(__file__).parent / file).exists()}
    assert here, f"{name} has no tests in {sorted(files)}: write them, or say in TESTED_IN where they are"


def test_main_py_does_nothing_but_call_the_command_line() -> None:
    assert imports("main", PACKAGE.parent / "main.py") == {"sys", "sipfullproxy.cli"}
