"""`python -m bench`: measure, and write RESULTS.md beside this file."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from bench import network, plan, processes, report
from bench.measure import say
from bench.peers import HERE

NEEDED = ("sipp", "taskset", "unshare", "ip")


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the figures that matter most, in some minutes")
    parser.add_argument("--only", metavar="FIGURES", help=f"some of: {','.join(plan.FIGURES)}")
    parser.add_argument("--profile", action="store_true", help="where the microseconds of a call go, and nothing else")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md", help="where the results go")
    given = parser.parse_args(arguments)
    chosen = given.only.split(",") if given.only else list(plan.QUICK if given.quick else plan.FIGURES)
    if unknown := set(chosen) - set(plan.FIGURES):
        parser.error(f"no such figures: {', '.join(sorted(unknown))}")
    if given.profile:
        print(report.profile(plan.profile()))
        return 0
    if missing := processes.missing(*NEEDED):
        parser.error(f"missing programs: {', '.join(missing)} (Debian: sip-tester, util-linux, iproute2)")
    if not network.isolated():
        network.enter()
        say("no network namespace of our own: datagrams are not counted")
    notes = (
        [] if processes.prefer() else ["no right to be preferred to other programs: a busy machine disturbs the rounds"]
    )
    # Whoever ends us ends what we have started, too: an exit goes through every `finally`, a signal would not.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    figures = plan.measure_all(chosen, given.quick)
    written = report.write(given.out, figures, given.quick, notes)
    print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
