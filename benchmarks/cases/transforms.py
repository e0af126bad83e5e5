"""Transforms along tokens, each against the package that has it."""

import torch

from benchmarks.case import Builder, Case, Equal, Work
from benchmarks.peers.formulas import butterflies
from benchmarks.peers.wavelets import levels_by_ptwt, levels_by_pytorch_wavelets
from benchmarks.work import forward
from spectrans.transforms.hadamard import hadamard
from spectrans.transforms.trig import dct
from spectrans.transforms.wavelet import Boundary, filters, wavedec, waverec

WAVELET, LEVELS = "db4", 3


def round_trip(boundary: Boundary) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        x, bank = torch.randn(b, n, d), filters(WAVELET)

        def work() -> tuple[torch.Tensor, ...]:
            with torch.inference_mode():
                split = wavedec(x, bank, LEVELS, boundary)
                return (*split, waverec(split, bank, n, boundary))

        return work

    return build


def by_pytorch_wavelets(b: int, n: int, d: int) -> Work:
    return torch.inference_mode()(levels_by_pytorch_wavelets(torch.randn(b, n, d), WAVELET, LEVELS))


def by_ptwt(b: int, n: int, d: int) -> Work:
    return torch.inference_mode()(levels_by_ptwt(torch.randn(b, n, d), WAVELET, LEVELS))


def our_dct(b: int, n: int, d: int) -> Work:
    return forward(dct, torch.randn(b, n, d))


def torch_dct(b: int, n: int, d: int) -> Work:
    import torch_dct as package

    rows = torch.randn(b, n, d).transpose(1, 2).contiguous()
    return forward(lambda x: package.dct(x, norm="ortho").transpose(1, 2), rows)


def our_hadamard(b: int, n: int, d: int) -> Work:
    return forward(hadamard, torch.randn(b, n, d))


def plain_hadamard(b: int, n: int, d: int) -> Work:
    return forward(butterflies, torch.randn(b, n, d))


SIZES = ((512, 256), (2048, 256), (512, 768))

CASES = [
    *(
        Case(
            name=f"dwt round trip n={n} d={d}",
            family="wavelet",
            sizes={"b": 8, "n": n, "d": d},
            ours=round_trip("periodization"),
            peer=by_pytorch_wavelets,
            against="pytorch_wavelets, periodization",
            check=Equal(2e-5),
            target=2.0,
            short=(n, d) == (512, 768),
        )
        for n, d in SIZES
    ),
    *(
        Case(
            name=f"dwt symmetric round trip n={n} d={d}",
            family="wavelet",
            sizes={"b": 8, "n": n, "d": d},
            ours=round_trip("symmetric"),
            peer=by_ptwt,
            against="ptwt, symmetric",
            check=Equal(2e-5),
            target=4.5,
            short=(n, d) == (512, 768),
        )
        for n, d in SIZES
    ),
    Case(
        name="dct n=1024",
        family="trig",
        sizes={"b": 8, "n": 1024, "d": 768},
        ours=our_dct,
        peer=torch_dct,
        against="torch_dct",
        check=Equal(2e-5),
        target=1.5,
        short=True,
    ),
    Case(
        name="hadamard n=1024",
        family="trig",
        sizes={"b": 8, "n": 1024, "d": 768},
        ours=our_hadamard,
        peer=plain_hadamard,
        against="butterflies in torch",
        check=Equal(2e-5),
        target=4.0,
        short=True,
    ),
]
