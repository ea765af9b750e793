#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Llama of random weights, with the tokenizer of tiny-llama: for what a model of many layers and heads
costs (docs/guide/report.md), and as a model in which nothing was learned.

random_model.py FOLDER [LAYERS [HEADS]]   needs NumPy; 30 layers of 32 heads, of which 4 share keys
                                          and values, of 32 coordinates each
"""
import json
import os
import shutil
import sys

import numpy as np

FOLDER = sys.argv[1]
LAYERS = int(sys.argv[2]) if len(sys.argv) > 2 else 30
HEADS = int(sys.argv[3]) if len(sys.argv) > 3 else 32
KEYS, HEAD_DIM, WIDTH, MLP = max(1, HEADS // 4), 32, 256, 512
TOKENIZER_OF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../examples/data/tiny-llama")

random = np.random.default_rng(0)


def matrix(outputs, inputs, scale=1.0):
    return (random.normal(size=(outputs, inputs)) * scale / np.sqrt(inputs)).astype("f4")


with open(os.path.join(TOKENIZER_OF, "config.json")) as file:
    config = json.load(file)
config.update(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
              num_key_value_heads=KEYS, head_dim=HEAD_DIM, intermediate_size=MLP)
tensors = {"model.embed_tokens.weight": random.normal(size=(config["vocab_size"], WIDTH)).astype("f4"),
           "model.norm.weight": np.ones(WIDTH, "f4")}
for layer in range(LAYERS):
    tensors |= {f"model.layers.{layer}.{name}.weight": x for name, x in {
        "input_layernorm": np.ones(WIDTH, "f4"),
        "post_attention_layernorm": np.ones(WIDTH, "f4"),
        "self_attn.q_proj": matrix(HEADS * HEAD_DIM, WIDTH, 1.5),
        "self_attn.k_proj": matrix(KEYS * HEAD_DIM, WIDTH, 1.5),
        "self_attn.v_proj": matrix(KEYS * HEAD_DIM, WIDTH),
        "self_attn.o_proj": matrix(WIDTH, HEADS * HEAD_DIM),
        "mlp.gate_proj": matrix(MLP, WIDTH),
        "mlp.up_proj": matrix(MLP, WIDTH),
        "mlp.down_proj": matrix(WIDTH, MLP)}.items()}

header, at = {}, 0
for name, x in tensors.items():
    header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [at, at + x.nbytes]}
    at += x.nbytes
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)

os.makedirs(FOLDER, exist_ok=True)
with open(os.path.join(FOLDER, "config.json"), "w") as file:
    json.dump(config, file)
shutil.copy(os.path.join(TOKENIZER_OF, "tokenizer.json"), FOLDER)
with open(os.path.join(FOLDER, "model.safetensors"), "wb") as file:
    file.write(len(text).to_bytes(8, "little") + text)
    for x in tensors.values():
        file.write(x.tobytes())
