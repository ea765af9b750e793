# SPDX-License-Identifier: MIT
"""Clouds of many heads: dimension, PCA rank, frames and overlaps; atlas beside PyTorch, in turns.

    python heads.py PEER_HEADS [HxNxd ...] [--rounds R] [--clock processor]

Prints medians of the rounds in milliseconds, and the ratio PyTorch / atlas with its range. PyTorch
runs with 1 and with 2 threads, and each part counts with the better; of singular values of the
clouds and eigenvectors of their covariances the faster gives its frames. In its total one
decomposition serves rank and frames, and so it is with atlas where it can share one. On a machine
that others use, time of the processor (of all threads together, so that one thread is PyTorch's
better way) says more than time by the wall.
"""

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time

import torch

K = 7


def problem(heads, n, d):
    """Clouds whose spectra fall off as those of heads do, every head in axes of its own."""
    g = torch.Generator().manual_seed(1)
    reach = torch.arange(1, d + 1) ** -0.75
    turns = torch.linalg.qr(torch.randn(heads, d, d, generator=g))[0]
    return ((torch.randn(heads, n, d, generator=g) * reach) @ turns + 0.3).contiguous()


def two_nn(clouds, discard=0.1):
    """The censored maximum likelihood estimate of each head."""
    out = []
    for x in clouds:
        near = torch.cdist(x, x).topk(3, largest=False).values
        logs = (near[:, 2] / near[:, 1]).log().sort().values.double()
        kept = int(len(logs) * (1 - discard) + 1e-9)
        rest = (len(logs) - kept) * logs[kept - 1]
        out.append(kept / (logs[:kept].sum() + rest))
    return torch.stack(out)


def covariances(clouds):
    centred = clouds - clouds.mean(1, keepdim=True)
    return centred.mT @ centred / (clouds.shape[1] - 1)


def frames_of_covariances(clouds):
    values, vectors = torch.linalg.eigh(covariances(clouds))
    return values, vectors[..., -K:]


def frames_of_clouds(clouds):
    centred = clouds - clouds.mean(1, keepdim=True)
    _, s, vh = torch.linalg.svd(centred, full_matrices=False)
    return s, vh[:, :K].mT


def ranks(values, share=0.9):
    cumulated = values.flip(-1).cumsum(-1)
    return (cumulated < share * cumulated[:, -1:]).sum(-1) + 1


def overlaps(frames):
    heads = frames.shape[0]
    first, second = torch.triu_indices(heads, heads, 1)
    return torch.linalg.svdvals(frames[first].mT @ frames[second]).clamp(0, 1).mean(-1)


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
now = time.perf_counter


def milliseconds(work):
    start = now()
    result = work()
    return 1e3 * (now() - start), result


def torch_round(clouds, threads):
    torch.set_num_threads(threads)
    out = {}
    out["two_nn"], dimensions = milliseconds(lambda: two_nn(clouds))
    out["rank"], rank = milliseconds(
        lambda: ranks(torch.linalg.eigvalsh(covariances(clouds))).double().mean()
    )
    out["frames"], (values, frames) = milliseconds(lambda: frames_of_covariances(clouds))
    out["frames, svd"], _ = milliseconds(lambda: frames_of_clouds(clouds[:16]))
    out["frames, svd"] *= len(clouds) / len(clouds[:16])
    out["rank of spectra"], _ = milliseconds(lambda: ranks(values).double().mean())
    out["overlaps"], cosines = milliseconds(lambda: overlaps(frames))
    found = (dimensions.mean().item(), rank.item(), cosines.mean().item())
    return out, found


def total_of(t):
    return t["two_nn"] + min(t["frames"], t["frames, svd"]) + t["rank of spectra"] + t["overlaps"]


def atlas_round(command):
    ours = json.loads(subprocess.check_output(command))
    found = tuple(ours[key] for key in ("mean_dimension", "mean_rank", "mean_overlap"))
    out = {k: 1e3 * v for k, v in ours.items() if not k.startswith("mean_")}
    return out, found


def measure(peer, size, rounds, clock):
    heads, n, d = size
    clouds = problem(*size)
    ours, theirs = [], {1: []} if clock == "processor" else {1: [], 2: []}
    with tempfile.NamedTemporaryFile() as file:
        file.write(clouds.numpy().tobytes())
        file.flush()
        command = [peer, file.name, str(heads), str(n), str(d), clock]
        torch_round(clouds[:4], 2)
        for _ in range(rounds):
            mine, found = atlas_round(command)
            ours.append(mine)
            for threads in theirs:
                t, torch_found = torch_round(clouds, threads)
                theirs[threads].append(t)
    print(f"\n{heads} clouds of {n} x {d}; mean dimension, rank, overlap: atlas "
          f"{found[0]:.4f} {found[1]:.3f} {found[2]:.6f}, "
          f"PyTorch {torch_found[0]:.4f} {torch_found[1]:.3f} {torch_found[2]:.6f}")
    for a, b in zip(found, torch_found):
        assert math.isclose(a, b, rel_tol=1e-2), "the two do not compute the same"
    report(ours, theirs)


def report(ours, theirs):
    frames = lambda t: min(t["frames"], t["frames, svd"])
    parts = {
        "two_nn": (lambda o: o["two_nn"], lambda t: t["two_nn"]),
        "rank": (lambda o: o["rank"], lambda t: t["rank"]),
        "frames": (lambda o: o["frames"], frames),
        "overlaps": (lambda o: o["overlaps"], lambda t: t["overlaps"]),
        "frames and overlaps": (
            lambda o: o["frames"] + o["overlaps"],
            lambda t: frames(t) + t["overlaps"],
        ),
        "all": (
            lambda o: o["two_nn"] + o["rank and frames"] + o["overlaps"],
            total_of,
        ),
    }
    print(f"{'part':>20} {'atlas ms':>9} {'torch ms':>9} {'threads':>7} {'ratio':>6}  range")
    for name, (mine, other) in parts.items():
        best = min(theirs, key=lambda n: statistics.median(map(other, theirs[n])))
        a, b = list(map(mine, ours)), list(map(other, theirs[best]))
        ratios = sorted(y / x for x, y in zip(a, b))
        print(f"{name:>20} {statistics.median(a):>9.1f} {statistics.median(b):>9.1f} {best:>7}"
              f" {statistics.median(ratios):>6.1f}  {ratios[0]:.1f} to {ratios[-1]:.1f}")
    for threads, rounds in theirs.items():
        svd = statistics.median(t["frames, svd"] for t in rounds)
        print(f"PyTorch's frames by SVD of the clouds, {threads} threads: {svd:.1f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("sizes", nargs="*", default=["144x1200x64", "32x1200x128"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    global now
    now = CLOCKS[options.clock]
    print(f"torch {torch.__version__}; {options.rounds} rounds, {options.clock} time")
    for size in options.sizes:
        measure(options.peer, tuple(map(int, size.split("x"))), options.rounds, options.clock)


if __name__ == "__main__":
    main()
