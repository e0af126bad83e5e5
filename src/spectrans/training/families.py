"""Plans that have a name: published ones, and the same with other mixers."""

import re

from spectrans.errors import must, unknown

# What fills the layers that are not attention. Fourier alone is FNet (Lee-Thorp et al. 2022,
# arXiv:2105.03824); random features are those of Performer (Choromanski et al. 2021,
# arXiv:2009.14794).
BASES = {
    "fnet": "fourier",
    "gfnet": "gfnet",
    "wavelet": "wavelet",
    "afno": "afno",
    "lst": "lst",
    "performer": "spectral_attention",
}
# What `all` stands for.
USUAL = ("attention", "fnet", "fnet-top-2", "even", "wavelet", "gfnet", "afno")
_NAME = re.compile(r"(\w+)(?:-(even|top-(\d{1,9})))?")


def names() -> list[str]:
    """Give every name as a user writes it."""
    return ["all", "attention", "even", *BASES, *(f"{n}-top-K" for n in BASES),
            *(f"{n}-even" for n in BASES)]  # fmt: skip


def layouts(name: str, num_layers: int) -> tuple[str, ...]:
    """Give the layout strings that a name stands for.

    Parameters
    ----------
    name
        `attention`; `fnet`, `gfnet`, `wavelet`, `afno`, `lst` or `performer` for one mixer in all
        layers; one of these with `-top-K` for K layers of attention at the end, or with `-even` for
        attention in every second layer; `even` for `fnet-even`; `all` for the usual seven.
    num_layers
        Depth.

    Returns
    -------
    tuple of str
        One, or for `all` the usual seven that fit the depth.

    Raises
    ------
    ValueError
        Unknown name, or more layers of attention than layers.

    Examples
    --------
    >>> layouts("fnet-top-1", 4)
    ('3xfourier,attention',)
    """
    if name == "all":
        # Two layers of attention are all of a model of two layers.
        chosen = [usual for usual in USUAL if num_layers > 2 or usual != "fnet-top-2"]
        return tuple(layout for usual in chosen for layout in layouts(usual, num_layers))
    if name == "attention":
        return ("attention",)
    found = _NAME.fullmatch("fnet-even" if name == "even" else name)
    if found is None or found[1] not in BASES:
        raise ValueError(unknown("family", name, names()))
    base, count = BASES[found[1]], found[3]
    if found[2] is None:
        return (base,)
    if count is None:
        return (f"{base},attention",)
    top = int(count)
    if not 0 < top < num_layers:
        rule = f"have from 1 to {num_layers - 1} layers of attention after 'top-'"
        raise ValueError(must("family", rule, name))
    return (f"{_times(num_layers - top)}{base},{_times(top)}attention",)


def _times(count: int) -> str:
    return "" if count == 1 else f"{count}x"
