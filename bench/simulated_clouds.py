#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `atlas two-nn` says of simulated clouds (docs/methods/dimension.md): rows that hang together
along passages, rows that are there twice, and which surrogates reject which clouds.

simulated_clouds.py PROGRAM [CLOUDS]   needs NumPy; CLOUDS are drawn of each kind (20)
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

PROGRAM = os.path.abspath(sys.argv[1])
CLOUDS = int(sys.argv[2]) if len(sys.argv) > 2 else 20


def two_nn(points, *options, context=None):
    """The result of `atlas two-nn` as JSON."""
    np.save("points.npy", points)
    if context is not None:
        np.save("context.npy", context)
        options += ("--context", "context.npy")
    run = [PROGRAM, "two-nn", "points.npy", "--json", "-", *options]
    return json.loads(subprocess.run(run, check=True, capture_output=True).stdout)


def passages(random, count, rows, rho, length=100, dimension=6):
    """Rows spread over passages of a Gaussian process without structure, and their passages."""
    x = np.empty((count, length, dimension))
    x[:, 0] = random.normal(size=(count, dimension))
    for t in range(1, length):
        step = random.normal(size=(count, dimension))
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * step
    places = np.linspace(0, length - 1, rows).astype(int)
    return x[:, places].reshape(-1, dimension), np.repeat(np.arange(count), rows)


def print_dependent_rows():
    print("passages  rows   rho  any neighbour  other passages  distinct passages  (6 is right)")
    for count, rows in [(12, 100), (50, 24), (100, 12), (200, 6), (1200, 1)]:
        for rho in (0.90, 0.98):
            read = []
            for seed in range(CLOUDS):
                points, context = passages(np.random.default_rng(seed), count, rows, rho)
                read.append([two_nn(points, "--exclude", kind, context=context)["dimension"]
                             for kind in ("none", "whole", "distinct")])
            means = np.mean(read, axis=0)
            print(f"{count:8}  {rows:4}  {rho:.2f}  {means[0]:13.2f}  {means[1]:14.2f}"
                  f"  {means[2]:17.2f}", flush=True)


def print_duplicates():
    print("d  rows that are there twice  off by       dimension over the clean one  merged of added")
    for dimension in (2, 10):
        for kind, off in [(np.float32, 0), (np.float32, 1), (np.float16, 1)]:
            for share in (0.05, 0.2, 0.5):
                ratios, merged = [], 0
                added = int(share * 2000)
                for seed in range(CLOUDS):
                    random = np.random.default_rng(seed)
                    clean = random.normal(size=(2000, dimension)).astype(kind)
                    again = clean[random.choice(2000, added, replace=False)]
                    if off:
                        again = np.nextafter(again, np.full_like(again, np.inf))
                    found = two_nn(np.concatenate([clean, again]))
                    ratios.append(found["dimension"] / two_nn(clean)["dimension"])
                    merged += found["merged"]
                print(f"{dimension:<2} {share:25.0%}  {off} {kind.__name__:9}  {np.mean(ratios):27.4f}"
                      f"  {merged / CLOUDS:6.0f} of {added}", flush=True)


def print_nulls():
    ball = lambda r, n, d: (lambda g: g / np.linalg.norm(g, axis=1, keepdims=True))(
        r.normal(size=(n, d))) * r.uniform(size=(n, 1)) ** (1 / d)
    clouds = {
        "cube, d 10": lambda r: r.uniform(size=(1200, 10)),
        "cube, d 20": lambda r: r.uniform(size=(1200, 20)),
        "ball, d 10": lambda r: ball(r, 1200, 10),
        "Laplace, d 10": lambda r: r.laplace(size=(1200, 10)),
        "two blobs, d 10": lambda r: r.normal(size=(1200, 10))
        + 4 * np.eye(10)[0] * (r.uniform(size=(1200, 1)) < 0.5),
    }
    print("cloud            surrogates   mean of z  sd of z  p below 0.05")
    for name, draw in clouds.items():
        for kind in ("independent", "marginal"):
            nulls = [two_nn(draw(np.random.default_rng(seed)), "--surrogates", "20",
                            "--surrogate-kind", kind)["surrogate"] for seed in range(CLOUDS)]
            z = [n["z"] for n in nulls]
            print(f"{name:16} {kind:12} {np.mean(z):9.2f}  {np.std(z, ddof=1):7.2f}"
                  f"  {np.mean([n['p'] < 0.05 for n in nulls]):11.0%}", flush=True)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    print_dependent_rows()
    print_duplicates()
    print_nulls()
