# SPDX-License-Identifier: MIT
"""Estimators of this library and of scikit-dimension on the same cloud: numbers and times.

    python examples/python/beside_scikit_dimension.py [rows]     needs scikit-dimension

Both are asked for the same definition, which the name of a row says. Times are the best of three, on
one thread.
"""

import sys
import time

import numpy as np
import skdim

import atlas


def best_time(call):
    """What a call returns, and the shortest of three times in seconds."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        value = call()
        times.append(time.perf_counter() - begun)
    return value, min(times)


rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
# A ball of 5 dimensions, rolled into 20 coordinates.
random = np.random.default_rng(0)
ball = random.normal(size=(rows, 5))
ball *= (random.uniform(size=(rows, 1)) ** 0.2) / np.linalg.norm(ball, axis=1, keepdims=True)
cloud = np.concatenate([ball, np.sin(2 * ball), np.cos(2 * ball), ball ** 2], axis=1)

one = {"errors": False, "threads": 1}
pairs = [
    ("two_nn, least squares",
     lambda: atlas.estimate_dimension(
         cloud, atlas.Estimator("two_nn", estimator="regression"), **one).dimension,
     lambda: skdim.id.TwoNN(discard_fraction=0.1).fit(cloud).dimension_),
    ("mle, k = 20, harmonic",
     lambda: atlas.mle(cloud, k=20, **one).dimension,
     lambda: skdim.id.MLE(K=20, neighborhood_based=True).fit(cloud, n_neighbors=20).dimension_),
    ("mom, k = 20, mean",
     lambda: atlas.mom(cloud, k=20, combine="mean", **one).dimension,
     lambda: skdim.id.MOM().fit(cloud, n_neighbors=20).dimension_pw_.mean()),
    ("tle, k = 20, mean",
     lambda: atlas.tle(cloud, k=20, combine="mean", **one).dimension,
     lambda: skdim.id.TLE().fit(cloud, n_neighbors=20).dimension_pw_.mean()),
    ("mada, k = 20, mean",
     lambda: atlas.mada(cloud, k=20, combine="mean", **one).dimension,
     lambda: skdim.id.MADA().fit(cloud, n_neighbors=20).dimension_pw_.mean()),
    ("mind_ml, k = 10",
     lambda: atlas.mind_ml(cloud, k=10, **one).dimension,
     lambda: skdim.id.MiND_ML(k=10).fit(cloud).dimension_),
    ("correlation_integral, 10 and 20",
     lambda: atlas.correlation_integral(cloud, k1=10, k2=20, **one).dimension,
     lambda: skdim.id.CorrInt(k1=10, k2=20).fit(cloud).dimension_),
    ("local_pca, FO",
     lambda: atlas.local_pca(cloud, rule="FO", **one).dimension,
     lambda: skdim.id.lPCA(ver="FO").fit(cloud).dimension_),
    ("fisher_separability",
     lambda: atlas.fisher_separability(cloud, **one).dimension,
     lambda: skdim.id.FisherS().fit(cloud).dimension_),
]
print(f"{rows} rows, {cloud.shape[1]} columns; seconds")
print(f"{'estimator':34}{'atlas':>9}{'skdim':>9}{'atlas s':>10}{'skdim s':>10}{'faster':>8}")
for name, ours, theirs in pairs:
    (mine, seconds), (other, others_seconds) = best_time(ours), best_time(theirs)
    print(f"{name:34}{mine:9.4f}{float(other):9.4f}{seconds:10.4f}{others_seconds:10.4f}"
          f"{others_seconds / seconds:7.1f}x", flush=True)
