# SPDX-License-Identifier: MIT
"""transformer_lens.npz: all that the hooks of TransformerLens see of a small model with random weights,
under the names that it gives them. Two layers, 2 passages of 6 positions, 2 heads of 3, d_model 5.
Run in this folder; written with TransformerLens 1.12.0, PyTorch 1.13 and NumPy 1.24."""
import numpy
import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

model = HookedTransformer(HookedTransformerConfig(
    n_layers=2, d_model=5, n_ctx=8, d_head=3, n_heads=2, d_mlp=4, d_vocab=11, act_fn="gelu", seed=1))
with torch.no_grad():  # weights that look at some positions more than at others
    for block in model.blocks:
        block.attn.W_Q *= 2
        block.attn.W_K *= 2
tokens = torch.arange(12).view(2, 6) % 11
cache = model.run_with_cache(tokens)[1]
numpy.savez("transformer_lens.npz", **{name: x.numpy() for name, x in cache.items()})
