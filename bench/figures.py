"""A figure: what was measured of each peer, round by round; its ratio, its spread, its goal, and whether it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import NamedTuple

ENOUGH = 0.5
"""Share of the rounds that must have gone without a problem, or the figure is none."""


class Spread(NamedTuple):
    """The median of some values, and their quartiles."""

    middle: float
    low: float
    high: float

    @property
    def deviation(self) -> float:
        """Half of what lies between the quartiles, as a share of the median."""
        return (self.high - self.low) / 2 / self.middle if self.middle else 0.0


def spread(values: list[float]) -> Spread:
    """Of at least one value."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(median(values), low, high)


class Goal(NamedTuple):
    """What ours should be: at most (`least`: at least) `bound`, as a ratio to the peer `against`, or by itself."""

    bound: float
    against: str = ""
    least: bool = False

    @property
    def text(self) -> str:
        """For readers."""
        return f"{'≥' if self.least else '≤'} {self.bound:g}{f' × {self.against}' if self.against else ''}"

    def met(self, value: float) -> bool:
        """Whether that is good enough."""
        return value >= self.bound if self.least else value <= self.bound


@dataclass
class Figure:
    """name: what it is, for readers. unit: of its values. term: what an RFC calls it, and which.

    rounds: by the name of a peer, its value in each round; None where the round had a problem, or there was none.
    goals: what ours should be. problems: what went wrong, each once. notes: what a reader must know. plot: whether it
    is drawn, too.
    """

    name: str
    unit: str
    term: str = ""
    rounds: dict[str, list[float | None]] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plot: bool = False

    def add(self, peer: str, value: float | None, problems: list[str] | None = None) -> None:
        """One more round of a peer; with problems its value is shown to nobody."""
        self.rounds.setdefault(peer, []).append(None if problems else value)
        for problem in problems or []:
            self.blame(f"{peer}: {problem}")

    def blame(self, problem: str) -> None:
        """Something went wrong; each is told once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def note(self, text: str) -> None:
        """Something that a reader must know; each is told once."""
        if text and text not in self.notes:
            self.notes.append(text)

    def of(self, peer: str) -> Spread | None:
        """The value of a peer; None if it is invalid or was not measured."""
        rounds = self.rounds.get(peer, [])
        return _enough([value for value in rounds if value is not None], len(rounds))

    def ratio(self, against: str, peer: str = "ours") -> Spread | None:
        """One peer by another, round by round; None if one of them is invalid."""
        pairs = list(zip(self.rounds.get(peer, []), self.rounds.get(against, []), strict=False))
        return _enough([ours / theirs for ours, theirs in pairs if ours is not None and theirs], len(pairs))

    def value(self, goal: Goal, peer: str = "ours") -> Spread | None:
        """What the goal speaks of."""
        return self.ratio(goal.against, peer) if goal.against else self.of(peer)

    @property
    def valid(self) -> bool:
        """Whether every peer has a value."""
        return bool(self.rounds) and all(self.of(peer) for peer in self.rounds)


def _enough(values: list[float], rounds: int) -> Spread | None:
    return spread(values) if values and len(values) >= ENOUGH * rounds else None
