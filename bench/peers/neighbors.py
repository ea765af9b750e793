# SPDX-License-Identifier: MIT
"""The 2 nearest neighbours of every row of a float cloud in 64 dimensions: atlas beside its peers,
alternately in one run.

    python neighbors.py PEER_NEIGHBORS [DATA:N ...] [--peers faiss product ...] [--rounds R]

DATA is full (normal numbers), line (a linear image of 7 normal numbers) or curve (sines of such an
image). Peers: alone (atlas on one thread), dense (atlas' exhaustive search), floats (also without
bytes), faiss (IndexFlatL2), product (OpenBLAS' N x N x 64 product alone), nanoflann, brute and ball
(scikit-learn). Trees and scikit-learn are asked for at most 20,000 rows, spread over the cloud, and
what that takes counts as often as all rows would need it. Prints medians of the rounds, and the ratio
of atlas' time to the peer's with its range. All have all cores; that all found the same is checked.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

# The fastest of blocks of 256 to 4,096 rows, OpenBLAS with one thread or all, OpenMP's threads
# spinning or not.
FAISS = {"OMP_WAIT_POLICY": "passive", "FAISS_BLOCK": "4096"}


def environment():
    left_out = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    return {k: v for k, v in os.environ.items() if k not in left_out} | FAISS


def compiled(peer, who, data, n):
    command = [peer, who, data, str(n)]
    return json.loads(subprocess.check_output(command, env=environment()))


def by_sklearn(peer, algorithm, data, n):
    import numpy
    from sklearn.neighbors import NearestNeighbors

    raw = subprocess.check_output([peer, "write", data, str(n)])
    x = numpy.frombuffer(raw, dtype=numpy.float32).reshape(n, -1)
    step = -(-n // 20000)
    queries = x[::step]
    start = time.perf_counter()
    search = NearestNeighbors(n_neighbors=3, algorithm=algorithm, n_jobs=-1).fit(x)
    built = time.perf_counter()
    distances, _ = search.kneighbors(queries)
    asked = time.perf_counter() - built
    seconds = built - start + asked * n / len(queries)
    return {"seconds": seconds, "sum": float(distances[:, 2].sum())}


def once(peer, who, data, n):
    if who in ("brute", "ball"):
        return by_sklearn(peer, "brute" if who == "brute" else "ball_tree", data, n)
    return compiled(peer, who, data, n)


def compare(peer, who, data, n, rounds):
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(once(peer, "atlas", data, n))
        theirs.append(once(peer, who, data, n))
    same = who == "product" or abs(mine[0]["sum"] / theirs[0]["sum"] - 1) < 1e-4
    ratios = sorted(m["seconds"] / t["seconds"] for m, t in zip(mine, theirs))
    print(
        f"{data:>6} {n:>9,} {who:>10} {statistics.median(m['seconds'] for m in mine):>9.3f}"
        f" {statistics.median(t['seconds'] for t in theirs):>9.3f}"
        f" {statistics.median(ratios):>7.3f}  {ratios[0]:.3f} to {ratios[-1]:.3f}"
        f"  {max(m['memory'] for m in mine):>6.1f}" + ("" if same else "  NOT THE SAME"),
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("clouds", nargs="*", default=["full:20000", "line:20000", "curve:20000"])
    parser.add_argument("--peers", nargs="*", default=["faiss", "product"])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(f"{options.rounds} rounds; seconds, ratio atlas / peer with its range, MiB of atlas")
    print(f"{'data':>6} {'N':>9} {'peer':>10} {'atlas s':>9} {'peer s':>9} {'ratio':>7}  range")
    for cloud in options.clouds:
        data, n = cloud.split(":")
        for who in options.peers:
            compare(options.peer, who, data, int(n), options.rounds)


if __name__ == "__main__":
    main()
