"""RESULTS.md and its plot: for readers who want to know whether to believe it."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.figures import Figure, Goal, Spread
from bench.peers import KAMAILIO, OURS, PYPY, PYPY_COMMAND, RELAY, SIPPY, WARMING
from bench.processes import LOAD_CPUS, PROXY_CPU

PEERS = (OURS, PYPY, KAMAILIO, RELAY, SIPPY)
PROBLEMS = 6
"""Problems told of one figure: the first ones say what went wrong."""
LONGEST = 220
"""Characters of one problem; what SIPp says can be long."""


def write(file: Path, figures: Sequence[Figure], quick: bool, notes: Sequence[str]) -> str:
    """Write the results and, where matplotlib is installed, the plot beside them. Returns the text."""
    drawn = plot(file.with_suffix(".svg"), figures)
    text = "\n".join([
        "# How much a call costs", "",
        f"Written by `make bench{' ARGS=--quick' * quick}`, {time.strftime('%Y-%m-%d')}. {machine()}", "",
        "Each value is a median over rounds in which the peers took turns (A B A B …), with half of the distance "
        "between its quartiles as ±. A ratio is taken within each round, before the median. A round counts only if all "
        "calls were completed, nothing was sent again, and the kernel counted exactly the datagrams that were due; a "
        "figure is invalid when more than half of its rounds do not count, and then no value of it is shown. `pypy` is "
        f"ours, too, run by PyPy; it compiles while it works, so it has worked for {WARMING:g} s before its "
        "first round (but in what is said of its start).", "",
        *(f"Note: {note}." for note in notes), *([""] if notes else []),
        "| figure | term | " + " | ".join(peer.name for peer in PEERS) + " | goal | result |",
        "| --- | --- |" + " ---: |" * len(PEERS) + " --- | --- |",
        *(row for figure in figures for row in rows(figure)), "",
        *([f"![The same, drawn]({drawn.name})", ""] if drawn else []),
        "## What is to be known about them", "",
        *(line for figure in figures for line in remarks(figure)),
    ])  # fmt: skip
    file.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return text


def machine() -> str:
    """What it was measured on, in words that name nobody."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    pinned = (
        "the measured program on one of them, SIPp on the rest" if PROXY_CPU.isdisjoint(LOAD_CPUS) else "all on one"
    )
    return (
        f"{models[0] if models else 'Unknown CPU'}, {len(PROXY_CPU | LOAD_CPUS)} cores, {pinned}; "
        f"{platform.system()} {platform.release().partition('-')[0]}. `ours`: {python([sys.executable])}"
        + (f"; `pypy`: {python(PYPY_COMMAND)}." if PYPY.installed else ".")
    )


def python(command: Sequence[str]) -> str:
    """Which Python it is, and how it was built: without profiles it is some percent slower. Debian's has them, but does
    not say so."""
    return subprocess.run([*command, "-c", _BUILD], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


_BUILD = """
import os, platform, sys, sysconfig
if sys.implementation.name == "pypy":
    given = "".join(f", {name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("PYPY_GC_"))
    print("PyPy", ".".join(map(str, sys.pypy_version_info[:3])), "for Python", platform.python_version() + given)
else:
    profiled = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    built = "built with profiles" if profiled else "built without profiles"
    print("CPython", platform.python_version(), "of the operating system" if sys.base_prefix == "/usr" else built)
"""


def rows(figure: Figure) -> list[str]:
    """The rows of the table: one for each goal, the values on the first."""
    cells = [shown(figure.of(peer.name), figure.unit) if peer.name in figure.rounds else "" for peer in PEERS]
    goals = [(goal.text, verdict(figure, goal)) for goal in figure.goals] or [
        ("", "" if figure.valid else "**invalid**")
    ]
    if not figure.goals and figure.ratio(SIPPY.name):
        goals = [("", f"{shown(figure.ratio(SIPPY.name))} × sippy")]
    first, *others = [f"{goal} | {result} |" for goal, result in goals]
    heading = f"| {figure.name} ({figure.unit}) | {figure.term} | " if figure.unit else f"| {figure.name} | | "
    return [
        heading + " | ".join(cells) + f" | {first}",
        *("| | |" + " |" * len(PEERS) + f" {other}" for other in others),
    ]


def verdict(figure: Figure, goal: Goal) -> str:
    """Whether the goal is met, and by what; by us on either Python."""
    measured = [peer.name for peer in (OURS, PYPY) if peer.name in figure.rounds]
    results = []
    for name in measured:
        value = figure.value(goal, name)
        met = value is not None and goal.met(value.middle)
        result = "**invalid**" if value is None else f"{'met' if met else '**missed**'}: {shown(value)}"
        results.append(f"{name} {result}" if len(measured) > 1 else result)
    return "; ".join(results) or "**invalid**"


def shown(value: Spread | None, unit: str = "") -> str:
    """A value with three digits that count, and its spread."""
    if value is None:
        return "invalid"
    digits = f"{value.middle:,.0f}" if value.middle >= 100 else f"{value.middle:.3g}"
    return digits + (f" ± {value.deviation:.0%}" if value.low != value.high else "")


def remarks(figure: Figure) -> list[str]:
    """Notes and problems of a figure."""
    lines = [f"  - {note}" for note in figure.notes]
    lines += [f"  - not counted: {problem[:LONGEST]}" for problem in figure.problems[:PROBLEMS]]
    rounds = max(map(len, figure.rounds.values()), default=0)
    lost = sum(value is None for values in figure.rounds.values() for value in values)
    if lost:
        lines.append(f"  - {lost} of {rounds * len(figure.rounds)} rounds did not count")
    return [f"- **{figure.name}**", *lines] if lines else []


def plot(file: Path, figures: Sequence[Figure]) -> Path | None:
    """The figures that are to be drawn, as bars relative to Kamailio. Returns the file; None without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "bench"  # the same numbers make the same file
    from matplotlib import pyplot

    drawn = [figure for figure in figures if figure.plot and figure.ratio(KAMAILIO.name)]
    if not drawn:
        return None
    picture, axes = pyplot.subplots(figsize=(8, 0.9 + 0.7 * len(drawn)), layout="constrained")
    for row, figure in enumerate(drawn):
        ratio = figure.ratio(KAMAILIO.name)
        assert ratio is not None
        axes.barh(row, ratio.middle, color="tab:blue", xerr=[[ratio.middle - ratio.low], [ratio.high - ratio.middle]])
        for goal in figure.goals:
            if goal.against == KAMAILIO.name:
                axes.plot([goal.bound] * 2, [row - 0.4, row + 0.4], color="tab:green")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(drawn)), [figure.name for figure in drawn])
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_xlabel("ours / Kamailio (black: equal, green: goal)")
    picture.savefig(file, metadata={"Date": None})
    pyplot.close(picture)
    return file


def profile(found: dict[str, Any]) -> str:
    """The tables of `--profile`, for docs/performance.md."""
    collector = found["collector"]
    return "\n".join([
        "| message | µs in the engine and the journal |", "| --- | ---: |",
        *(f"| {step} | {cost:.1f} |" for step, cost in found["messages"].items()),
        f"| all | {sum(found['messages'].values()):.1f} |", "",
        f"Beside that the garbage collector takes {collector['us_per_call']:.1f} µs a call; its longest pass was "
        f"{collector['longest_ms']:.1f} ms.", "",
        "| function (time of built-ins it calls included) | share | calls per call |", "| --- | ---: | ---: |",
        *(f"| {row['where']} | {row['share']:.1%} | {row['calls']:.1f} |" for row in found["functions"]),
    ])  # fmt: skip
