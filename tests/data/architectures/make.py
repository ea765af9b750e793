# SPDX-License-Identifier: MIT
"""Tiny random models of each architecture, and their logits by Hugging Face's transformers.

Weights are float16 in the files, so that they are small, and computed with in float32. Windows are
shorter than the block and soft caps small enough that a model without them has other logits.

    pip install torch transformers safetensors && python make.py
"""

import pathlib

import torch
import transformers
from safetensors.torch import save_file

TOKENS = 12

shared = dict(
    vocab_size=80,
    hidden_size=16,
    intermediate_size=12,
    num_hidden_layers=2,
    max_position_embeddings=64,
)
grouped = dict(num_attention_heads=4, num_key_value_heads=2, head_dim=6, tie_word_embeddings=True, **shared)
three = {"num_hidden_layers": 3}
gemma = dict(sliding_window=5, query_pre_attn_scalar=11, final_logit_softcapping=6.0)

MODELS = {
    "qwen3": transformers.Qwen3Config(
        **grouped, rms_norm_eps=1e-3, use_sliding_window=True, sliding_window=5, max_window_layers=1
    ),
    "gemma2": transformers.Gemma2Config(
        **(grouped | three), **gemma, attn_logit_softcapping=1.5, rms_norm_eps=1e-3
    ),
    "gemma3": transformers.Gemma3TextConfig(
        **(grouped | three),
        **gemma,
        rms_norm_eps=1e-3,
        sliding_window_pattern=2,
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 5000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 70.0},
        },
    ),
    "phi3": transformers.Phi3Config(
        **shared,
        num_attention_heads=2,
        num_key_value_heads=1,
        pad_token_id=0,
        sliding_window=5,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5},
    ),
    "gpt_neox": transformers.GPTNeoXConfig(
        **shared,
        num_attention_heads=2,
        use_parallel_residual=True,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5},
    ),
    "gpt_neox_in_turn": transformers.GPTNeoXConfig(
        **shared,
        num_attention_heads=2,
        use_parallel_residual=False,
        attention_bias=False,
        hidden_act="gelu_new",
        rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 1.0},
    ),
    "olmo2": transformers.Olmo2Config(
        **shared,
        num_attention_heads=4,
        num_key_value_heads=2,
        attention_bias=True,
        rms_norm_eps=1e-3,
        pad_token_id=0,
    ),
}


def randomize(model, centre):
    """Weights that nothing is nearly linear with; norms and biases that are not their first ones."""
    for name, p in sorted(model.named_parameters()):
        if p.ndim == 1:
            values = 0.4 * torch.randn_like(p)
            if name.endswith("norm.weight"):
                values += centre
        elif "embed" in name:
            values = 0.8 * torch.randn_like(p)
        else:
            values = 1.6 * torch.randn_like(p) / p.shape[1] ** 0.5
        p.data = values.half().float()


here = pathlib.Path(__file__).parent
for seed, (name, config) in enumerate(MODELS.items()):
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    randomize(model, 0 if name.startswith("gemma") else 1)
    model.tie_weights()
    ids = torch.randint(0, 80, (1, TOKENS))
    with torch.no_grad():
        logits = model(ids).logits[0]
    model.half().save_pretrained(here / name)
    (here / name / "generation_config.json").unlink(missing_ok=True)
    save_file({"ids": ids[0].int(), "logits": logits.contiguous()}, here / name / "expected.safetensors")
    print(name, float(logits.std()))
