# SPDX-License-Identifier: MIT
"""Autoencoders of clouds: atlas beside PyTorch, alternately in one run.

    python autoencoder.py PEER_AUTOENCODER [--heads 4] [--rounds 7] [--epochs 300]

A head is 3,200 rows of which 80 % are trained on, 64 -> 64 -> 7 -> 64 -> 64 with GELUs, Adam at
1e-3, full batches. PyTorch trains one head after the other with all of its threads (1 and 2 are
tried), and once with all heads in one batched product (`bmm`), which is the most that it can be
asked for. Times are of all heads.
"""

import argparse
import json
import statistics
import subprocess
import tempfile

import torch

from rounds import header, row, seconds


def clouds(heads, rows, d):
    """Curved surfaces of 5 dimensions with noise."""
    g = torch.Generator().manual_seed(1)
    flat = torch.randn(heads, rows, 5, generator=g)
    curved = torch.sin(flat @ torch.randn(heads, 5, 24, generator=g))
    noise = 0.1 * torch.randn(heads, rows, d, generator=g)
    return curved @ torch.randn(heads, 24, d, generator=g) + noise


def prepared(x):
    x = x - x.mean(-2, keepdim=True)
    return x / x.square().mean((-1, -2), keepdim=True).sqrt()


def train_one(x, k, epochs):
    torch.manual_seed(1)
    d = x.shape[-1]
    layers = [torch.nn.Linear(d, 64), torch.nn.GELU(), torch.nn.Linear(64, k)]
    layers += [torch.nn.Linear(k, 64), torch.nn.GELU(), torch.nn.Linear(64, d)]
    model = torch.nn.Sequential(*layers)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        adam.zero_grad()
        torch.nn.functional.mse_loss(model(x), x).backward()
        adam.step()
    return model


def train_all(x, k, epochs):
    torch.manual_seed(1)
    heads, _, d = x.shape
    sizes = [(d, 64), (64, k), (k, 64), (64, d)]
    draw = lambda fan, *shape: ((2 * torch.rand(*shape) - 1) / fan**0.5).requires_grad_()
    weights = [draw(i, heads, i, o) for i, o in sizes]
    biases = [draw(i, heads, 1, o) for i, o in sizes]
    adam = torch.optim.Adam(weights + biases, lr=1e-3)
    gelu = torch.nn.functional.gelu
    for _ in range(epochs):
        adam.zero_grad()
        y = gelu(torch.baddbmm(biases[0], x, weights[0]))
        y = torch.baddbmm(biases[1], y, weights[1])
        y = gelu(torch.baddbmm(biases[2], y, weights[2]))
        y = torch.baddbmm(biases[3], y, weights[3])
        ((y - x).square().mean((-1, -2)).sum()).backward()
        adam.step()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rows", type=int, default=3200)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    o = parser.parse_args()
    x = clouds(o.heads, o.rows, o.width)
    training = prepared(x[:, : o.rows * 4 // 5])
    mine, mine_alone, one_by_one, batched, shares = [], [], [], [], []
    with tempfile.NamedTemporaryFile() as file:
        file.write(x.numpy().tobytes())
        file.flush()
        sizes = [file.name, str(o.heads), str(o.rows), str(o.width), str(o.epochs)]
        for _ in range(o.rounds):
            for threads, into in ((1, mine_alone), (2, mine)):
                ours = json.loads(subprocess.check_output([o.peer, *sizes, str(threads)]))
                into.append(ours["seconds"])
            shares.append(ours["unexplained"])
            single, together = [], []
            for threads in (1, 2):
                torch.set_num_threads(threads)
                # One head of several: they all take the same time.
                single.append(o.heads * seconds(lambda: train_one(training[0], 7, o.epochs)))
                together.append(seconds(lambda: train_all(training, 7, o.epochs)))
            one_by_one.append(min(single))
            batched.append(min(together))
    print(f"torch {torch.__version__}, {o.rounds} rounds; {o.heads} heads of {o.rows} x {o.width}")
    print(f"held-out unexplained {statistics.mean(shares):.4f}")
    print(header("atlas s", "torch s"))
    print(row("head after head", mine, one_by_one))
    print(row("all heads in one product", mine, batched))
    print(row("atlas on 2 threads against 1", mine, mine_alone))


if __name__ == "__main__":
    main()
