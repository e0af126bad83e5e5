"""Batches with padding, and batches of rows that are all of different lengths."""

import torch
from torch import Tensor, nn

from benchmarks.case import Builder, Case, Equal, EqualsTruth, Result, Work
from benchmarks.cases.models import our_encoder, plan_of
from spectrans import HybridTransformer
from spectrans.mixers import MIXERS

# Mean 0.6. At n = 512 two of the lengths are primes, the worst that a Fourier transform can get.
_SHARES = (0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)


def _mask(lengths: list[int], n: int) -> Tensor:
    return (torch.arange(n)[None, :] < torch.tensor(lengths)[:, None]).long()


def _padded(b: int, n: int) -> Tensor:
    return _mask([int(_SHARES[row % len(_SHARES)] * n) for row in range(b)], n)


def _work(model: nn.Module, x: Tensor, mask: Tensor | None) -> Work:
    """Give the work of encoding a batch; the result is zero at padding, on both sides."""
    model.eval()
    seen = None if mask is None else mask[..., None]

    def work() -> Result:
        with torch.inference_mode():
            if isinstance(model, HybridTransformer):
                return (model(inputs_embeds=x, attention_mask=mask),)
            out = model(x, mask)
            return (out if seen is None else out * seen,)

    return work


def _rows(model: nn.Module, x: Tensor, mask: Tensor) -> Work:
    """Give the work of encoding every row alone, without its padding."""
    model.eval()

    def work() -> Result:
        out = torch.zeros_like(x)
        with torch.inference_mode():
            for row, length in enumerate(mask.sum(1).tolist()):
                out[row, :length] = model(inputs_embeds=x[row : row + 1, :length])[0]
        return (out,)

    return work


def encoder(side: str) -> Builder:
    """Give our encoder on the padded batch, on a full one, or row by row, or BERT on the padded."""

    def build(b: int, n: int, d: int, layers: int, attention: int) -> Work:
        from benchmarks.peers import hf

        plan, mask = plan_of(layers, attention), _padded(b, n)
        model = hf.Encoder("a" * layers, d, n) if side == "BERT" else our_encoder(plan, d, n)
        torch.manual_seed(1)
        x = torch.randn(b, n, d)
        if side == "rows":
            return _rows(model, x, mask)
        return _work(model, x, None if side == "full" else mask)

    return build


def _small(mixer: str, b: int, n: int, d: int, layers: int) -> tuple[HybridTransformer, Tensor]:
    """Give a model of one kind of mixer, and rows of as many lengths around n as there are rows."""
    model = HybridTransformer(
        hidden_dim=d,
        num_layers=layers,
        num_heads=4,
        max_sequence_length=2 * n,
        alternation_pattern="custom",
        layer_types=mixer,
        dropout=0.0,
        output_type="none",
    )
    # As many below n as above it, and not n: the mean is n.
    half = b // 2
    lengths = [n + step for step in range(-half, half + 1) if step or b == 1][:b]
    return model, _mask(lengths, max(lengths))


def distinct(mixer: str, side: str) -> Builder:
    """Give a model on rows of distinct lengths, on as many equal rows, or row by row."""

    def build(b: int, n: int, d: int, layers: int) -> Work:
        model, mask = _small(mixer, b, n, d, layers)
        torch.manual_seed(1)
        if side == "equal":
            return _work(model, torch.randn(b, n, d), None)
        x = torch.randn(b, mask.shape[1], d)
        return _rows(model, x, mask) if side == "rows" else _work(model, x, mask)

    return build


CASES = [
    Case(
        name="padded 60 % real, attention",
        family="packing",
        sizes={"b": 8, "n": 512, "d": 768, "layers": 4, "attention": 4},
        ours=encoder("padded"),
        peer=encoder("BERT"),
        against="transformers BERT, same weights and mask",
        check=Equal(1e-4),
        target=1.0,
    ),
    Case(
        name="padded 60 % real, hybrid 1 of 4",
        family="packing",
        sizes={"b": 8, "n": 512, "d": 768, "layers": 4, "attention": 1},
        ours=encoder("padded"),
        peer=encoder("BERT"),
        against="transformers BERT, same mask",
        check=EqualsTruth(1e-4),
        truth=encoder("rows"),
        target=1.0,
    ),
    Case(
        name="padded 60 % real, hybrid 1 of 4 / full",
        family="packing",
        sizes={"b": 8, "n": 512, "d": 768, "layers": 4, "attention": 1},
        ours=encoder("padded"),
        peer=encoder("full"),
        against="itself on the full batch",
        check=EqualsTruth(1e-4),
        truth=encoder("rows"),
        target=1 / 0.7,
        short=True,
    ),
    *(
        Case(
            name=f"64 distinct lengths, {mixer}",
            family="packing",
            sizes={"b": 64, "n": 128, "d": 256, "layers": 2},
            ours=distinct(mixer, "distinct"),
            peer=distinct(mixer, "equal"),
            against="itself on 64 equal rows, as many tokens",
            check=EqualsTruth(1e-4),
            truth=distinct(mixer, "rows"),
            target=1 / 1.25,
            short=mixer in ("fourier", "attention"),
        )
        for mixer in MIXERS
    ),
]
