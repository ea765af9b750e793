# SPDX-License-Identifier: MIT
"""`atlas measure` on all layers of a model of 135 M parameters beside the forward pass that it needs.

    python measure.py PEER_TRANSFORMER ATLAS FOLDER [--rounds R]

The model has the shape of SmolLM-135M, random weights and the tokenizer of an embedded model; it is
written to FOLDER unless it is there. Both sides read 16 blocks of 256 tokens on all cores, in turns.
The time of `atlas measure` is that of the whole program, from opening the files to the report.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import struct
import subprocess
import time

import numpy

LAYERS, WIDTH, HEADS, SHARED, MLP, VOCABULARY = 30, 576, 9, 3, 1536, 49152

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": WIDTH,
    "intermediate_size": MLP,
    "max_position_embeddings": 2048,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": SHARED,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "vocab_size": VOCABULARY,
}


def shapes():
    yield "model.embed_tokens.weight", (VOCABULARY, WIDTH)
    width = WIDTH // HEADS
    for layer in range(LAYERS):
        name = f"model.layers.{layer}."
        yield name + "input_layernorm.weight", (WIDTH,)
        yield name + "self_attn.q_proj.weight", (HEADS * width, WIDTH)
        yield name + "self_attn.k_proj.weight", (SHARED * width, WIDTH)
        yield name + "self_attn.v_proj.weight", (SHARED * width, WIDTH)
        yield name + "self_attn.o_proj.weight", (WIDTH, HEADS * width)
        yield name + "post_attention_layernorm.weight", (WIDTH,)
        yield name + "mlp.gate_proj.weight", (MLP, WIDTH)
        yield name + "mlp.up_proj.weight", (MLP, WIDTH)
        yield name + "mlp.down_proj.weight", (WIDTH, MLP)
    yield "model.norm.weight", (WIDTH,)


def write_weights(path):
    header, offset = {}, 0
    for name, shape in shapes():
        end = offset + 4 * int(numpy.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = numpy.random.default_rng(1)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in shapes():
            matrix = random.standard_normal(shape, dtype=numpy.float32) / WIDTH**0.5
            file.write((numpy.ones(shape, numpy.float32) if len(shape) == 1 else matrix).tobytes())


def write_model(folder):
    if (folder / "tokenizer.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    shutil.copy("examples/data/tiny-llama/tokenizer.json", folder / "tokenizer.json")


def spread(values):
    values = sorted(values)
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    o = parser.parse_args()
    write_model(o.folder)
    passes, whole = [], []
    for _ in range(o.rounds):
        sizes = ["16", "256", "2", str(LAYERS)]
        passes.append(json.loads(subprocess.check_output([o.peer, *sizes]))["capture"])
        start = time.perf_counter()
        subprocess.check_output(
            [o.program, "measure", "--model", str(o.folder), "--blocks", "16", "--quiet", "--json", "-"])
        whole.append(time.perf_counter() - start)
    print(f"16 x 256 tokens, 30 layers of 9 heads, {o.rounds} rounds: median, least to most")
    print(f"forward pass with capture {spread(passes)} s, atlas measure {spread(whole)} s")
    print(f"ratio {spread([w / p for w, p in zip(whole, passes)])}")


if __name__ == "__main__":
    main()
