# SPDX-License-Identifier: MIT
"""How much cells around centroids rule out in an exact search of the 2 nearest neighbours of a row, if
the distance r of the second is known and nothing is rounded. A cell is left out

- where the row's distance from its centroid exceeds the cell's radius and r (triangle inequality),
- where the hyperplane between the row's own centroid and the cell's is further than r.

    python cells.py PEER_NEIGHBORS [DATA:N ...] [--cells M]

Prints, the mean of 400 rows, the cells that are left by the first and by both, and the rows of their
shells of 16 by decreasing distance from the centroid that the first does not rule out.
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
    away = squares(x[asked], centroids)
    between = numpy.sqrt(squares(centroids[of[asked]], centroids))
    own = numpy.take_along_axis(away, of[asked][:, None], 1)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        beyond = (away - own) / (2 * between) >= second[:, None]  # never of the row's own cell
    gap = numpy.sqrt(away) - second[:, None]
    left, rows = numpy.zeros((2, len(asked))), numpy.zeros((2, len(asked)))
    for c in range(count):
        lengths = numpy.sort(numpy.sqrt(((x[of == c] - centroids[c]) ** 2).sum(1)))[::-1][::16]
        shells = (gap[:, c, None] < lengths[None]).sum(1)
        for test, kept in enumerate((shells, shells * ~beyond[:, c])):
            left[test] += kept > 0
            rows[test] += 16 * kept
    print(f"{data} {n:,}, {count:,} cells: triangle inequality {left[0].mean():.0f} cells,"
          f" {rows[0].mean():,.0f} rows; hyperplane, too, {left[1].mean():.0f}, {rows[1].mean():,.0f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("clouds", nargs="*", default=["line:100000", "curve:100000"])
    parser.add_argument("--cells", type=int, default=1600)
    o = parser.parse_args()
    for cloud in o.clouds:
        data, n = cloud.split(":")
        report(o.peer, data, int(n), o.cells)


if __name__ == "__main__":
    main()
