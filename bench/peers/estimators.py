# SPDX-License-Identifier: MIT
"""Estimators of dimension on N rows in 64 dimensions beside scikit-dimension and DADApy.

Both sides read the same cloud and search for neighbours themselves, on one thread. What takes a
peer more than a minute is measured once. Run by estimators.sh.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
import skdim.id  # noqa: E402
from dadapy import Data  # noqa: E402

from rounds import header, row  # noqa: E402


def dadapy(points, work, maxk):
    data = Data(points, verbose=False, n_jobs=1)
    if maxk:
        data.compute_distances(maxk=maxk)
    return work(data)


PEERS = {
    "two_nn": {
        "skdim": lambda x: skdim.id.TwoNN().fit(x),
        "dadapy": lambda x: dadapy(x, lambda d: d.compute_id_2NN(), 0),
    },
    "gride_scales": {
        "dadapy": lambda x: dadapy(x, lambda d: d.return_id_scaling_gride(range_max=64), 0),
    },
    "mle": {"skdim": lambda x: skdim.id.MLE().fit(x, n_neighbors=20)},
    "mom": {"skdim": lambda x: skdim.id.MOM().fit(x, n_neighbors=20)},
    "mada": {"skdim": lambda x: skdim.id.MADA().fit(x)},
    "tle": {"skdim": lambda x: skdim.id.TLE().fit(x)},
    "ess": {"skdim": lambda x: skdim.id.ESS().fit(x)},
    "correlation_integral": {"skdim": lambda x: skdim.id.CorrInt().fit(x)},
    "mind_ml": {"skdim": lambda x: skdim.id.MiND_ML(D=64).fit(x)},
    "danco": {"skdim": lambda x: skdim.id.DANCo().fit(x)},
    "fisher_separability": {"skdim": lambda x: skdim.id.FisherS().fit(x)},
    "local_pca": {"skdim": lambda x: skdim.id.lPCA().fit(x)},
    "spanning_tree": {"skdim": lambda x: skdim.id.PH().fit(x)},
    "knn_graph": {"skdim": lambda x: skdim.id.KNN(ps=np.arange(5000, 10000, 500), M=10).fit(x)},
    "binomial": {
        "dadapy": lambda x: dadapy(x, lambda d: d.compute_id_binomial_k(20, 0.95), 40),
    },
}
SLOW = 60.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("names", nargs="*", default=list(PEERS))
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mode", choices=("alone", "error"), default="alone")
    o = parser.parse_args()
    points = np.random.default_rng(1).standard_normal((o.rows, 64))
    print(f"{o.rows} rows in 64 dimensions, one thread, ours {o.mode}; {o.rounds} rounds")
    print(header("atlas s", "peer s"))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "cloud.npy")
        np.save(file, points)
        for name in o.names:
            for library, work in PEERS[name].items():
                print(measure(o, file, points, name, library, work), flush=True)


def measure(o, file, points, name, library, work):
    mine, theirs = [], []
    try:
        work(points[:500])  # compiled by numba
    except Exception as e:
        return f"{name} beside {library}: {type(e).__name__}: {e}"
    for _ in range(o.rounds):
        raw = subprocess.check_output([o.peer, file, name, o.mode])
        mine.append(json.loads(raw)["seconds"])
        start = time.perf_counter()
        work(points)
        theirs.append(time.perf_counter() - start)
        if theirs[-1] > SLOW:
            break
    return row(f"{name} beside {library}", mine, theirs)


if __name__ == "__main__":
    main()
