# SPDX-License-Identifier: MIT
"""Forward passes of the reference transformer against the peak of the machine, in one run.

    python transformer.py PEER_TRANSFORMER [--blocks 1] [--size 512] [--layers 30] [--rounds 7]

The peak is a 2048 x 2048 x 2048 product of OpenBLAS with as many threads, measured in the same
process right before. Work is what the pass has to do: linear maps and causal attention, of each
query with the keys that it sees. With capture alone the last layer's MLP is not computed.
"""

import argparse
import json
import statistics
import subprocess


def spread(values, form="{:.3f}"):
    values = sorted(values)
    middle, low, high = statistics.median(values), values[0], values[-1]
    return " ".join(form.format(x) for x in (middle, low, high))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=7)
    o = parser.parse_args()
    runs = {1: [], 2: []}
    for _ in range(o.rounds):
        for threads in runs:
            sizes = [str(x) for x in (o.blocks, o.size, threads, o.layers)]
            runs[threads].append(json.loads(subprocess.check_output([o.peer, *sizes])))
    print(f"{o.blocks} x {o.size} tokens, {o.layers} layers, {o.rounds} rounds: median, least, most")
    last = 6 * 576 * 1536 * o.blocks * o.size  # the MLP that capture alone leaves out
    for threads, rounds in runs.items():
        print(f"{threads} threads, peak {spread([r['peak'] / 1e9 for r in rounds], '{:.1f}')} GFLOP/s")
        for part in ("capture", "hidden", "logits"):
            share = []
            for r in rounds:
                work = r["linear"] + r["causal"]
                work += {"capture": -last, "hidden": 0, "logits": r["vocabulary"]}[part]
                share.append(work / r[part] / r["peak"])
            print(f"{part:>10}: {spread([r[part] for r in rounds])} s; {spread(share)} of the peak")
    for part in ("capture", "hidden", "logits"):
        ratios = [a[part] / b[part] for a, b in zip(runs[1], runs[2])]
        print(f"{part:>10}: 2 threads are {spread(ratios)} times as fast")


if __name__ == "__main__":
    main()
