# SPDX-License-Identifier: MIT
"""Boltzmann observables and density matrices of attention: atlas beside PyTorch, alternately.

    python boltzmann.py PEER_BOLTZMANN [--heads 12] [--rows 256] [--width 64] [--rounds 7]

Both sides read the same causal float32 logits and values and agree on the means of what they
compute. atlas works in double, PyTorch in float32, batched over all rows of all heads, with 1 and
with 2 threads; both take the shortest of three runs a round. The ratio is of the better setting of
PyTorch to atlas on all cores.
"""

import argparse
import json
import statistics
import subprocess
import tempfile

import torch

from rounds import header, row, seconds


def observables(logits):
    masked = torch.isinf(logits)
    log_z = torch.logsumexp(logits, -1)
    p = torch.softmax(logits, -1)
    energy = (-logits).masked_fill(masked, 0)
    mean = (p * energy).sum(-1)
    heat = (p * (energy - mean[..., None]) ** 2).sum(-1)
    entropy = torch.special.entr(p).sum(-1)
    return log_z, mean, heat, entropy, entropy.exp()


def density(p, values, entropy):
    unit = values / values.norm(dim=-1, keepdim=True)
    weighted = p.sqrt()[..., None] * unit[:, None]  # [H, T, T, d]
    rho = weighted.transpose(-1, -2) @ weighted
    purity = rho.square().sum((-1, -2))
    if not entropy:
        return purity, None
    spectrum = torch.linalg.eigvalsh(rho).clamp_min(0)
    return purity, torch.special.entr(spectrum).sum(-1)


def gram_purity(p, values):
    """tr rho^2 without rho: what one would write where the entropy is not asked for."""
    unit = values / values.norm(dim=-1, keepdim=True)
    return ((p @ (unit @ unit.mT).square()) * p).sum(-1)


def torch_round(logits, values, repeats):
    p = torch.softmax(logits, -1)
    return {
        "softmax": seconds(lambda: torch.softmax(logits, -1), repeats),
        "observables": seconds(lambda: observables(logits), repeats),
        "gram purity": seconds(lambda: gram_purity(p, values), repeats),
        "purity": seconds(lambda: density(p, values, False), repeats),
        "purity and entropy": seconds(lambda: density(p, values, True), 1),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    o = parser.parse_args()
    g = torch.Generator().manual_seed(1)
    logits = 2 * torch.randn(o.heads, o.rows, o.rows, generator=g)
    logits.masked_fill_(torch.ones(o.rows, o.rows).triu(1).bool(), float("-inf"))
    values = torch.randn(o.heads, o.rows, o.width, generator=g)
    rounds = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(logits.numpy().tobytes() + values.numpy().tobytes())
        file.flush()
        sizes = [file.name, str(o.heads), str(o.rows), str(o.width)]
        for _ in range(o.rounds):
            ours = {n: json.loads(subprocess.check_output([o.peer, *sizes, str(n)])) for n in (1, 2)}
            theirs = {}
            for n in (1, 2):
                torch.set_num_threads(n)
                theirs[n] = torch_round(logits, values, 3)
            rounds.append((ours, theirs))
    p = torch.softmax(logits, -1)
    purity, entropy = density(p, values, True)
    wanted = [observables(logits)[3].mean().item(), purity.mean().item(), entropy.mean().item()]
    print(f"torch {torch.__version__}, {o.rounds} rounds; {o.heads} x {o.rows} x {o.rows}, d {o.width}")
    print("means of entropy, purity, von Neumann entropy:", rounds[0][0][2]["means"], wanted)

    def report(name, part, peer=None):
        mine = [sum(m[2][x] for x in part) for m, _ in rounds]
        best = [min(sum(t[n][x] for x in peer or part) for n in (1, 2)) for _, t in rounds]
        print(row(name, mine, best))

    print(header("atlas s", "torch s"))
    for part in ("softmax", "observables", "purity", "purity and entropy"):
        report(part, [part])
    report("purity, torch by Gram matrices", ["purity"], ["gram purity"])
    report("all", ["observables", "purity and entropy"])
    report("all but entropy", ["observables", "purity"])
    report("all but entropy, torch by Gram", ["observables", "purity"], ["observables", "gram purity"])
    report("all but entropy; torch: all", ["observables", "purity"], ["observables", "purity and entropy"])
    print(header("1 thread", "2 threads"))
    for part in ("softmax", "observables", "purity", "purity and entropy"):
        one, two = ([m[n][part] for m, _ in rounds] for n in (1, 2))
        ratios = sorted(a / b for a, b in zip(one, two))
        print(
            f"{part:>36} {statistics.median(one):>9.4f} {statistics.median(two):>9.4f}"
            f" {statistics.median(ratios):>7.2f}  {ratios[0]:.2f} to {ratios[-1]:.2f}"
        )


if __name__ == "__main__":
    main()
