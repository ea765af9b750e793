# SPDX-License-Identifier: MIT
"""The Haar null of the overlap of two 7-dimensional subspaces to a standard error of 2e-4 (relative
to the mean at d = 64): atlas beside PyTorch, alternately in one run.

    python haar.py PEER_HAAR [d ...] [--rounds R]

PyTorch draws batches of frames (QR of normal matrices; the other frame is the first axes) and takes
singular values, with the better of 1 and 2 threads. It is timed on 500 pairs; what counts is the
time for as many as give the mean of their overlaps that standard error.
"""

import argparse
import json
import statistics
import subprocess

import torch

from rounds import header, row, seconds

K, PAIRS = 7, 500


def overlaps(d):
    frames = torch.linalg.qr(torch.randn(PAIRS, d, K)).Q
    return torch.linalg.svdvals(frames[:, :K]).mean(-1)


def to_error(peer, d, error):
    """The draws after which the standard error is at most this."""
    draws = 500
    while json.loads(subprocess.check_output([peer, str(d), str(draws), "2"]))["error"] > error:
        draws += 100
    return draws


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("dimensions", nargs="*", type=int, default=[64, 4096])
    parser.add_argument("--rounds", type=int, default=7)
    o = parser.parse_args()
    print(f"torch {torch.__version__}; {o.rounds} rounds; k = {K}")
    print(header("atlas s", "torch s"))
    for d in o.dimensions:
        found = overlaps(d)
        error = 2e-4 * min(1.0, (64 / d) ** 0.5)
        draws = to_error(o.peer, d, error)
        needed = (found.std().item() / error) ** 2
        mine, alone, theirs = [], [], {1: [], 2: []}
        for _ in range(o.rounds):
            for n, out in ((2, mine), (1, alone)):
                raw = subprocess.check_output([o.peer, str(d), str(draws), str(n)])
                out.append(json.loads(raw)["seconds"])
            for threads, out in theirs.items():
                torch.set_num_threads(threads)
                out.append(seconds(lambda: overlaps(d)) * needed / PAIRS)
        best = min(theirs.values(), key=statistics.median)
        print(row(f"d {d}, error {error:.2g}, {draws} and {needed:.0f} draws", mine, best))
        print(row("2 threads of atlas beside 1", mine, alone))
        default = json.loads(subprocess.check_output([o.peer, str(d), "20000", "2"]))
        print(f"20,000 draws: {1e3 * default['seconds']:.1f} ms, standard error {default['error']:.1g}")


if __name__ == "__main__":
    main()
