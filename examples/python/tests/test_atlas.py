# SPDX-License-Identifier: MIT
"""Tests of the Python module: its numbers are those of the `atlas` program (ATLAS_PROGRAM), its
arrays are not copied, its errors are Python's, and its calls can be stopped.

    ATLAS_PROGRAM=build/examples/atlas/atlas python -m unittest discover examples/python/tests
"""

import array
import inspect
import json
import math
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import numpy as np

import atlas

try:
    import torch
except ImportError:
    torch = None

random = np.random.default_rng(7)
cloud = random.normal(size=(300, 3)) @ random.normal(size=(3, 8))


def flat(x):
    """All numbers of lists within lists."""
    return [n for one in x for n in flat(one)] if isinstance(x, list) else [x]


class NumbersOfTheProgram(unittest.TestCase):
    """The same input as files to the program and as arrays to the module."""

    @classmethod
    def setUpClass(cls):
        cls.program = os.environ.get("ATLAS_PROGRAM")
        if not cls.program:
            raise RuntimeError("ATLAS_PROGRAM: expected the path of the atlas program, got none")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    def run_program(self, command, *options, **arrays):
        for name, x in arrays.items():
            np.save(os.path.join(self.folder.name, name + ".npy"), x)
        out = subprocess.run([self.program, command, *options, "--json", "-"],
                             cwd=self.folder.name, check=True, capture_output=True)
        return json.loads(out.stdout)

    def assert_same(self, ours, theirs):
        """Equal but for what compilers may round differently; null is NaN."""
        ours = np.asarray(ours, dtype=float).ravel()
        theirs = np.array([math.nan if n is None else n for n in flat(theirs)], dtype=float)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=0)

    def test_two_nn_and_its_null(self):
        context = np.repeat(np.arange(30), 10)
        for points in (cloud, cloud.astype(np.float32)):
            theirs = self.run_program("two-nn", "x.npy", "--context", "c.npy", "--surrogates", "12",
                                      "--surrogate-kind", "independent", "--seed", "5",
                                      x=points, c=context)
            ours = atlas.two_nn(points, exclude=atlas.distinct_contexts(context))
            self.assert_same([ours.dimension, ours.interval.lower, ours.interval.upper,
                              ours.points_used, ours.contexts, ours.fit.statistic, ours.fit.p],
                             [theirs["dimension"], theirs["lower"], theirs["upper"],
                              theirs["points_used"], theirs["contexts"],
                              theirs["fit"]["statistic"], theirs["fit"]["p"]])
            null = atlas.two_nn_null(points, ours, draws=12, seed=5, kind="independent")
            self.assertEqual(null.kind, "independent")
            self.assert_same([null.mean, null.sd, null.z, null.p],
                             [theirs["surrogate"][k] for k in ("mean", "sd", "z", "p")])

    def test_every_estimator(self):
        theirs = self.run_program("dimension", "x.npy", "--surrogates", "10", x=cloud)["estimates"]
        self.assertEqual([e["name"] for e in theirs], list(atlas.estimator_names))
        together = atlas.estimate_dimensions(cloud, None)
        for mine, one in zip(together, theirs):
            with self.subTest(one["name"]):
                self.assertEqual(mine.estimator.parameters.keys(), one["parameters"].keys())
                numbers = [one["dimension"], one["lower"], one["upper"], one["standard_error"]]
                self.assert_same([mine.dimension, mine.interval.lower, mine.interval.upper,
                                  mine.standard_error], numbers)
                if one["name"] == "two_nn" or one["dimension"] is None:
                    continue
                alone = getattr(atlas, one["name"])(cloud)
                self.assert_same([alone.dimension, alone.standard_error],
                                 [one["dimension"], one["standard_error"]])

    def test_parameters_and_the_null_of_any_estimator(self):
        theirs = self.run_program("dimension", "x.npy", "--estimators", "mle:k=10:unbiased=true",
                                  "--surrogates", "10", x=cloud)["estimates"][0]
        ours = atlas.mle(cloud, k=10, unbiased=True)
        same = atlas.estimate_dimension(cloud, atlas.Estimator("mle", k=10, unbiased=True))
        null = atlas.dimension_null(cloud, ours, draws=10)
        self.assert_same([ours.dimension, same.dimension, null.mean, null.sd, null.p],
                         [theirs["dimension"]] * 2 +
                         [theirs["surrogate"][k] for k in ("mean", "sd", "p")])

    def test_heads(self):
        clouds = random.normal(size=(4, 100, 8))
        theirs = self.run_program("overlap", "x.npy", "--local-dim", "3", "--heads-per-group", "2",
                                  x=clouds)["head_coordinates"]
        ours = atlas.head_overlap(atlas.principal_frames(clouds, 3), heads_per_group=2)
        self.assert_same(ours.matrix, theirs["matrix"])
        for mine, name in ((ours.all, "global"), (ours.intra, "intra"), (ours.inter, "inter")):
            self.assert_same([mine.mean, mine.interval.lower, mine.null_mean, mine.z, mine.p],
                             [theirs[name][k] for k in ("mean", "lower", "null_mean", "z", "p")])
        haar = self.run_program("haar", "--dim", "16", "--local-dim", "3", "--draws", "500")
        null = atlas.haar_overlap(16, 3, draws=500)
        self.assert_same([null.mean, null.sd, null.standard_error, null.mean_squared],
                         [haar[k] for k in ("mean", "sd", "standard_error", "mean_squared")])

    def test_softmax(self):
        logits, values = random.normal(size=(2, 5, 7)) * 3, random.normal(size=(2, 7, 4))
        logits[0, 1, 3:] = -np.inf
        theirs = self.run_program("boltzmann", "s.npy", "--values", "v.npy", "--beta", "2",
                                  s=logits, v=values)
        ours = atlas.boltzmann_observables(logits, beta=2)
        for name in ("free_energy", "mean_energy", "heat_capacity", "entropy"):
            self.assert_same(getattr(ours, name), theirs[name])
        self.assert_same(ours.effective_temperature, theirs["t_eff"])
        density = atlas.density_matrix(atlas.softmax(logits, beta=2), values)
        self.assert_same(density.purity, theirs["purity"])

    def test_quantizers(self):
        weights = random.normal(size=(12, 16)).astype(np.float32)
        inputs = random.normal(size=(100, 16)) @ random.normal(size=(16, 16))
        moments = inputs.T @ inputs / len(inputs)
        for method in ("identity", "hadamard", "fisher", "gptq", "awq", "ldlq", "quip"):
            with self.subTest(method):
                theirs = self.run_program("quantize-matrix", "w.npy", "--activations", "a.npy",
                                          "--bits", "3", "--basis", method, w=weights, a=inputs)
                ours = atlas.quantize_matrix(weights, moments, method=method, bits=3)
                # The second moments are summed in another order.
                np.testing.assert_allclose(
                    [ours.errors.weights, ours.errors.output],
                    [theirs["weight_error"], theirs["output_error"]], rtol=1e-6)


