# SPDX-License-Identifier: MIT
"""Eigenbasis and quantization of a [d, d] layer: atlas beside PyTorch, alternately in one run.

    python quantize.py PEER_QUANTIZE [d ...] [--rounds R]

Prints medians of the rounds, and the ratio with its range. Both sides have all cores. Both do the
same work: second moments are given, errors of weights and outputs are computed; `rotation` is the
product with a dense basis and back, which a Hadamard basis does without products. Eigenbases are
timed in float64 and in float32.
"""

import argparse
import json
import statistics
import subprocess
import time

import torch


def problem(d):
    g = torch.Generator().manual_seed(1)
    w = torch.randn(d, d, generator=g)
    a = torch.randn(2 * d, d, generator=g) / torch.arange(1, d + 1).sqrt()
    return w, (a.double().T @ a.double()) / a.shape[0]


def errors(w, q, f):
    lost = (w - q).double()
    whole = w.double()
    return (
        (lost.square().sum() / whole.square().sum()).item(),
        (((lost @ f) * lost).sum() / ((whole @ f) * whole).sum()).item(),
    )


def rounded(w, scale, levels):
    return (w / scale).round().clamp(-levels, levels) * scale


def fisher(w, f, basis, bits=4):
    levels = 2 ** (bits - 1) - 1
    u = basis.float()
    turned = w @ u
    q = rounded(turned, turned.abs().amax(0, keepdim=True) / levels, levels) @ u.T
    return errors(w, q, f)


def gptq(w, f, bits=4, damping=0.01, block=128):
    """Frantar et al., algorithm 1, in float32 with scales per column."""
    levels = 2 ** (bits - 1) - 1
    d = w.shape[1]
    h = f.float() + damping * f.diagonal().mean().float() * torch.eye(d)
    upper = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
    scale = w.abs().amax(0) / levels
    rest, q = w.clone(), torch.empty_like(w)
    for begin in range(0, d, block):
        end = min(begin + block, d)
        part, lost = rest[:, begin:end].clone(), torch.empty_like(rest[:, begin:end])
        for c in range(end - begin):
            column = part[:, c]
            q[:, begin + c] = rounded(column, scale[begin + c], levels)
            lost[:, c] = (column - q[:, begin + c]) / upper[begin + c, begin + c]
            part[:, c:] -= lost[:, c : c + 1] * upper[begin + c, begin + c : end]
        rest[:, end:] -= lost @ upper[begin:end, end:]
    return errors(w, q, f)


def seconds(work, runs=1):
    """The shortest of some runs, and what came out."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def torch_round(d):
    w, f = problem(d)
    runs = 5 if d <= 1024 else 1
    out = {}
    out["eigenbasis"], eig = seconds(lambda: torch.linalg.eigh(f), runs)
    out["eigenbasis, float32"], _ = seconds(lambda: torch.linalg.eigh(f.float()), runs)
    out["fisher"], _ = seconds(lambda: fisher(w, f, eig.eigenvectors), runs)
    out["gptq"], _ = seconds(lambda: gptq(w, f), runs)
    u = eig.eigenvectors.float()
    out["rotation"], _ = seconds(lambda: w @ u @ u.T, 5)
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("sizes", nargs="*", type=int, default=[768, 3072])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; {options.rounds} rounds")
    print(f"{'d':>5} {'part':>20} {'atlas s':>9} {'torch s':>9} {'ratio':>6}  range")
    for d in options.sizes:
        rounds = []
        for _ in range(options.rounds):
            ours = json.loads(subprocess.check_output([options.peer, str(d)]))
            rounds.append((ours, torch_round(d)))
        for part in rounds[0][1]:
            mine = [o[part] for o, _ in rounds]
            theirs = [t[part] for _, t in rounds]
            ratios = sorted(m / t for m, t in zip(mine, theirs))
            print(
                f"{d:>5} {part:>20} {statistics.median(mine):>9.3f}"
                f" {statistics.median(theirs):>9.3f} {statistics.median(ratios):>6.2f}"
                f"  {ratios[0]:.2f} to {ratios[-1]:.2f}"
            )
        fast = statistics.median(o["hadamard rotation"] for o, _ in rounds)
        print(
            f"{d:>5} hadamard: {statistics.median(o['hadamard'] for o, _ in rounds):.3f} s; its rotation"
            f" {fast:.5f} s, dense rotation {ratio_of(rounds, 'rotation')} times as long"
        )


def ratio_of(rounds, part):
    ratios = sorted(o[part] / o["hadamard rotation"] for o, _ in rounds)
    return f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"


if __name__ == "__main__":
    main()
