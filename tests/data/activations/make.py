# SPDX-License-Identifier: MIT
"""Caches of made-up attention as NumPy writes them, and what tests/program/activations_test.cpp has
to find in them. Two layers, 3 passages of 8 positions, 4 query heads on 2 heads of keys and values,
d_head 3, d_model 5.

stored.npz      savez: everything in float32
mixed.npz       savez_compressed, the same numbers: weights in float64 of the other byte order, the
                first dimension fastest; values in float16; queries with the first dimension fastest;
                tokens in int16
single.npz      savez: one passage without the batch, scores in the place of weights, layer 1 alone
bzip2.npz       one array in another compression than NumPy's
residual.npy    [layer, passage, head, position, d_head] in float64: weights @ values, less the
                values at the largest weight
attended.npy    [layer, passage, head, position]: where that is

Run in this folder with NumPy 1.24; files of other versions have the same arrays."""
import io
import zipfile

import numpy as np

layers, batch, length, heads, groups, d, model = 2, 3, 8, 4, 2, 3, 5
rng = np.random.default_rng(11)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


stored, mixed, residuals, attended = {}, {}, [], []
tokens = rng.integers(0, 50, (batch, length))
stored["tokens"], mixed["tokens"] = tokens, tokens.astype(np.int16)
for layer in range(layers):
    q = rng.normal(size=(batch, length, heads, d)).astype(np.float32)
    k = rng.normal(size=(batch, length, groups, d)).astype(np.float32)
    v = rng.integers(-20, 20, (batch, length, groups, d)).astype(np.float32) / 8  # exact in float16
    w_o = rng.normal(size=(heads, d, model)).astype(np.float32)
    of_head = np.repeat(v, heads // groups, axis=2).astype(np.float64)
    scores = np.einsum("bqhd,bkhd->bhqk", q.astype(np.float64),
                       np.repeat(k, heads // groups, axis=2)) / np.sqrt(d)
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -np.inf).astype(np.float32)
    pattern = softmax(scores.astype(np.float64)).astype(np.float32)
    exact = pattern.astype(np.float64)
    z = np.einsum("bhqk,bkhd->bqhd", exact, of_head)
    most = exact.argmax(axis=-1)  # [batch, head, query]
    values = of_head.transpose(0, 2, 1, 3)  # [batch, head, key, d]
    chosen = np.take_along_axis(values, most[..., None], axis=2)
    # 1 less the sum of rounded weights is in z, not in the residual.
    rounding = 1 - exact.sum(axis=-1, keepdims=True)
    residuals.append(z.transpose(0, 2, 1, 3) - chosen + rounding * chosen)
    attended.append(most)
    hooks = {"q": q, "k": k, "v": v, "z": z.astype(np.float32), "pattern": pattern,
             "attn_scores": scores}
    name = f"blocks.{layer}.attn."
    stored |= {name + "hook_" + hook: x for hook, x in hooks.items()} | {name + "W_O": w_o}
    mixed |= {name + "hook_pattern": np.asfortranarray(pattern.astype(">f8")),
              name + "hook_v": v.astype(np.float16), name + "hook_q": np.asfortranarray(q),
              name + "hook_z": z.astype(np.float32)}

np.savez("stored.npz", **stored)
np.savez_compressed("mixed.npz", **mixed)
np.savez("single.npz", **{"blocks.1.attn.hook_v": stored["blocks.1.attn.hook_v"][1],
                          "blocks.1.attn.hook_attn_scores":
                          stored["blocks.1.attn.hook_attn_scores"][1]})
np.save("residual.npy", np.array(residuals))
np.save("attended.npy", np.array(attended))
buffer = io.BytesIO()
np.save(buffer, np.zeros((1, 2, 1, 3), np.float32))
with zipfile.ZipFile("bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
    archive.writestr("blocks.0.attn.hook_q.npy", buffer.getvalue())
