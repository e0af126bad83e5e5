"""Mixers that multiply in the frequency domain."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.case import Builder, Case, Equal, Work
from benchmarks.peers.formulas import PlainAFNO, PlainGFNet
from benchmarks.work import forward, forward_backward
from spectrans.mixers import AFNO, AFNOMixer, Dims, Fourier, GFNet, GFNetMixer

Pass = Callable[[Callable[[Tensor], Tensor], Tensor], Work]
WIDTH = {"b": 8, "d": 768}


def fourier(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        x = torch.randn(b, n, d)
        return run(Fourier(norm="backward").build(Dims(hidden_dim=d)), x)

    return build


def hf_fourier(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        from benchmarks.peers import hf

        x = torch.randn(b, n, d)
        return run(hf.Fourier(d, n), x)

    return build


def _gfnet(n: int, d: int) -> GFNetMixer:
    mixer = GFNet().build(Dims(hidden_dim=d, max_sequence_length=n))
    assert isinstance(mixer, GFNetMixer), "a grid was not asked for"
    return mixer


def gfnet(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        return run(_gfnet(n, d), torch.randn(b, n, d))

    return build


def plain_gfnet(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        peer = PlainGFNet(_gfnet(n, d).filter)
        return run(peer, torch.randn(b, n, d))

    return build


def _afno(d: int) -> AFNOMixer:
    mixer = AFNO().build(Dims(hidden_dim=d))
    nn.init.normal_(mixer.b1, std=0.1)
    nn.init.normal_(mixer.b2, std=0.1)
    return mixer


def afno(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        return run(_afno(d), torch.randn(b, n, d))

    return build


def plain_afno(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        m = _afno(d)
        peer = PlainAFNO(m.w1, m.b1, m.w2, m.b2, m.options.sparsity_threshold)
        return run(peer, torch.randn(b, n, d))

    return build


PASSES: dict[str, Pass] = {"forward": forward, "forward+backward": forward_backward}


def cases(
    family: str,
    sides: tuple[Callable[[Pass], Builder], Callable[[Pass], Builder], str],
    targets: dict[tuple[str, int], float],
    short: set[tuple[str, int]],
    memory: dict[tuple[str, int], float],
    tolerance: dict[str, float] | None = None,
) -> list[Case]:
    """Give a case per pass and length."""
    tolerance = tolerance or {}
    ours, peer, against = sides
    return [
        Case(
            name=f"{family} {step} n={n}",
            family=family,
            sizes={**WIDTH, "n": n},
            ours=ours(PASSES[step]),
            peer=peer(PASSES[step]),
            against=against,
            check=Equal(tolerance.get(step, 2e-5)),
            target=target,
            memory_target=memory.get((step, n)),
            short=(step, n) in short,
        )
        for (step, n), target in targets.items()
    ]


CASES = [
    *cases(
        "fourier",
        (fourier, hf_fourier, "transformers FNet, fftn(x).real"),
        {
            ("forward", 128): 1.3,
            ("forward", 512): 1.6,
            ("forward", 1024): 1.6,
            ("forward", 2048): 1.6,
            ("forward", 4096): 1.6,
            ("forward+backward", 512): 1.6,
            ("forward+backward", 1024): 1.6,
            ("forward+backward", 2048): 1.6,
            ("forward+backward", 4096): 1.6,
        },
        {("forward", 128), ("forward", 512), ("forward", 4096), ("forward+backward", 512)},
        {("forward+backward", n): 0.55 for n in (512, 1024, 2048, 4096)},
    ),
    *cases(
        "gfnet",
        (gfnet, plain_gfnet, "torch.fft: rfft, multiply, irfft"),
        {
            ("forward", 512): 1.4,
            ("forward", 1024): 1.4,
            ("forward", 2048): 1.4,
            ("forward", 4096): 1.4,
            ("forward+backward", 512): 1.6,
            ("forward+backward", 1024): 1.6,
            ("forward+backward", 2048): 1.6,
            ("forward+backward", 4096): 1.6,
        },
        {("forward", 512), ("forward+backward", 512)},
        {("forward+backward", n): 0.5 for n in (512, 1024, 2048, 4096)},
    ),
    *cases(
        "afno",
        (afno, plain_afno, "AFNO's formula, real einsums"),
        {
            ("forward", 256): 1.7,
            ("forward", 1024): 1.7,
            ("forward", 4096): 1.7,
            ("forward+backward", 1024): 1.7,
        },
        {("forward", 1024)},
        {},
        # A rounding that crosses zero before ReLU switches a slope.
        {"forward+backward": 1e-2},
    ),
]
