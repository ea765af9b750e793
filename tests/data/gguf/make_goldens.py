# SPDX-License-Identifier: MIT
"""Makes the files beside it with ggml's own Python packages: gguf 0.19.0, numpy, tokenizers 0.23.3.

    python make_goldens.py                    # all files, in this folder
    python make_goldens.py FOLDER FILE.gguf   # converts a Hugging Face folder of weights in F32

blocks.gguf          random blocks of every type that is read, with scales that are finite
blocks.safetensors   their weights in F32, from gguf.quants
NAME/                a Hugging Face folder with random weights in F16
NAME.gguf            the same model, its tensors named, turned and permuted as llama.cpp's
                     convert_hf_to_gguf.py does
pre_tokenizers.json  how the Python package `tokenizers` cuts texts by the patterns of llama.cpp:
                     lengths of the pieces in UTF-16
"""

import json
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
DTYPES = {"F32": np.float32, "F16": np.float16}


def write_safetensors(file, tensors):
    header, data = {}, b""
    for name, x in tensors.items():
        dtype = next(key for key, value in DTYPES.items() if x.dtype == value)
        begin = len(data)
        data += np.ascontiguousarray(x).tobytes()
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(file):
    raw = file.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    return {
        name: np.frombuffer(data[slice(*x["data_offsets"])], DTYPES[x["dtype"]]).reshape(x["shape"])
        for name, x in header.items()
        if name != "__metadata__"
    }


# Byte offsets of the halves in a block of each type that has some.
HALVES = {
    Type.F16: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2],
    Type.Q8_0: [0], Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
}


def random_blocks(rng, kind, rows, columns):
    weights, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows * columns // weights, size), dtype=np.uint8)
    # The largest bit of the exponent of halves, bfloat16 and floats: not set in finite numbers here.
    for at in HALVES.get(kind, []) if kind not in (Type.F32, Type.BF16) else [size - 2]:
        blocks[:, at + 1] &= 0xBF
    return blocks.reshape(rows, -1)


