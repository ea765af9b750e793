# SPDX-License-Identifier: MIT
"""Growth of the program's cost, and its sharing by threads and ranks, in seconds of the processor.

Time by the wall says little on a machine that others use, so nothing here is that: growth is the user
time of one thread; threads are judged by the user time of all of them together, which is what they
add to the work; ranks by the user time of the one that took longest. Exponents are slopes of
logarithms by least squares, over all sizes and between the last two. Run by scaling.sh.
"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import tempfile

import numpy as np

TIMED = ["bash", "-c", 'TIMEFORMAT="user %U"; time "$@"', "timed"]
MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
}


class Bench:
    def __init__(self, program, folder, repeats):
        self.program, self.folder, self.repeats = program, folder, repeats

    def seconds(self, arguments, ranks=1, threads=1):
        """User time of the longest rank; the median of several runs."""
        launch = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks)]
        command = (launch if ranks > 1 else []) + TIMED + [self.program] + arguments
        command += ["--threads", str(threads), "--quiet", "--json", os.path.join(self.folder, "x.json")]
        took = []
        for _ in range(self.repeats):
            run = subprocess.run(command, env=os.environ | MPI, capture_output=True, text=True)
            if run.returncode != 0:
                raise SystemExit(" ".join(command) + "\n" + run.stderr)
            took.append(max(map(float, re.findall(r"^user ([0-9.]+)$", run.stderr, re.M))))
        return statistics.median(took)

    def cloud(self, rows, columns):
        """Arguments for one cloud of full rank."""
        file = os.path.join(self.folder, f"cloud_{rows}_{columns}.npy")
        if not os.path.exists(file):
            x = np.random.default_rng(1).standard_normal((rows, columns)).astype(np.float32)
            np.save(file, x)
        return ["dimension", file, "--estimators", "two_nn"]

    def heads(self, layers, heads, rows=600, columns=32, surrogates=10):
        """Arguments for clouds of many heads."""
        file = os.path.join(self.folder, f"heads_{layers}_{heads}.safetensors")
        if not os.path.exists(file):
            write_clouds(file, layers, heads, rows, columns)
        return ["measure", "--clouds", file, "--surrogates", str(surrogates)]


def write_clouds(file, layers, heads, rows, columns):
    """A safetensors file with `layer.L.head.H`, `[rows, columns]`, of spectra that fall off."""
    random, reach = np.random.default_rng(2), np.arange(1, columns + 1) ** -0.75
    names = [f"layer.{l}.head.{h}" for l in range(layers) for h in range(heads)]
    size = 4 * rows * columns
    header = {
        name: {"dtype": "F32", "shape": [rows, columns], "data_offsets": [i * size, (i + 1) * size]}
        for i, name in enumerate(names)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(file, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for _ in names:
            axes = np.linalg.qr(random.standard_normal((columns, columns)))[0]
            x = random.standard_normal((rows, columns)) * reach @ axes
            out.write(x.astype(np.float32).tobytes())


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def growth(bench, quick):
    """Name, sizes and seconds of what grows."""
    few = 3 if quick else 4
    sizes = {
        "rows N (d = 64)": ([2000 * 2**i for i in range(few + 1)], lambda n: bench.cloud(n, 64)),
        "columns d (N = 8,000)": ([32 * 2**i for i in range(few)], lambda d: bench.cloud(8000, d)),
        "heads H (one layer)": ([8 * 2**i for i in range(few)], lambda h: bench.heads(1, h)),
        "layers L (8 heads each)": ([2 * 2**i for i in range(few)], lambda l: bench.heads(l, 8)),
    }
    out = []
    print(f"{'what grows':>26}  sizes, seconds, exponent over all and in the last doubling")
    for name, (values, arguments) in sizes.items():
        took = [bench.seconds(arguments(v)) for v in values]
        print(f"{name:>26}  {', '.join(f'{v:,}' for v in values)}; "
              f"{', '.join(f'{t:.2f}' for t in took)}; {slope(values, took):.2f}, "
              f"{math.log2(took[-1] / took[-2]):.2f}", flush=True)
        out.append((name, values, took))
    return out


def sharing(bench, quick):
    """Name, counts and efficiencies: seconds of one, over those of each, were all shared."""
    counts = [1, 2, 4]
    rows = 8000 if quick else 16000
    side = lambda p: int(rows * math.sqrt(p))  # work of a pair search grows with the square
    strong = lambda one, t, p: one / (p * t)
    weak = lambda one, t, p: one / t
    threads = lambda one, t, p: one / t
    cases = [
        ("strong, ranks: dimension", strong, lambda p: (bench.cloud(rows, 64), p, 1)),
        ("strong, ranks: measure, 16 layers", strong, lambda p: (bench.heads(16, 8), p, 1)),
        ("weak, ranks: dimension, N^2 / P kept", weak, lambda p: (bench.cloud(side(p), 64), p, 1)),
        ("weak, ranks: measure, 4 layers each", weak, lambda p: (bench.heads(4 * p, 8), p, 1)),
        ("strong, threads: dimension", threads, lambda p: (bench.cloud(rows, 64), 1, p)),
        ("strong, threads: measure, 16 layers", threads, lambda p: (bench.heads(16, 8), 1, p)),
        ("weak, threads: measure, 4 layers each", None, lambda p: (bench.heads(4 * p, 8), 1, p)),
    ]
    out = []
    print(f"{'':>38}  seconds with {', '.join(map(str, counts))}; efficiency")
    for name, efficiency, case in cases:
        took = [bench.seconds(*case(p)) for p in counts]
        if efficiency is None:  # of all threads together, for p times the work
            found = [p * took[0] / t for p, t in zip(counts, took)]
        else:
            found = [efficiency(took[0], t, p) for p, t in zip(counts, took)]
        print(f"{name:>38}  {', '.join(f'{t:.2f}' for t in took)}; "
              f"{', '.join(f'{e:.2f}' for e in found)}", flush=True)
        out.append((name, counts, found))
    return out


def draw(file, curves, settings):
    """One curve a row, by gnuplot."""
    blocks = "".join(
        f"$curve{i} << END\n" + "".join(f"{x} {y:.6g}\n" for x, y in zip(xs, ys)) + "END\n"
        for i, (_, xs, ys) in enumerate(curves)
    )
    lines = ", ".join(
        f'$curve{i} with linespoints pt 7 ps 0.6 lw 2 title "{name}"'
        for i, (name, _, _) in enumerate(curves)
    )
    script = (
        'set terminal svg size 900,420 dynamic font "sans-serif,13" background "white"\n'
        f'set output "{file}"\nset key outside right noenhanced\nset grid\n{settings}\n'
        f"{blocks}plot {lines}\n"
    )
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--images", help="folder of the plots")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(os.path.abspath(o.program), folder, o.repeats)
        grown, shared = growth(bench, o.quick), sharing(bench, o.quick)
    if o.images:
        relative = [
            (f"{name}: {slope(x, y):.2f}", [v / x[0] for v in x], [t / y[0] for t in y])
            for name, x, y in grown
        ]
        draw(os.path.join(o.images, "growth.svg"), relative,
             'set logscale xy 2\nset xlabel "size, over the smallest"\n'
             'set ylabel "seconds of the processor, over the smallest"')
        draw(os.path.join(o.images, "scaling.svg"), shared,
             'set logscale x 2\nset yrange [0:1.3]\nset xlabel "ranks or threads"\n'
             'set ylabel "efficiency by time of the processor"')


if __name__ == "__main__":
    main()
