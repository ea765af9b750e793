# SPDX-License-Identifier: MIT
"""Tiny random models of the family atlas, in combinations that no published architecture has, and
their logits by PyTorch in float64. Written from the formulas of docs/methods/reference.md, without
this library. Weights are float16 in the files.

    pip install torch safetensors && python make_own.py
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

TOKENS, VOCABULARY, D, M, LAYERS, POSITIONS = 12, 80, 16, 12, 2, 64

ROTARY = {"theta": 300.0, "kind": "none", "factor": 1.0, "low_frequency_factor": 1.0,
          "high_frequency_factor": 4.0, "original_positions": 8192.0, "divisors": []}
PLAIN = {
    "architectures": ["AtlasForCausalLM"], "model_type": "atlas", "layers": LAYERS,
    "model_dimension": D, "heads": 4, "key_value_heads": 4, "head_dimension": 6,
    "mlp_dimension": M, "vocabulary": VOCABULARY, "positions": POSITIONS, "norm": "layer",
    "norms": "before", "norm_epsilon": 1e-3, "norm_offset": 0.0, "head_norm": "none",
    "mlp_activation": "gelu_tanh", "gated_mlp": False, "parallel_residual": False,
    "embedding_scale": 1.0, "rotary_share": 0.0, "rotary": ROTARY, "window_rotary": None,
    "scale_logits": True, "query_scalar": 0.0, "scale_by_layer": False, "logit_cap": 0.0,
    "output_cap": 0.0, "query_key_value_bias": True, "output_bias": True, "mlp_bias": True,
    "tied": True, "windows": [],
}

MODELS = {
    "own_layer_learned_gated": PLAIN | dict(
        key_value_heads=2, gated_mlp=True, norms="both", head_norm="heads", mlp_activation="silu",
        norm_offset=0.5, embedding_scale=1.5),
    "own_rms_learned_plain": PLAIN | dict(
        norm="rms", key_value_heads=1, parallel_residual=True, tied=False, windows=[0, 5],
        mlp_activation="relu", query_key_value_bias=False, query_scalar=9.0),
    "own_layer_rotary_gated": PLAIN | dict(
        key_value_heads=2, gated_mlp=True, norms="after", rotary_share=0.7, mlp_bias=False,
        output_bias=False, mlp_activation="gelu", windows=[5, 0],
        window_rotary=ROTARY | {"theta": 20.0, "kind": "linear", "factor": 4.0}),
    "own_rms_learned_gated": PLAIN | dict(
        norm="rms", gated_mlp=True, head_norm="projections", scale_by_layer=True, logit_cap=1.5,
        output_cap=6.0, mlp_activation="gelu_tanh"),
}


class Model:
    def __init__(self, c):
        self.c, self.w = c, {}

    def new(self, name, *extents, embedding=False):
        x = torch.randn(*extents)
        if len(extents) == 1:
            x = 0.4 * x + (1 - self.c["norm_offset"] if name.endswith("norm.weight") else 0)
        else:
            x = 0.8 * x if embedding else 1.6 * x / extents[1] ** 0.5
        self.w[name] = x.half()

    def weight(self, name):
        return self.w[name].double()

    def new_linear(self, name, inputs, outputs, bias):
        self.new(name + ".weight", outputs, inputs)
        if bias:
            self.new(name + ".bias", outputs)

    def linear(self, name, x):
        y = x @ self.weight(name + ".weight").T
        return y + self.weight(name + ".bias") if name + ".bias" in self.w else y

    def new_norm(self, name, width):
        self.new(name + ".weight", width)
        if self.c["norm"] == "layer":
            self.new(name + ".bias", width)

    def norm(self, name, x):
        w, eps = self.weight(name + ".weight") + self.c["norm_offset"], self.c["norm_epsilon"]
        if self.c["norm"] == "layer":
            return F.layer_norm(x, x.shape[-1:], w, self.weight(name + ".bias"), eps)
        return w * x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)

    def make(self):
        c = self.c
        q, kv = c["heads"] * c["head_dimension"], c["key_value_heads"] * c["head_dimension"]
        whole = c["head_norm"] == "projections"
        self.new("atlas.embedding.weight", VOCABULARY, D, embedding=True)
        if c["rotary_share"] == 0:
            self.new("atlas.positions.weight", POSITIONS, D, embedding=True)
        for l in range(LAYERS):
            at = f"atlas.layers.{l}."
            for part, width in (("query", q), ("key", kv), ("value", kv)):
                self.new_linear(at + "attention." + part, D, width, c["query_key_value_bias"])
            self.new_linear(at + "attention.output", q, D, c["output_bias"])
            for part in ("gate", "up") if c["gated_mlp"] else ("up",):
                self.new_linear(at + "mlp." + part, D, M, c["mlp_bias"])
            self.new_linear(at + "mlp.down", M, D, c["mlp_bias"])
            for branch in ("attention", "mlp"):
                if c["norms"] != "after":
                    self.new_norm(at + branch + "_norm", D)
                if c["norms"] != "before":
                    self.new_norm(at + branch + "_post_norm", D)
            if c["head_norm"] != "none":
                self.new_norm(at + "attention.query_norm", q if whole else c["head_dimension"])
                self.new_norm(at + "attention.key_norm", kv if whole else c["head_dimension"])
        self.new_norm("atlas.final_norm", D)
        if not c["tied"]:
            self.new("lm_head.weight", VOCABULARY, D)

    def turned(self, x, l):
        """x [heads, T, d]: the first r coordinates of each turn, i with i + r/2."""
        c = self.c
        r = int(c["head_dimension"] * c["rotary_share"])
        if r == 0:
            return x
        rotary = c["rotary"]
        if c["window_rotary"] and c["windows"] and c["windows"][l] > 0:
            rotary = c["window_rotary"]
        i = torch.arange(r // 2, dtype=torch.float64)
        frequency = rotary["theta"] ** (-2 * i / r)
        if rotary["kind"] == "linear":
            frequency = frequency / rotary["factor"]
        angle = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * frequency
        a, b = x[..., : r // 2], x[..., r // 2 : r]
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin(),
                          x[..., r:]], -1)

    def attention(self, at, x, l):
        c, T = self.c, x.shape[0]
        parts = {}
        for part, heads in (("query", c["heads"]), ("key", c["key_value_heads"]),
                            ("value", c["key_value_heads"])):
            y = self.linear(at + "attention." + part, x)
            if c["head_norm"] == "projections" and part != "value":
                y = self.norm(at + f"attention.{part}_norm", y)
            y = y.view(T, heads, c["head_dimension"]).transpose(0, 1)
            if c["head_norm"] == "heads" and part != "value":
                y = self.norm(at + f"attention.{part}_norm", y)
            if part != "value":
                y = self.turned(y, l)
            parts[part] = y.repeat_interleave(c["heads"] // heads, 0)
        logits = parts["query"] @ parts["key"].transpose(1, 2)
        logits = logits / math.sqrt(c["query_scalar"] or c["head_dimension"])
        if c["scale_by_layer"]:
            logits = logits / (l + 1)
        if c["logit_cap"]:
            logits = c["logit_cap"] * torch.tanh(logits / c["logit_cap"])
        t = torch.arange(T)
        distance = t[:, None] - t[None, :]
        hidden = distance < 0
        window = c["windows"][l] if c["windows"] else 0
        if window:
            hidden = hidden | (distance >= window)
        weights = logits.masked_fill(hidden, -math.inf).softmax(-1)
        contexts = (weights @ parts["value"]).transpose(0, 1).reshape(T, -1)
        return self.linear(at + "attention.output", contexts)

    def mlp(self, at, x):
        act = {"gelu": F.gelu, "gelu_tanh": lambda y: F.gelu(y, approximate="tanh"),
               "relu": F.relu, "silu": F.silu}[self.c["mlp_activation"]]
        up = self.linear(at + "mlp.up", x)
        wide = act(self.linear(at + "mlp.gate", x)) * up if self.c["gated_mlp"] else act(up)
        return self.linear(at + "mlp.down", wide)

    def logits(self, ids):
        c = self.c
        x = c["embedding_scale"] * self.weight("atlas.embedding.weight")[ids]
        if c["rotary_share"] == 0:
            x = x + self.weight("atlas.positions.weight")[: len(ids)]
        for l in range(LAYERS):
            at = f"atlas.layers.{l}."
            entering = x
            for branch, of in (("attention", lambda y: self.attention(at, y, l)),
                               ("mlp", lambda y: self.mlp(at, y))):
                y = entering if c["parallel_residual"] else x
                if c["norms"] != "after":
                    y = self.norm(at + branch + "_norm", y)
                y = of(y)
                if c["norms"] != "before":
                    y = self.norm(at + branch + "_post_norm", y)
                x = x + y
        head = self.weight("atlas.embedding.weight" if c["tied"] else "lm_head.weight")
        z = self.norm("atlas.final_norm", x) @ head.T
        return c["output_cap"] * torch.tanh(z / c["output_cap"]) if c["output_cap"] else z


here = pathlib.Path(__file__).parent
for seed, (name, config) in enumerate(MODELS.items()):
    torch.manual_seed(seed)
    model = Model(config)
    model.make()
    ids = torch.randint(0, VOCABULARY, (TOKENS,))
    logits = model.logits(ids)
    (here / name).mkdir(exist_ok=True)
    (here / name / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(model.w, here / name / "model.safetensors", {"format": "pt"})
    save_file({"ids": ids.int(), "logits": logits.float().contiguous()},
              here / name / "expected.safetensors")
    print(name, float(logits.std()))
