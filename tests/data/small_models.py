"""Small models with random weights, made on the spot: a Llama of two layers and a tokenizer over bytes."""

from __future__ import annotations

from pathlib import Path

CHAT_TEMPLATES = {
    "chatml": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "llama3": (
        "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content }}"
        "<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    ),
    "llama2": (
        "{% set ns = namespace(system='') %}{% for m in messages %}{% if m.role == 'system' %}"
        "{% set ns.system = '<<SYS>>\n' + m.content + '\n<</SYS>>\n\n' %}{% elif m.role == 'user' %}"
        "<s>[INST] {{ ns.system + m.content }} [/INST]{% set ns.system = '' %}"
        "{% else %} {{ m.content }} </s>{% endif %}{% endfor %}"
    ),
}
"""Templates of the three kinds that are about, in our own spelling."""

SPECIAL = {
    "chatml": (["<|im_start|>", "<|im_end|>", "<|pad|>"], "<|im_end|>"),
    "llama3": (
        ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|pad|>"],
        "<|eot_id|>",
    ),
    "llama2": (["<s>", "</s>", "<|pad|>"], "</s>"),
}


def make_tokenizer(folder: Path, *, template: str | None = "chatml") -> None:
    """Save a byte-level tokenizer with the special tokens of a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special, end = SPECIAL[template or "chatml"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: place for place, token in enumerate([*special, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, pad_token="<|pad|>")
    fast.add_special_tokens(
        {"additional_special_tokens": [token for token in special if token not in {end, "<|pad|>"}]}
    )
    if template is not None:
        fast.chat_template = CHAT_TEMPLATES[template]
    fast.save_pretrained(folder)


def make_model(
    folder: Path,
    *,
    template: str | None = "chatml",
    context: int = 4096,
    hidden: int = 64,
    seed: int = 0,
    tie_word_embeddings: bool = False,
) -> Path:
    """Save a Llama of two layers with random weights, with its tokenizer.

    Returns:
        The folder.
    """
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    make_tokenizer(folder, template=template)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.2,
        tie_word_embeddings=tie_word_embeddings,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