def blocks():
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(HERE / "blocks.gguf", "none")
    expected = {}
    for kind in [Type.F32, Type.BF16, *HALVES]:
        raw = random_blocks(rng, kind, 2, 256)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        as_stored = raw.view({Type.F32: np.float32, Type.F16: np.float16}.get(kind, np.uint8))
        expected[kind.name] = quants.dequantize(as_stored, kind).astype(np.float32)
        assert expected[kind.name].shape == (2, 256) and np.isfinite(expected[kind.name]).all()
    write(writer)
    write_safetensors(HERE / "blocks.safetensors", expected)


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permute(x, heads):
    """LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


BLOCK_NAMES = {
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
NAMES = {
    "transformer.wte": "token_embd", "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm", "model.embed_tokens": "token_embd",
    "model.norm": "output_norm", "lm_head": "output",
}


def stored_name(name):
    part, kind = name.rsplit(".", 1)
    if part in NAMES:
        return f"{NAMES[part]}.{kind}"
    layer, rest = part.removeprefix("transformer.h.").removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{BLOCK_NAMES[rest]}.{kind}"


def llama3_factors(config, scaling):
    """LlamaModel.generate_extra_tensors of llama.cpp's convert_hf_to_gguf.py."""
    d, original = config["head_dim"], scaling["original_max_position_embeddings"]
    factors = []
    for frequency in 1.0 / config["rope_theta"] ** (np.arange(0, d, 2, dtype=np.float32) / d):
        length = 2 * np.pi / frequency
        if length < original / scaling["high_freq_factor"]:
            factors.append(1)
        elif length > original / scaling["low_freq_factor"]:
            factors.append(scaling["factor"])
        else:
            smooth = (original / length - scaling["low_freq_factor"]) / (
                scaling["high_freq_factor"] - scaling["low_freq_factor"])
            factors.append(1 / ((1 - smooth) / scaling["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def flat(config):
    """Rotary parameters where transformers before 5 had them, and sizes under one name."""
    c = dict(config)
    rope = c.pop("rope_parameters", None) or {}
    c["rope_theta"] = rope.pop("rope_theta", c.get("rope_theta", 10000.0))
    c["rope_scaling"] = c.get("rope_scaling") or (rope if rope.get("rope_type") != "default" else {})
    if c["model_type"] != "gpt2":
        c.setdefault("head_dim", c["hidden_size"] // c["num_attention_heads"])
    return c


def add_config(writer, c):
    if c["model_type"] == "gpt2":
        writer.add_context_length(c["n_positions"])
        writer.add_embedding_length(c["n_embd"])
        writer.add_feed_forward_length(c.get("n_inner") or 4 * c["n_embd"])
        writer.add_block_count(c["n_layer"])
        writer.add_head_count(c["n_head"])
        writer.add_layer_norm_eps(c["layer_norm_epsilon"])
        return
    writer.add_vocab_size(c["vocab_size"])
    writer.add_context_length(c["max_position_embeddings"])
    writer.add_embedding_length(c["hidden_size"])
    writer.add_feed_forward_length(c["intermediate_size"])
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_head_count(c["num_attention_heads"])
    writer.add_head_count_kv(c["num_key_value_heads"])
    writer.add_key_length(c["head_dim"])
    writer.add_value_length(c["head_dim"])
    writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    writer.add_rope_dimension_count(c["head_dim"])
    writer.add_rope_freq_base(c["rope_theta"])
    scaling = c["rope_scaling"]
    if scaling.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(scaling["factor"])
    if scaling.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(c, scaling))


def add_tensors(writer, c, tensors):
    for name, x in tensors.items():
        if c["model_type"] == "gpt2" and x.ndim == 2 and (".attn." in name or ".mlp." in name):
            x = x.T
        if c["model_type"] == "llama" and "q_proj" in name:
            x = permute(x, c["num_attention_heads"])
        if c["model_type"] == "llama" and "k_proj" in name:
            x = permute(x, c["num_key_value_heads"])
        if x.ndim == 1:
            x = x.astype(np.float32)
        writer.add_tensor(stored_name(name), np.ascontiguousarray(x))


def convert(folder, file, add_tokenizer=lambda writer: None):
    c = flat(json.loads((folder / "config.json").read_text()))
    writer = gguf.GGUFWriter(file, "llama" if c["model_type"] == "mistral" else c["model_type"])
    writer.add_type("model")
    add_config(writer, c)
    add_tokenizer(writer)
    add_tensors(writer, c, read_safetensors(folder / "model.safetensors"))
    write(writer)


def random_tensors(rng, c):
    gpt2 = c["model_type"] == "gpt2"
    d = c["n_embd"] if gpt2 else c["hidden_size"]
    tensors = {}

    def add(name, *shape):
        x = rng.standard_normal(shape) * 0.5 + (1 if "norm" in name or "ln_" in name else 0)
        tensors[name] = x.astype(np.float16)

    def linear(name, inputs, outputs, bias):
        add(name + ".weight", *((inputs, outputs) if gpt2 else (outputs, inputs)))
        if bias:
            add(name + ".bias", outputs)

    def norm(name):
        add(name + ".weight", d)
        if gpt2:
            add(name + ".bias", d)

    if gpt2:
        add("transformer.wte.weight", c["vocab_size"], d)
        add("transformer.wpe.weight", c["n_positions"], d)
        for layer in range(c["n_layer"]):
            begin = f"transformer.h.{layer}."
            norm(begin + "ln_1")
            linear(begin + "attn.c_attn", d, 3 * d, True)
            linear(begin + "attn.c_proj", d, d, True)
            norm(begin + "ln_2")
            linear(begin + "mlp.c_fc", d, c["n_inner"], True)
            linear(begin + "mlp.c_proj", c["n_inner"], d, True)
        norm("transformer.ln_f")
        return tensors
    queries, keys = (c[key] * c["head_dim"] for key in ("num_attention_heads", "num_key_value_heads"))
    bias = c.get("attention_bias", c["model_type"] == "qwen2")
    add("model.embed_tokens.weight", c["vocab_size"], d)
    for layer in range(c["num_hidden_layers"]):
        begin = f"model.layers.{layer}."
        norm(begin + "input_layernorm")
        for name, size in (("q", queries), ("k", keys), ("v", keys)):
            linear(f"{begin}self_attn.{name}_proj", d, size, bias)
        linear(begin + "self_attn.o_proj", queries, d, c.get("attention_bias", False))
        norm(begin + "post_attention_layernorm")
        for name in ("gate", "up"):
            linear(f"{begin}mlp.{name}_proj", d, c["intermediate_size"], c.get("mlp_bias", False))
        linear(begin + "mlp.down_proj", c["intermediate_size"], d, c.get("mlp_bias", False))
    norm("model.norm")
    if not c["tie_word_embeddings"]:
        add("lm_head.weight", c["vocab_size"], d)
    return tensors


LLAMA = {
    "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 12, "vocab_size": 300,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 100.0,
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                     "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
    "tie_word_embeddings": False,
}
BIASED = LLAMA | {
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 20,
    "attention_bias": True, "mlp_bias": True,
    "rope_scaling": {"rope_type": "linear", "factor": 2.5}, "tie_word_embeddings": True,
}
QWEN2 = {key: value for key, value in LLAMA.items() if key not in ("head_dim", "rope_scaling")} | {
    "model_type": "qwen2", "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 20,
    "tie_word_embeddings": True,
}
GPT2 = {
    "model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 2, "n_inner": 12, "vocab_size": 20,
    "n_positions": 16, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new",
}

SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>"]
USER_DEFINED = "<tool>"
LLAMA3_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def split(*patterns):
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence(
        steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(text, size):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = split(LLAMA3_PIECES)
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens([USER_DEFINED])
    first = SPECIAL[0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A", special_tokens=[(first, tokenizer.token_to_id(first))])
    return json.loads(tokenizer.to_str())


def add_tokenizer(fields, size):
    """The metadata that convert_hf_to_gguf.py writes for a byte-level BPE."""
    tokens = {index: token for token, index in fields["model"]["vocab"].items()}
    kinds = {index: gguf.TokenType.NORMAL for index in tokens}
    for token in fields["added_tokens"]:
        tokens[token["id"]] = token["content"]
        kinds[token["id"]] = (
            gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED)

    def add(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("llama-bpe")
        writer.add_token_list([tokens.get(i, f"[PAD{i}]") for i in range(size)])
        writer.add_token_types([kinds.get(i, gguf.TokenType.UNUSED) for i in range(size)])
        writer.add_token_merges([" ".join(merge) for merge in fields["model"]["merges"]])
        writer.add_bos_token_id(fields["added_tokens"][0]["id"])
        writer.add_add_bos_token(True)

    return add


def micro_models():
    text = (HERE.parents[2] / "examples/data/moby-dick.txt").read_text(encoding="utf-8")
    rng = np.random.default_rng(2)
    for name, c in (("llama", LLAMA), ("llama-biased", BIASED), ("qwen2", QWEN2), ("gpt2", GPT2)):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(c, indent=1) + "\n")
        write_safetensors(folder / "model.safetensors", random_tensors(rng, flat(c)))
        if name != "llama":
            convert(folder, HERE / f"{name}.gguf")
            continue
        fields = train(text, c["vocab_size"] - 4)
        (folder / "tokenizer.json").write_text(json.dumps(fields, separators=(",", ":")) + "\n")
        convert(folder, HERE / f"{name}.gguf", add_tokenizer(fields, c["vocab_size"]))


# Of llm_tokenizer_bpe in llama.cpp's src/llama-vocab.cpp.
GPT2_PIECES = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
QWEN2_PIECES = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PATTERNS = {
    "default": [r"[\p{P}\$\+<=>\^\~\|]+", GPT2_PIECES, r"\p{N}+", r"[0-9][0-9][0-9]"],
    "gpt-2": [GPT2_PIECES],
    "llama-bpe": [QWEN2_PIECES.replace(r"|\p{N}|", r"|\p{N}{1,3}|")],
    "qwen2": [QWEN2_PIECES],
    "smollm": [r"\p{N}", GPT2_PIECES],
    "tekken": [
        r"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+"
        r"|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
}
TEXTS = [
    "12 123 1234 12345 3.14159 x2y 007", "It's WE'RE they'LL i'M I'd'Ve 'S", "a+b=c $5 <tag> ~x^2|y",
    "camelCaseAndHTTPServer ABCdef xY", "\t\ttabs  and   spaces \n\n  \r\n end  ", "...!?#/path/to//x\n",
    "naïve Ünïcödé ΑΒΓαβγ 中文字123", "١٢٣٤ Ⅷ½² x", "👍🏽 a👍b", " lead", "trail ",
]


def pieces():
    texts = json.loads((HERE.parent / "tokenizers/golden.json").read_text())["texts"] + TEXTS
    lengths = {}
    for name, patterns in PATTERNS.items():
        steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
        cut = pre_tokenizers.Sequence(steps).pre_tokenize_str
        lengths[name] = [[len(p.encode("utf-16-le")) // 2 for p, _ in cut(text)] for text in texts]
    result = {"texts": texts, "pieces": lengths}
    (HERE / "pre_tokenizers.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if len(sys.argv) == 3:
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
else:
    blocks()
    micro_models()
    pieces()
