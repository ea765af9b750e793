# SPDX-License-Identifier: MIT
"""Estimators of dimension on N rows in 64 dimensions beside scikit-dimension and DADApy.

Both sides read the same cloud and search for neighbours themselves, on one thread. What takes a
peer more than a minute is measured once, and a peer that takes longer than --most seconds is
stopped: its row then has a time and a ratio that are at least so large. Run by estimators.sh.
"""

import argparse
import json
import multiprocessing
import os
import queue
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
    "knn_graph": {
        "skdim": lambda x: skdim.id.KNN(ps=len(x) * np.arange(10, 20) // 20, M=10).fit(x)
    },
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
    parser.add_argument("--most", type=float, default=120, help="seconds of a peer's call")
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


def peer_seconds(work, points, results):
    """Of one call, in a process of its own."""
    try:
        start = time.perf_counter()
        work(points)
        results.put(time.perf_counter() - start)
    except Exception as e:
        results.put(f"{type(e).__name__}: {e}")


def within(most, work, points):
    """Seconds of the peer's call, or what its error says; nothing where it was stopped."""
    processes = multiprocessing.get_context("fork")
    results = processes.Queue()
    peer = processes.Process(target=peer_seconds, args=(work, points, results))
    peer.start()
    try:
        return results.get(timeout=most)
    except queue.Empty:
        return None
    finally:
        peer.terminate()
        peer.join()


def measure(o, file, points, name, library, work):
    mine, theirs, label = [], [], f"{name} beside {library}"
    if library == "dadapy":
        work(points[:500])  # compiled by numba, once for the processes that follow
    for _ in range(o.rounds):
        raw = subprocess.check_output([o.peer, file, name, o.mode])
        mine.append(json.loads(raw)["seconds"])
        took = within(o.most, work, points)
        if isinstance(took, str):
            return f"{label}: {took}"
        if took is None:
            return (
                f"{label:>44} {mine[-1]:>9.4f} {f'> {o.most:.0f}':>9} "
                f"{f'> {o.most / mine[-1]:.0f}':>7}  stopped"
            )
        theirs.append(took)
        if took > SLOW:
            break
    return row(label, mine, theirs)


if __name__ == "__main__":
    main()
