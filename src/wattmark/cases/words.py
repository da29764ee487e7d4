"""What pages and reviews say about cases, by kind of word and key, in each language."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from wattmark.code_names import Language
from wattmark.yamlfile import read_mapping

Words = dict[str, dict[str, dict[Language, str]]]


@lru_cache(maxsize=8)
def load_words(path: Path) -> Words:
    """Read a file of words, such as ``include/cases/words.yaml``."""
    return {kind: {str(key): told for key, told in of.items()} for kind, of in read_mapping(path).items()}
