"""How much cells around centroids would rule out in an exact search of the 2 nearest neighbours: a cell
is left out for a row where the row's distance from its centroid exceeds the cell's radius and the
distance of the row's second neighbour (triangle inequality), which is taken as known.

    python cells.py PEER_NEIGHBORS [DATA:N ...] [--cells M]

Prints, the mean of 400 rows, the cells and the rows that are left.
"""

import argparse
import subprocess

import numpy


def squares(a, b):
    return numpy.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0)


def nearest(x, centroids):
    return numpy.concatenate(
        [squares(x[i : i + 5000], centroids).argmin(1) for i in range(0, len(x), 5000)]
    )


def cells(x, count, random, steps=2):
    """Centroids after a few of Lloyd's steps from random rows, and the cell of each row."""
    centroids = x[random.choice(len(x), count, replace=False)].copy()
    for _ in range(steps):
        of = nearest(x, centroids)
        sums = numpy.zeros_like(centroids)
        numpy.add.at(sums, of, x)
        sizes = numpy.bincount(of, minlength=count)
        centroids[sizes > 0] = sums[sizes > 0] / sizes[sizes > 0, None]
    return centroids, nearest(x, centroids)


def report(peer, data, n, count):
    raw = subprocess.check_output([peer, "write", data, str(n)])
    x = numpy.frombuffer(raw, dtype=numpy.float32).reshape(n, -1)
    random = numpy.random.default_rng(1)
    asked = random.choice(n, 400, replace=False)
    second = numpy.sqrt(numpy.partition(squares(x[asked], x), 2, axis=1)[:, 2])  # itself is one
    centroids, of = cells(x, count, random)
    radius = numpy.zeros(count)
    numpy.maximum.at(radius, of, numpy.sqrt(((x - centroids[of]) ** 2).sum(1)))
    left = numpy.sqrt(squares(x[asked], centroids)) < radius[None] + second[:, None]
    rows = (left * numpy.bincount(of, minlength=count)).sum(1)
    print(f"{data} {n:,}: of {count:,} cells {left.sum(1).mean():.0f} are left, {rows.mean():,.0f} rows")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("clouds", nargs="*", default=["line:100000", "curve:100000"])
    parser.add_argument("--cells", type=int, default=4000)
    o = parser.parse_args()
    for cloud in o.clouds:
        data, n = cloud.split(":")
        report(o.peer, data, int(n), o.cells)


if __name__ == "__main__":
    main()
