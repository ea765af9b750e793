# SPDX-License-Identifier: MIT
"""Rounds of two sides measured alternately, and the ratios of each round."""

import statistics
import time


def seconds(work, repeats=1):
    """The shortest of `repeats` runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def row(name, mine, theirs):
    """Medians of both sides in seconds, the median of theirs / mine, and its range."""
    ratios = sorted(t / m for m, t in zip(mine, theirs))
    return (
        f"{name:>44} {statistics.median(mine):>9.4f} {statistics.median(theirs):>9.4f}"
        f" {statistics.median(ratios):>7.2f}  {ratios[0]:.2f} to {ratios[-1]:.2f}"
    )


def header(ours, theirs):
    return f"{'part':>44} {ours:>9} {theirs:>9} {'ratio':>7}  range"
