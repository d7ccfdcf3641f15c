"""No pattern of the package can be made to backtrack: neither by its shape, nor, measured, by what is built against it.

All of them are found by looking into the modules, so nobody has to remember to add a new one here. Shape: nothing that
repeats without end, and gives back what it took, holds a second such thing (that is what takes 2ⁿ steps). Measured
(`pytest -m soak`): for each repetition of a pattern there is an input that leads to it, goes round in it for long and
then fails; twice as much of it must take about twice as long.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from re import _constants as codes  # type: ignore[attr-defined]  # the one who knows how Python reads a pattern
from re import _parser as parser  # type: ignore[attr-defined]
from time import process_time
from typing import Any, NamedTuple

import pytest

from tests.test_layers import FILES

Tree = Any
"""A parsed pattern: pairs of an operation and what it works on."""

NAMED = {name: file for name, file in FILES.items() if not name.endswith("__main__")}
"""The modules; to import the other one would start a proxy."""

BACKTRACKING = (codes.MAX_REPEAT, codes.MIN_REPEAT)
REPEATING = (*BACKTRACKING, codes.POSSESSIVE_REPEAT)
WITHIN = {"search", "sub", "subn", "findall", "finditer", "split"}
"""Methods that begin anywhere in a text, so that each place may cost another run over the rest."""


class Place(NamedTuple):
    """A pattern and where it was found."""

    where: str
    pattern: re.Pattern[Any]


INLINE = {f"re.{method}" for method in (*WITHIN, "match", "fullmatch")}


def everywhere() -> Iterator[Place]:
    """All patterns of the package, those with a name and those that stand within a call."""
    for name, file in NAMED.items():
        for known, value in vars(import_module(name)).items():
            pattern = getattr(value, "__self__", value)  # a method of one has it, too
            if isinstance(pattern, re.Pattern):
                yield Place(f"{name}.{known}", pattern)
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in INLINE:
                written = node.args[0]
                if isinstance(written, ast.Constant):
                    yield Place(f"{name}:{node.lineno}", re.compile(written.value))


def within_texts() -> Iterator[re.Pattern[Any]]:
    """Those that somewhere in the package are looked for within a text."""
    for name, file in NAMED.items():
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Attribute) and node.attr in WITHIN and isinstance(node.value, ast.Name):
                pattern = getattr(import_module(name), node.value.id, None)
                if isinstance(pattern, re.Pattern):
                    yield pattern


PLACES = {place.where: place for place in everywhere()}
SEARCHED = set(within_texts())

every = pytest.mark.parametrize("where", PLACES)


def test_there_are_patterns() -> None:
    assert len(PLACES) > 40
    assert {name.rpartition(".")[2] for name in PLACES} >= {"_NAME_ADDR", "_VIA", "PARAM", "_BEHIND_STRAY", "IS_TOKEN"}


def parsed(pattern: re.Pattern[Any]) -> Tree:
    return parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)


def children(arguments: Any) -> Iterator[Tree]:
    """The patterns within what an operation works on."""
    if isinstance(arguments, parser.SubPattern):
        yield arguments
    elif isinstance(arguments, list | tuple):
        for one in arguments:
            yield from children(one)


def takes_back(tree: Tree) -> bool:
    """Whether something in it repeats without end, and then tries with less."""
    return any(
        (code in BACKTRACKING and arguments[1] is codes.MAXREPEAT)
        or (code not in (codes.POSSESSIVE_REPEAT, codes.ATOMIC_GROUP) and any(map(takes_back, children(arguments))))
        for code, arguments in tree
    )


def nested(tree: Tree) -> bool:
    """Whether such a thing holds another one."""
    return any(
        (code in BACKTRACKING and arguments[1] is codes.MAXREPEAT and takes_back(arguments[2]))
        or any(map(nested, children(arguments)))
        for code, arguments in tree
    )


UNAMBIGUOUS = {
    "sipfullproxy.sip.grammar._LIST_ITEM": "what a round in a quoted string gives back begins with a backslash, which "
    "is no quote: so it ends there at once. And the outer one has nothing behind it that could fail",
}
"""Patterns that hold such a thing, and yet have but one way to take a text; each with the reason."""


@every
def test_no_repetition_that_takes_back_holds_another(where: str) -> None:
    assert nested(parsed(PLACES[where].pattern)) == (where in UNAMBIGUOUS), "make the inner one possessive: *+"


def misread(tree: Tree) -> bool:
    """Whether PyPy 7.3.19 reads it wrongly: to it no character is enough for `++`, and what has a possessive group, or
    an atomic one, never fits."""
    return any(
        code is codes.ATOMIC_GROUP
        or (code is codes.POSSESSIVE_REPEAT and (arguments[0] > 0 or not single(arguments[2])))
        or any(map(misread, children(arguments)))
        for code, arguments in tree
    )


def single(tree: Tree) -> bool:
    """Whether it takes one character, whatever it is."""
    return len(tree) == 1 and tree[0][0] in (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY, codes.CATEGORY)


@every
def test_every_python_reads_it_alike(where: str) -> None:
    assert not misread(parsed(PLACES[where].pattern)), "[ab][ab]*+ for [ab]++, and no possessive group"


@pytest.mark.parametrize("bad", [r"a++", r"a{2}+", r"(?:ab)*+", r"(?>a+)", r"x(?:y|z++)"])
def test_one_that_pypy_misreads_is_found(bad: str) -> None:
    assert misread(parsed(re.compile(bad)))


@pytest.mark.parametrize("bad", [r"(a*)*", r"(?:a+b?)+", r"(?:(?:a|b+?)c?)*x", r"(x(a+)+y)"])
def test_a_pattern_that_does_is_found(bad: str) -> None:
    assert nested(parsed(re.compile(bad)))


@pytest.mark.parametrize("good", [r"(?:a++b?)+", r"(?>a+)*", r"a*b*", r"(?:a{0,9})*"])
def test_one_that_does_not_is_left_alone(good: str) -> None:
    assert not nested(parsed(re.compile(good)))


# -- measured ----------------------------------------------------------------------------------------------------------

SIZES = (*range(12, 44, 4), 500, 5_000, 20_000)
"""Characters. In small steps first: a pattern that takes 2ⁿ steps is found out before it takes hours."""

LARGEST = 40_000

STEEPEST = 3.0
"""A time that grows with the square makes 4 of 2; the rest is for a machine that does other things, too."""

NOTHING = 0.005
"""Seconds, below which there is nothing to measure, nor to fear."""

LONGEST = 0.5
"""Seconds that less than LARGEST may take; only what goes wrong takes as long."""

LETTERS = 'a0 \t;,="\\<>:@.%-_/[]?&\r\n~\0é'
"""What pumps are made of: of what a set of characters may be, one that is here is taken."""


def sample(tree: Tree, wanted: str) -> str:
    """A short text that a pattern takes; where it may choose, made of the wanted character."""
    return "".join(one_of(code, arguments, wanted) for code, arguments in tree)


def one_of(code: Any, arguments: Any, wanted: str) -> str:
    """The same for one operation."""
    if code is codes.LITERAL:
        return chr(arguments)
    if code in (codes.IN, codes.ANY, codes.NOT_LITERAL, codes.CATEGORY):
        fits = [letter for letter in wanted + LETTERS if takes(code, arguments, letter)]
        return fits[0] if fits else "a"
    if code in REPEATING:
        return sample(arguments[2], wanted) * max(1, int(arguments[0]))
    if code is codes.BRANCH:
        ways = [sample(tree, wanted) for tree in arguments[1]]
        return next((way for way in ways if wanted in way), ways[0])
    if code is codes.SUBPATTERN:
        return sample(arguments[3], wanted)
    if code is codes.ATOMIC_GROUP:
        return sample(arguments, wanted)
    return ""  # an anchor, or a look ahead


def takes(code: Any, arguments: Any, letter: str) -> bool:
    """Whether a set of characters has that one. Asked of Python itself, by a pattern of this set alone."""
    tree = parser.SubPattern(parser.State(), [(code, arguments)])
    return re._compiler.compile(tree, 0).fullmatch(letter) is not None  # type: ignore[attr-defined]


def ways_in(tree: Tree, wanted: str, before: str = "") -> Iterator[tuple[str, str]]:
    """For each repetition: what leads to it, and what goes round in it."""
    for code, arguments in tree:
        if code in REPEATING and arguments[1] is codes.MAXREPEAT:
            yield before, sample(arguments[2], wanted)
        for child in children(arguments):
            yield from ways_in(child, wanted, before)
        before += one_of(code, arguments, wanted)


def attacks(place: Place) -> set[tuple[str, str]]:
    tree = parsed(place.pattern)
    found = {way for letter in LETTERS for way in ways_in(tree, letter)}
    return {(before, round_) for before, round_ in found if round_}


def seconds(place: Place, text: str) -> float:
    """CPU time to try it, as the package uses it."""
    pattern = place.pattern
    given: Any = text.encode("latin-1") if isinstance(pattern.pattern, bytes) else text
    begin = process_time()
    pattern.fullmatch(given)
    pattern.match(given)
    if pattern in SEARCHED or ":" in place.where:
        pattern.findall(given)
    return process_time() - begin


@pytest.mark.soak
@every
def test_twice_as_much_takes_about_twice_as_long(where: str) -> None:
    place = PLACES[where]
    for before, pump in attacks(place):
        for after in ("", "\0", "\n", '"', "!"):
            times = {}
            for size in (*SIZES, LARGEST):
                text = before + pump * (size // len(pump)) + after
                times[size] = min(seconds(place, text) for _ in range(3 if size >= SIZES[-1] else 1))
                assert times[size] < LONGEST, f"{size} × {pump!r} behind {before!r}, then {after!r}"
            assert times[LARGEST] < STEEPEST * times[SIZES[-1]] + NOTHING, f"{pump!r} behind {before!r}, then {after!r}"