class NumbersOfNumPy(unittest.TestCase):
    """What NumPy computes in a line."""

    def test_neighbors(self):
        apart = np.linalg.norm(cloud[:, None] - cloud[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        table = atlas.nearest_neighbors(cloud, k=3)
        np.testing.assert_array_equal(table.indices, np.argsort(apart, axis=1)[:, :3])
        np.testing.assert_allclose(table.distances, np.sort(apart, axis=1)[:, :3], rtol=1e-12)

    def test_exclusions(self):
        context = np.arange(300) // 10
        for made, allowed in (
                (atlas.same_context(context), lambda i, j: context[i] != context[j]),
                (atlas.nearby_positions(np.arange(300), 4), lambda i, j: abs(i - j) > 4),
                (atlas.same_context_within(context, np.arange(300), 2),
                 lambda i, j: context[i] != context[j] or abs(i - j) > 2),
                (atlas.also_excluding(atlas.same_context(context), np.arange(300) % 3),
                 lambda i, j: context[i] != context[j] and i % 3 != j % 3)):
            found = atlas.nearest_neighbors(cloud, k=2, exclude=made).indices
            for i in range(300):
                self.assertTrue(all(allowed(i, j) for j in found[i]), repr(made))

    def test_subspaces(self):
        a, b = (np.linalg.qr(random.normal(size=(9, 3)))[0] for _ in range(2))
        cosines = np.linalg.svd(a.T @ b, compute_uv=False)
        np.testing.assert_allclose(atlas.principal_angles(a, b).cosines, cosines, atol=1e-12)
        np.testing.assert_allclose(np.cos(atlas.principal_angles(a, b).angles), cosines, atol=1e-12)
        overlap = atlas.subspace_overlap(a, b)
        self.assertAlmostEqual(overlap.mean_cosine, cosines.mean(), 12)
        self.assertAlmostEqual(overlap.mean_squared_cosine, (cosines ** 2).mean(), 12)
        np.testing.assert_allclose(atlas.overlap_matrix(np.stack([a, b]))[0, 1], cosines.mean())
        frame = atlas.principal_frame(cloud, 2)
        centred = cloud - cloud.mean(axis=0)
        rows = np.linalg.svd(centred, full_matrices=False)[2][:2]
        self.assertAlmostEqual(atlas.subspace_overlap(frame, rows.T.copy()).mean_cosine, 1, 10)
        spectrum = np.linalg.svd(centred, compute_uv=False) ** 2
        rank = atlas.pca_rank(cloud, variance=0.9)
        self.assertEqual(rank.rank, 1 + np.argmax(np.cumsum(spectrum) >= 0.9 * spectrum.sum()))
        self.assertAlmostEqual(rank.participation_ratio,
                               spectrum.sum() ** 2 / (spectrum ** 2).sum(), 10)
        clouds, projection = random.normal(size=(2, 50, 4)), random.normal(size=(8, 6))
        frames = atlas.residual_stream_frames(clouds, projection, 2)
        self.assertEqual(frames.shape, (2, 6, 2))
        written = atlas.principal_frame(clouds[1] @ projection[4:], 2)
        self.assertAlmostEqual(atlas.subspace_overlap(frames[1], written).mean_cosine, 1, 10)

    def test_rows_of_attention(self):
        logits = random.normal(size=(4, 6)).astype(np.float32)
        weights = np.exp(logits.astype(float))
        weights /= weights.sum(axis=1, keepdims=True)
        ours = atlas.softmax(logits)
        self.assertEqual(ours.dtype, np.float32)
        np.testing.assert_allclose(ours, weights, rtol=1e-6)
        top = np.sort(weights, axis=1)
        r = atlas.concentration(logits)
        np.testing.assert_allclose(r.ratio, top[:, -2] / top[:, -1], rtol=1e-6)
        np.testing.assert_allclose(r.margin, top[:, -1] - top[:, -2], rtol=1e-5)
        one = atlas.boltzmann_observables(logits[0])
        self.assertIsInstance(one.entropy, float)
        self.assertAlmostEqual(one.entropy, -(weights[0] * np.log(weights[0])).sum(), 6)
        self.assertEqual(atlas.crystallization_depth([0.5, 0.01, 0.02]).layer, 1)
        self.assertIsNone(atlas.crystallization_depth([0.5, 0.5]).layer)
        values = random.normal(size=(6, 3))
        parts = atlas.decompose_residual(weights, values)
        np.testing.assert_array_equal(parts.argmax, weights.argmax(axis=1))
        np.testing.assert_allclose(parts.raw, weights @ values - values[weights.argmax(axis=1)],
                                   atol=1e-12)
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        rho = np.einsum("qt,ti,tj->qij", weights, unit, unit)
        np.testing.assert_allclose(atlas.density_matrix(weights, values).purity,
                                   np.einsum("qij,qji->q", rho, rho), rtol=1e-10)
        self.assertEqual(atlas.argmax_stability(values, values, noise=0.0).share, 1)

    def test_weights_of_codes(self):
        weights, moments = random.normal(size=(6, 10)), np.diag(np.arange(1.0, 11))
        for q in (atlas.gptq_quantize(weights, moments, bits=4),
                  atlas.ldlq_quantize(weights, moments),
                  atlas.quantize_matrix(weights, moments, method="identity")):
            codes = (q.codes.astype(float) - q.zeros) * q.scales
            np.testing.assert_allclose(q.weights, codes, rtol=1e-12)
            errors = atlas.quantization_error(weights, q.weights, moments)
            difference = weights - q.weights
            self.assertAlmostEqual(errors.weights, (difference ** 2).sum() / (weights ** 2).sum(), 12)
            self.assertAlmostEqual(errors.output, q.errors.output, 12)
        scaled = atlas.awq_quantize(weights, moments, magnitudes=np.arange(1.0, 11), granularity="row")
        self.assertTrue(0 <= scaled.awq_exponent <= 1)
        given = atlas.allocate_bits([4.0 ** 6, 4.0 ** 2, 1.0], average_bits=4)
        self.assertEqual(list(given.bits), [7, 3, 2])
        self.assertEqual(given.average, 4)

    def test_two_dimensions_in_one_cloud(self):
        line = np.zeros((300, 4))
        line[:, 0] = random.uniform(size=300)
        both = np.concatenate([line, 5 + random.uniform(size=(300, 4))])
        found = atlas.hidalgo(both, components=2, chains=2, burn_in=100, sweeps=100, seed=3)
        self.assertLess(found.dimensions[0].mean, 1.5)
        self.assertGreater(found.dimensions[1].mean, 2.5)
        self.assertEqual(found.membership.shape, (600, 2))


class Arrays(unittest.TestCase):
    def test_no_layout_changes_a_result(self):
        wide = np.zeros((600, 16))
        wide[::2, ::2] = cloud
        read_only = cloud.copy()
        read_only.flags.writeable = False
        layouts = {
            "steps": wide[::2, ::2], "columns": np.asfortranarray(cloud),
            "backwards": cloud[::-1, ::-1].copy()[::-1, ::-1], "read-only": read_only,
            "buffer": memoryview(cloud.copy()), "transposed": cloud.T.copy().T,
        }
        if torch is not None:
            layouts["torch"] = torch.from_numpy(cloud.copy())
            layouts["torch columns"] = torch.from_numpy(cloud.T.copy()).T
        expected = atlas.nearest_neighbors(cloud, k=5)
        for name, x in layouts.items():
            with self.subTest(name):
                table = atlas.nearest_neighbors(x, k=5)
                self.assertEqual(table.distances.tobytes(), expected.distances.tobytes())
                self.assertEqual(table.indices.tobytes(), expected.indices.tobytes())

    def test_input_is_not_copied(self):
        """Rows of one value in 6 GB of addresses: 64 MB of memory do not hold a copy of them."""
        import resource
        # A row that is repeated by a stride of 0 has no memory of its own.
        logits = np.broadcast_to(random.normal(size=4096).astype(np.float32), (400_000, 4096))
        self.assertGreater(logits.nbytes, 6e9)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        first = atlas.concentration(logits[:50_000])
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        self.assertLess(grown, 64 * 1024)  # KiB; what was read is 820 MB
        self.assertEqual(len(set(first.ratio.tolist())), 1)

    def test_results_are_not_copied(self):
        table = atlas.nearest_neighbors(cloud)
        address = table.distances.__array_interface__["data"][0]
        self.assertEqual(table.distances.__array_interface__["data"][0], address)
        kept = table.distances
        del table
        self.assertEqual(kept.__array_interface__["data"][0], address)
        self.assertFalse(kept.flags.writeable)
        self.assertTrue(np.isfinite(kept).all())

    def test_half_precision_is_widened(self):
        half = cloud.astype(np.float16)
        self.assertEqual(atlas.two_nn(half).dimension,
                         atlas.two_nn(half.astype(np.float32)).dimension)

    @unittest.skipIf(torch is None, "no torch in this Python")
    def test_torch(self):
        x = torch.from_numpy(cloud.copy())
        self.assertEqual(atlas.two_nn(x).dimension, atlas.two_nn(cloud).dimension)
        with self.assertRaisesRegex(ValueError, "points: expected a tensor without gradients .*detach"):
            atlas.two_nn(x.requires_grad_())
        brain = torch.from_numpy(cloud).to(torch.bfloat16)
        self.assertEqual(atlas.two_nn(brain).dimension, atlas.two_nn(brain.float()).dimension)

    def test_what_is_no_array(self):
        for x, message in (
                ([[1.0, 2.0]], "points: expected an array .*, got list"),
                (None, "points: expected an array .*, got NoneType"),
                (cloud.astype(np.int64), "points: expected elements of float32 .*, got int64"),
                (cloud.astype(np.complex64), "points: expected .*, got complex64"),
                (cloud.astype(cloud.dtype.newbyteorder()), "points: expected .* byte order"),
                (array.array("i", [1, 2]), "points: expected elements of float32 .*, got int32")):
            with self.assertRaisesRegex(ValueError, message):
                atlas.two_nn(x)
        with self.assertRaisesRegex(ValueError, "values: expected elements of the type of weights"):
            atlas.density_matrix(np.ones((1, 1)), np.ones((1, 1), dtype=np.float32))

    def test_labels(self):
        for labels in (list(range(300)), np.arange(300, dtype=np.uint8), np.arange(600)[::2],
                       range(300)):
            atlas.two_nn(cloud, context=labels)
        for labels, message in ((np.linspace(0, 1, 300), "context: expected whole numbers, got float64"),
                                (np.zeros((300, 2), int), "context: expected 1 dimension, got 2"),
                                (np.full(300, 2 ** 63, np.uint64), "9223372036854775808")):
            with self.assertRaisesRegex(ValueError, message):
                atlas.two_nn(cloud, context=labels)


class Errors(unittest.TestCase):
    def test_unknown_keyword(self):
        with self.assertRaisesRegex(TypeError, r"two_nn\(\) got an unexpected keyword argument "
                                               r"'discard'; it has estimator, discard_fraction"):
            atlas.two_nn(cloud, discard=0.2)
        with self.assertRaisesRegex(TypeError, r"Estimator\('mle'\)\(\) got .* 'n1'; it has k, "):
            atlas.Estimator("mle", n1=2)

    def test_every_function_names_an_unknown_keyword(self):
        count = 0
        for name, function in vars(atlas._atlas).items():
            # What has keywords says so in its signature.
            if type(function).__name__ != "nb_func" or "*, " not in function.__doc__:
                continue
            text = function.__doc__.splitlines()[0]
            arguments = text[text.index("(") + 1:text.index("*,")].count(":")
            with self.assertRaisesRegex(TypeError, f"^{name}.. got .*'nonsense'; it has "):
                function(*[cloud] * arguments, nonsense=1)
            count += 1
        self.assertGreater(count, 35)

    def test_types_of_keywords(self):
        for keyword, value, message in (
                ("threads", "2", "threads: expected a whole number, got '2' of type str"),
                ("threads", True, "threads: expected a whole number"),
                ("threads", 1.0, "threads: expected a whole number"),
                ("confidence", "0.9", "confidence: expected a number"),
                ("estimator", 3, "estimator: expected 'censored', 'regression'"),
                ("exclude", [1], "exclude: expected what same_context"),
                ("progress", 1, "progress: expected what can be called")):
            with self.assertRaisesRegex(TypeError, message):
                atlas.two_nn(cloud, **{keyword: value})
        for keyword, value, message in (
                ("estimator", "best", "estimator: expected 'censored', .*, got 'best'"),
                ("threads", -1, "threads: expected 0"), ("threads", 2 ** 40, "threads"),
                ("threads", 2 ** 80, "threads: expected a whole number of 64 bits"),
                ("discard_fraction", 1.5, "discard"), ("confidence", math.nan, "confidence")):
            with self.assertRaisesRegex(ValueError, message):
                atlas.two_nn(cloud, **{keyword: value})
        with self.assertRaisesRegex(ValueError, "seed: expected a whole number from 0"):
            atlas.haar_overlap(8, 2, seed=-1)
        with self.assertRaisesRegex(ValueError, "estimator: expected one of two_nn, .*got 'mlee'"):
            atlas.estimate_dimension(cloud, "mlee")
        with self.assertRaisesRegex(ValueError, "k"):
            atlas.Estimator("mle", k=0)
        with self.assertRaisesRegex(TypeError, "observed: expected what two_nn returned"):
            atlas.two_nn_null(cloud, atlas.mle(cloud))

    def test_what_the_library_refuses(self):
        with self.assertRaises(atlas.ShapeError) as caught:
            atlas.two_nn(cloud[0])
        self.assertIsInstance(caught.exception, ValueError)
        self.assertEqual(caught.exception.argument, "points")
        self.assertEqual(caught.exception.expected, "2 dimensions")
        with self.assertRaises(atlas.ShapeError):
            atlas.two_nn(cloud[:0])
        broken = cloud.copy()
        broken[3, 2] = math.nan
        with self.assertRaisesRegex(ValueError, "points: .*[nN]a[nN].*") as caught:
            atlas.two_nn(broken)
        self.assertNotIsInstance(caught.exception, atlas.ShapeError)
        with self.assertRaisesRegex(ValueError, "second_moments"):
            atlas.gptq_quantize(np.ones((2, 2)), np.array([[1.0, 2.0], [0.0, 1.0]]))
        with self.assertRaises(atlas.ShapeError):
            atlas.boltzmann_observables(np.zeros((1,) * 5))
        with self.assertRaises(TypeError):
            atlas.two_nn()

    def test_results_are_shown(self):
        text = repr(atlas.two_nn(cloud))
        self.assertRegex(text, r"^TwoNN\(dimension=[0-9.]+, interval=Interval\(lower=[0-9.]+, upper=")
        self.assertRegex(repr(atlas.nearest_neighbors(cloud)),
                         r"NeighborTable\(distances=<float64 \(300, 2\)>")
        self.assertEqual(repr(atlas.Estimator("gride", n2=4)),
                         "Estimator('gride', n1=1, n2=4, peers_cut=False)")
        with self.assertRaises(AttributeError):
            atlas.two_nn(cloud).dimension = 3
        self.assertIn("points: [N, d]", inspect.getdoc(atlas.two_nn))
        self.assertIn("discard_fraction = 0.1", inspect.getdoc(atlas.two_nn))


def long_cloud():
    """A search of many seconds on any machine of today."""
    return np.random.default_rng(1).normal(size=(100_000, 128)).astype(np.float32)


class Running(unittest.TestCase):
    def test_threads_change_no_bit(self):
        for threads in (2, 3):
            for call in (lambda t: atlas.two_nn_null(cloud, atlas.two_nn(cloud, threads=t),
                                                     draws=10, threads=t).draws,
                         lambda t: atlas.nearest_neighbors(cloud, k=9, threads=t).distances,
                         lambda t: np.array(atlas.danco(cloud, threads=t, seed=3).interval.lower),
                         lambda t: atlas.boltzmann_observables(cloud, threads=t).entropy):
                self.assertEqual(call(1).tobytes(), call(threads).tobytes())

    def test_seed(self):
        draws = [atlas.two_nn_null(cloud, atlas.two_nn(cloud), draws=10, seed=s).draws.tobytes()
                 for s in (1, 1, 2)]
        self.assertEqual(draws[0], draws[1])
        self.assertNotEqual(draws[0], draws[2])

    def stopped_by_signal(self, threads):
        """Seconds from the signal to its exception."""
        points, sent = long_cloud(), []
        timer = threading.Timer(0.7, lambda: (sent.append(time.monotonic()),
                                              os.kill(os.getpid(), signal.SIGINT)))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            atlas.two_nn(points, threads=threads)
        return time.monotonic() - sent[0]

    def test_ctrl_c(self):
        for threads in (0, 1):
            self.assertLess(self.stopped_by_signal(threads), 1)

    def test_the_handler_of_a_signal_raises_what_it_likes(self):
        def refuse(number, frame):
            raise LookupError("own handler")

        before = signal.signal(signal.SIGINT, refuse)
        try:
            threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            with self.assertRaisesRegex(LookupError, "own handler"):
                atlas.two_nn(long_cloud())
        finally:
            signal.signal(signal.SIGINT, before)

    def test_progress(self):
        seen = []
        atlas.two_nn_null(cloud, atlas.two_nn(cloud), draws=10,
                          progress=lambda *step: seen.append(step))
        self.assertTrue(seen)
        stage, done, total = seen[-1]
        self.assertIsInstance(stage, str)
        self.assertEqual(done, total)

        with self.assertRaises(atlas.Cancelled) as caught:
            atlas.two_nn(long_cloud(), progress=lambda *step: False)
        self.assertIsInstance(caught.exception, KeyboardInterrupt)

        def fail(*step):
            raise LookupError("of the progress")

        with self.assertRaisesRegex(LookupError, "of the progress"):
            atlas.two_nn(long_cloud(), progress=fail)

    def test_other_threads_run_on(self):
        points, counted, ended = long_cloud()[:20_000], [0], threading.Event()

        def count():
            while not ended.is_set():
                counted[0] += 1
                time.sleep(0.001)

        other = threading.Thread(target=count)
        other.start()
        begun, at_first = time.monotonic(), counted[0]
        atlas.nearest_neighbors(points, threads=1)
        seconds, counts = time.monotonic() - begun, counted[0] - at_first
        ended.set()
        other.join()
        # With the lock held it would count at most once, whatever the machine does meanwhile.
        self.assertGreater(seconds, 0.1)
        self.assertGreater(counts, 10)

    def test_calls_from_other_threads(self):
        found = []
        threads = [threading.Thread(target=lambda: found.append(atlas.two_nn(cloud).dimension))
                   for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(found, [atlas.two_nn(cloud).dimension] * 4)


class Stub(unittest.TestCase):
    def test_it_has_all_names(self):
        folder = os.path.dirname(atlas.__file__)
        self.assertTrue(os.path.exists(os.path.join(folder, "py.typed")))
        with open(os.path.join(folder, "_atlas.pyi")) as file:
            stub = file.read()
        import ast
        names = {node.name if hasattr(node, "name") else node.target.id
                 for node in ast.parse(stub).body
                 if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign))}
        public = {name for name in vars(atlas._atlas) if not name.startswith("_")}
        self.assertEqual(public - names, set())
        self.assertIn("discard_fraction: float = 0.1", stub)


if __name__ == "__main__":
    unittest.main()
