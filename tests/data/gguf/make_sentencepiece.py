# SPDX-License-Identifier: MIT
"""Makes sentencepiece.gguf, a small vocabulary of SentencePiece's kind with scores, and
sentencepiece.json, the ids that llama.cpp gives with it: gguf 0.19.0, llama-cpp-python 0.3.2."""

import json
from pathlib import Path

import gguf
import llama_cpp

HERE = Path(__file__).parent
TOKENIZERS = HERE.parent / "tokenizers"
TEXTS = [
    "", " ", "  ", "   a", "a   b", "one  two    three\n\n  four", "the<s>the</s> the", "<unk>x<tool>y",
    " <s> a", "αβγ 中文 👍🏽 \u00a0x", "tab\tand\r\nline", "<0x0A>", "▁the ▁▁", "x" * 40, " " * 17 + "end",
    "the theatre other there, then; thing's within anything",
]


def write(file, prefix):
    fields = json.loads((TOKENIZERS / "llama2.json").read_text(encoding="utf-8"))
    vocabulary = sorted(fields["model"]["vocab"], key=fields["model"]["vocab"].get)
    ranks = {}
    for rank, (left, right) in enumerate(fields["model"]["merges"]):
        ranks.setdefault(left + right, rank)
    kinds, scores = [], []
    for index, token in enumerate(vocabulary):
        byte = token.startswith("<0x") and len(token) == 6
        kinds.append(
            gguf.TokenType.UNKNOWN if index == 0 else gguf.TokenType.CONTROL if index < 3
            else gguf.TokenType.BYTE if byte else gguf.TokenType.NORMAL)
        scores.append(0.0 if index < 3 or byte else float(-ranks.get(token, 1000 + index)))
    vocabulary.append("<tool>")
    kinds.append(gguf.TokenType.USER_DEFINED)
    scores.append(-1000.0)
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_block_count(1)
    writer.add_context_length(8)
    writer.add_embedding_length(8)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(prefix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def ids(file, texts):
    model = llama_cpp.Llama(str(file), vocab_only=True, verbose=False)
    return [model.tokenize(text.encode(), add_bos=False, special=True) for text in texts]


texts = json.loads((TOKENIZERS / "sentencepiece.json").read_text(encoding="utf-8"))["texts"]
texts = [text for text in texts if len(text) < 400] + TEXTS
without = HERE / "sentencepiece-without.gguf"
write(HERE / "sentencepiece.gguf", True)
write(without, False)
result = {"texts": texts, "prefix": ids(HERE / "sentencepiece.gguf", texts), "none": ids(without, texts)}
without.unlink()
(HERE / "sentencepiece.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
