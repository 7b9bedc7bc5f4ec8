"""Nine small models with random weights, each with a chat template of its family's structure and a trained tokenizer.

The templates lie in `chat_templates/`, in wording of our own. Tokenizers are byte-pair encodings trained on the spot:
over bytes (Llama-3, Qwen, Phi, GLM, DeepSeek) or over characters with bytes to fall back on (Llama-2, Mistral, Gemma).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "chat_templates"
CORPUS = (
    "Tab 0 (current): Lamps | Tab 1: Orders\n\n[1] RootWebArea 'Lamps' focused: True\n\t[2] link 'Red lamp'\n"
    "\t[3] button 'Add to cart'\n\t[4] StaticText '$ 39.50'\nOBJECTIVE: What does the red lamp cost?\nADDRESS: http://\n"
    "PREVIOUS ACTION: None\nLet's think step-by-step. The page shows the price of the lamp, so the answer is known. "
    "In summary, the next action I will perform is ```stop [$39.50]```\nclick [12] type [164] [restaurants] [1]\n"
)


@dataclass(frozen=True)
class Family:
    """One of the nine."""

    name: str
    architecture: str
    bos: str | None
    eos: str
    pad: str
    special: tuple[str, ...]
    added: tuple[str, ...] = ()
    """Added tokens that are not special."""
    end: str = ""
    """With which it ends an answer; empty: with `eos`."""
    characters: str | None = None
    """None: bytes; else how a blank begins a text: `prepend`, `first` or `never`."""
    folds_system: bool = False
    opens_thinking: bool = False
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def end_of_turn(self) -> str:
        """The token that ends an answer."""
        return self.end or self.eos


FAMILIES = {
    family.name: family
    for family in (
        Family("llama2", "Llama", "<s>", "</s>", "<unk>", ("<unk>", "<s>", "</s>"), characters="prepend"),
        Family(
            "llama3", "Llama", "<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>",
            ("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>", "<|start_header_id|>",
             "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"),
            end="<|eot_id|>",
        ),
        Family(
            "mistral", "Mistral", "<s>", "</s>", "<unk>", ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]"),
            characters="first", folds_system=True,
        ),
        Family(
            "qwen2.5", "Qwen2", None, "<|im_end|>", "<|endoftext|>", ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
            added=("<tool_call>", "</tool_call>"),
        ),
        Family(
            "qwen3", "Qwen3", None, "<|im_end|>", "<|endoftext|>", ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
            added=("<think>", "</think>", "<tool_call>", "</tool_call>"), config={"head_dim": 16},
        ),
        Family(
            "gemma", "Gemma", "<bos>", "<eos>", "<pad>",
            ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
            added=("\n\n", "\n\n\n", "\u2581\u2581", "\u2581\u2581\u2581\u2581", "<table>"), end="<end_of_turn>",
            characters="never", folds_system=True, config={"head_dim": 16},
        ),
        Family(
            "phi", "Phi3", None, "<|endoftext|>", "<|dummy|>",
            ("<|endoftext|>", "<|dummy|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"), end="<|end|>",
        ),
        Family(
            "glm4", "Glm", None, "<|endoftext|>", "<|endoftext|>",
            ("<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
            end="<|user|>", config={"head_dim": 16},
        ),
        Family(
            "deepseek", "Qwen2", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
            "<\uff5cend\u2581of\u2581sentence\uff5c>",
            ("<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
            added=("<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>", "<think>", "</think>"), opens_thinking=True,
        ),
    )
}  # fmt: skip


def make_chat_tokenizer(folder: Path, family: str) -> Path:
    """Save the tokenizer of a family, with its chat template.

    Returns:
        The folder.
    """
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerFast

    about = FAMILIES[family]
    backend = Tokenizer.from_str(_trained(family))
    # In this order, as the families' own tokenizers are: ids go on behind the vocabulary.
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in about.special])
    backend.add_tokens([AddedToken(token, normalized=False) for token in about.added])
    names = {"eos_token": about.eos, "pad_token": about.pad}
    if about.bos:
        names["bos_token"] = about.bos
    if "<unk>" in about.special:
        names["unk_token"] = "<unk>"
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **names)
    fast.chat_template = (TEMPLATES / f"{family}.jinja").read_text(encoding="utf-8")
    fast.save_pretrained(folder)
    return folder


def make_chat_model(folder: Path, family: str, *, context: int = 4096, seed: int = 0) -> Path:
    """Save a model of two layers of the family's architecture, with its tokenizer.

    Returns:
        The folder.
    """
    import torch
    import transformers

    make_chat_tokenizer(folder, family)
    about = FAMILIES[family]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(seed)
    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": 0.2,
        **about.config,
    }
    config = getattr(transformers, f"{about.architecture}Config")(**settings)
    getattr(transformers, f"{about.architecture}ForCausalLM")(config).save_pretrained(folder)
    return folder


@cache
def _trained(family: str) -> str:
    """The tokenizer of a family before tokens are added, as JSON."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    about = FAMILIES[family]
    size = 400 + 3 * sum(map(ord, family)) % 40  # no two alike
    if about.characters is None:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(
                    Regex(r"\p{N}{1,3}|[^\r\n\p{L}\p{N}]?\p{L}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+"), "isolated"
                ),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator([CORPUS], trainer)
        return str(tokenizer.to_str())
    tokenizer = Tokenizer(models.BPE())
    # Pieces are learnt word by word, a blank at their beginning; the finished tokenizer splits nothing.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=True)
    pieces = trainers.BpeTrainer(vocab_size=size - 150, max_token_length=8, show_progress=False)
    tokenizer.train_from_iterator(CORPUS.splitlines(), pieces)
    blank = normalizers.Replace(" ", "\u2581")
    if about.characters == "first":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        tokenizer.pre_tokenizer = None  # type: ignore[assignment]
        prepend = [normalizers.Prepend("\u2581")] if about.characters == "prepend" else []
        tokenizer.normalizer = normalizers.Sequence([*prepend, blank])
    strip = [decoders.Strip(" ", 1, 0)] if about.characters != "never" else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    state = json.loads(tokenizer.to_str())
    # The families' own vocabularies hold their control tokens and 256 bytes in front.
    front = [*about.special, *(token for token in about.added), *(f"<0x{byte:02X}>" for byte in range(256))]
    learnt = [piece for piece in state["model"]["vocab"] if piece not in front]
    state["model"]["vocab"] = {piece: place for place, piece in enumerate([*front, *learnt])}
    state["model"] |= {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}
    return json.dumps(state)
