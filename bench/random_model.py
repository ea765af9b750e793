#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Llama of random weights, with the tokenizer of tiny-llama: for what a model of many layers and heads
costs (docs/guide/report.md), and as a model in which nothing was learned.

random_model.py FOLDER [LAYERS [HEADS]]   needs NumPy; 30 layers of 32 heads, of which 4 share keys
                                          and values, of 32 coordinates each
random_model.py FOLDER --like-7b [LAYERS] the shape of Llama-2 7B in F16, 13.5 GB, or of fewer layers;
                                          its weights are cut out of one draw of 16 million
"""
import json
import math
import os
import shutil
import sys

import numpy as np

FOLDER = sys.argv[1]
LARGE = "--like-7b" in sys.argv
NUMBERS = [int(x) for x in sys.argv[2:] if x != "--like-7b"]
LAYERS = NUMBERS[0] if NUMBERS else 32 if LARGE else 30
HEADS = NUMBERS[1] if len(NUMBERS) > 1 else 32
if LARGE:
    KEYS, HEAD_DIM, WIDTH, MLP, VOCABULARY, TYPE = HEADS, 128, 4096, 11008, 32000, "F16"
else:
    KEYS, HEAD_DIM, WIDTH, MLP, VOCABULARY, TYPE = max(1, HEADS // 4), 32, 256, 512, None, "F32"
DTYPE = {"F16": "<f2", "F32": "<f4"}[TYPE]
TOKENIZER_OF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../examples/data/tiny-llama")

random = np.random.default_rng(0)
pool = random.normal(size=2**24).astype("f4") if LARGE else None


def normal(shape):
    if pool is None:
        return random.normal(size=shape)
    count = math.prod(shape)
    return np.resize(np.roll(pool, -int(random.integers(pool.size))), count).reshape(shape)


def matrix(outputs, inputs, scale=1.0):
    return (outputs, inputs), lambda: normal((outputs, inputs)) * scale / np.sqrt(inputs)


def ones():
    return (WIDTH,), lambda: np.ones(WIDTH)


with open(os.path.join(TOKENIZER_OF, "config.json")) as file:
    config = json.load(file)
config.update(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
              num_key_value_heads=KEYS, head_dim=HEAD_DIM, intermediate_size=MLP)
if VOCABULARY:
    config.update(vocab_size=VOCABULARY)
words = (config["vocab_size"], WIDTH)
tensors = {"model.embed_tokens.weight": (words, lambda: normal(words)), "model.norm.weight": ones()}
for layer in range(LAYERS):
    tensors |= {f"model.layers.{layer}.{name}.weight": x for name, x in {
        "input_layernorm": ones(),
        "post_attention_layernorm": ones(),
        "self_attn.q_proj": matrix(HEADS * HEAD_DIM, WIDTH, 1.5),
        "self_attn.k_proj": matrix(KEYS * HEAD_DIM, WIDTH, 1.5),
        "self_attn.v_proj": matrix(KEYS * HEAD_DIM, WIDTH),
        "self_attn.o_proj": matrix(WIDTH, HEADS * HEAD_DIM),
        "mlp.gate_proj": matrix(MLP, WIDTH),
        "mlp.up_proj": matrix(MLP, WIDTH),
        "mlp.down_proj": matrix(WIDTH, MLP)}.items()}

header, at = {}, 0
for name, (shape, _) in tensors.items():
    size = math.prod(shape) * np.dtype(DTYPE).itemsize
    header[name] = {"dtype": TYPE, "shape": list(shape), "data_offsets": [at, at + size]}
    at += size
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)

os.makedirs(FOLDER, exist_ok=True)
with open(os.path.join(FOLDER, "config.json"), "w") as file:
    json.dump(config, file)
shutil.copy(os.path.join(TOKENIZER_OF, "tokenizer.json"), FOLDER)
with open(os.path.join(FOLDER, "model.safetensors"), "wb") as file:
    file.write(len(text).to_bytes(8, "little") + text)
    for _, values in tensors.values():
        file.write(values().astype(DTYPE).tobytes())
