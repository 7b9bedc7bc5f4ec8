"""Texts and steps into rows: step templates, encoders behind one protocol, and a cache on disk keyed by content."""

from tracewarp.embed.cache import EmbeddingCache, default_cache_path
from tracewarp.embed.encoders import PRESETS, Encoder, get_encoder
from tracewarp.embed.hashed import HashedEncoder
from tracewarp.embed.steps import StepEmbedder, embed_texts
from tracewarp.embed.templates import STEP_TEMPLATES, UNPARSABLE, render_step
from tracewarp.embed.transformer import TransformerEncoder

__all__ = [
    "PRESETS",
    "STEP_TEMPLATES",
    "UNPARSABLE",
    "EmbeddingCache",
    "Encoder",
    "HashedEncoder",
    "StepEmbedder",
    "TransformerEncoder",
    "default_cache_path",
    "embed_texts",
    "get_encoder",
    "render_step",
]
