"""Texts as pieces of words: by a tokenizer trained on the training rows, or one that exists."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int32

from spectrans.errors import must

FILE = "tokenizer.json"
# What is trained on the rows to train on.
TRAINED = ("bpe", "wordpiece", "word")
VOCAB_SIZE = 4096
# Fewer pieces than bytes and marks cannot be; far more need far more text.
SMALLEST, LARGEST = 300, 200_000
UNKNOWN, MASK = "[UNK]", "[MASK]"
MARKS = ("[PAD]", UNKNOWN, MASK)
# Before a piece that does not begin a word.
LATER = "##"
# What tokenizers call a hidden token.
MASKS = (MASK, "<mask>")
# Rows that are cut to pieces together.
BATCH = 1024


class Pieces(NamedTuple):
    """The pieces of a text, and where each begins and ends, in characters."""

    ids: Int32[np.ndarray, " n"]
    spans: list[tuple[int, int]]


class Tokenizer:
    """Cuts texts to pieces; no marks are put around them.

    Parameters
    ----------
    written
        The tokenizer in the JSON of the `tokenizers` library.
    name
        Of the file that it stands in, for complaints.

    Raises
    ------
    ValueError
        It is something else, or the library is not installed.
    """

    def __init__(self, written: str, name: str = FILE) -> None:
        require_tokenizers()
        import tokenizers

        self.written = written
        try:
            self.inner: Any = tokenizers.Tokenizer.from_str(written)
        # The library raises bare exceptions for whatever it cannot read.
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{name} must be a tokenizer, got: {reason}") from None
        # A file may ask for both.
        self.inner.no_truncation()
        self.inner.no_padding()

    @property
    def vocab_size(self) -> int:
        """Number of pieces."""
        # Numbers of added pieces may have gaps before them.
        return 1 + max(self.inner.get_vocab(with_added_tokens=True).values())

    @property
    def mask(self) -> int | None:
        """The piece that stands for a hidden one, if there is one."""
        found = (self.inner.token_to_id(name) for name in MASKS)
        return next((token for token in found if token is not None), None)

    @property
    def fingerprint(self) -> str:
        """Equal for equal tokenizers."""
        return sha256(self.written.encode()).hexdigest()[:16]

    def cut(self, texts: Sequence[str]) -> list[Pieces]:
        """Cut texts to pieces."""
        found = self.inner.encode_batch(list(texts), add_special_tokens=False)
        return [Pieces(np.array(one.ids, dtype=np.int32), one.offsets) for one in found]

    def spell(self, token: int) -> str:
        """Write a piece."""
        return self.inner.decode([token], skip_special_tokens=False) or f"<{token}>"

    def text(self, ids: np.ndarray) -> str:
        """Write pieces together."""
        return str(self.inner.decode(ids.tolist(), skip_special_tokens=False))


def require_tokenizers() -> None:
    """Refuse to go on without the `tokenizers` library.

    Raises
    ------
    ValueError
        It is not installed.
    """
    if find_spec("tokenizers") is None:
        raise ValueError('tokenizers are not installed: pip install "spectrans-hybrid[hf]"')


def make(name: str, vocab_size: int | None, texts: Iterable[str]) -> Tokenizer:
    """Train a tokenizer, or read one.

    Parameters
    ----------
    name
        "bpe", "wordpiece" or "word"; or the path of a `tokenizer.json`, or of a folder with one.
    vocab_size
        Pieces at most, of a tokenizer that is trained; None stands for 4,096.
    texts
        What to train on; gone through more than once.

    Returns
    -------
    Tokenizer
        The same for the same texts.

    Raises
    ------
    ValueError
        No such file, or not of this kind.
    """
    require_tokenizers()
    if name in TRAINED:
        return _train(name, VOCAB_SIZE if vocab_size is None else vocab_size, texts)
    path = Path(name)
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        rule = f"be 'byte', 'bpe', 'wordpiece', 'word', a {FILE} or a folder with one"
        raise ValueError(must("tokenizer", rule, name))
    return read(path)


def read(path: Path) -> Tokenizer:
    """Read a tokenizer from a file.

    Parameters
    ----------
    path
        An existing file.

    Returns
    -------
    Tokenizer
        What it holds.

    Raises
    ------
    ValueError
        It holds something else.
    """
    try:
        return Tokenizer(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} must be a tokenizer, got: {error}") from None


def _train(name: str, vocab_size: int, texts: Iterable[str]) -> Tokenizer:
    import tokenizers
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    if name == "word":
        return _whole_words(vocab_size, texts)
    made = tokenizers.Tokenizer(models.BPE())
    alphabet: list[str] = []
    if name == "bpe":
        # Every byte is a piece, so that no text has an unknown one.
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    else:
        made.normalizer = normalizers.BertNormalizer(lowercase=False)
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.decoder = decoders.WordPiece()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(MARKS),
        show_progress=False,
        initial_alphabet=alphabet,
    )
    made.train_from_iterator(texts, trainer)
    if name == "wordpiece":
        vocabulary = _word_pieces(made, vocab_size, texts)
        made.model = models.WordPiece(vocabulary, unk_token=UNKNOWN)
        made.add_special_tokens(list(MARKS))
    return Tokenizer(made.to_str())


def _whole_words(vocab_size: int, texts: Iterable[str]) -> Tokenizer:
    """Know the commonest words; of equals, the first in the order of characters."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers

    normalizer = normalizers.BertNormalizer(lowercase=False)
    cut = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in cut.pre_tokenize_str(normalizer.normalize_str(text)))
    order = sorted(counts, key=lambda word: (-counts[word], word))
    words = [*MARKS, *(word for word in order if word not in MARKS)][:vocab_size]
    vocabulary = {word: number for number, word in enumerate(words)}
    made = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    made.normalizer, made.pre_tokenizer = normalizer, cut
    made.add_special_tokens(list(MARKS))
    return Tokenizer(made.to_str())


def _word_pieces(merged: Any, vocab_size: int, texts: Iterable[str]) -> dict[str, int]:
    """Make a vocabulary of WordPiece: the commonest pieces of a BPE, by their place in a word.

    The library's own trainer for WordPiece numbers pieces differently on every run.
    """
    counts: Counter[str] = Counter()
    some: list[str] = []
    for text in texts:
        some.append(text)
        if len(some) == BATCH:
            _count(merged, some, counts)
            some = []
    _count(merged, some, counts)
    # Each character alone, at the start of a word and later, so that few words are unknown.
    characters = {piece for piece in counts if len(piece.removeprefix(LATER)) == 1}
    order = sorted(counts, key=lambda piece: (piece not in characters, -counts[piece], piece))
    return {piece: number for number, piece in enumerate([*MARKS, *order][:vocab_size])}


def _count(merged: Any, texts: list[str], counts: Counter[str]) -> None:
    """Count the pieces of texts, and each character of them by itself."""
    for cut in merged.encode_batch(texts, add_special_tokens=False):
        before = None
        for piece, word in zip(cut.tokens, cut.word_ids, strict=True):
            counts[piece if word != before else LATER + piece] += 1
            for place, character in enumerate(piece):
                later = place > 0 or word == before
                counts[LATER + character if later else character] += 1
            before = word
