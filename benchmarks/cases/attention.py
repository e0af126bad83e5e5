"""Attention, exact and by random features."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.case import Builder, Case, Equal, NoWorse, Work
from benchmarks.work import forward, forward_backward
from spectrans.mixers import (
    Attention,
    AttentionMixer,
    Dims,
    SpectralAttention,
    SpectralAttentionMixer,
)

Pass = Callable[[Callable[[Tensor], Tensor], Tensor], Work]
HEADS = 12


def exact(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        from benchmarks.peers import hf

        peer = hf.Attention(d, n, HEADS)
        mixer = Attention().build(Dims(hidden_dim=d, num_heads=HEADS))
        assert isinstance(mixer, AttentionMixer)
        hf.copy_attention(peer.attention, peer.output, mixer)
        torch.manual_seed(1)
        return run(mixer.eval(), torch.randn(b, n, d))

    return build


def bert(run: Pass) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        from benchmarks.peers import hf

        peer = hf.Attention(d, n, HEADS)
        torch.manual_seed(1)
        return run(peer.eval(), torch.randn(b, n, d))

    return build


def _mixer(d: int, features: int) -> SpectralAttentionMixer:
    """Give a mixer whose queries and keys are as short as the published features need.

    Their mean square length is sqrt(c), so that the exponents of the kernel are of size one.
    """
    options = SpectralAttention(num_features=features, qk_norm=False, bias=False, seed=0)
    mixer = options.build(Dims(hidden_dim=d, num_heads=HEADS))
    c = d // HEADS
    with torch.no_grad():
        mixer.heads.qkv.weight[: 2 * d].normal_(std=(c**0.5 / c / d) ** 0.5)
    return mixer


def _clustered(b: int, n: int, d: int) -> Tensor:
    """Give tokens of eight kinds: on mere noise the exact answer would be an average of nothing."""
    kinds = torch.randn(8, d)
    return kinds[torch.randint(8, (b, n))] + 0.5 * torch.randn(b, n, d)


def random_features(b: int, n: int, d: int, features: int, theirs: int) -> Work:
    return forward(_mixer(d, features), _clustered(b, n, d))


def performer(b: int, n: int, d: int, features: int, theirs: int) -> Work:
    from performer_pytorch import SelfAttention

    mixer = _mixer(d, features)
    x = _clustered(b, n, d)
    peer = SelfAttention(
        dim=d, heads=HEADS, dim_head=d // HEADS, nb_features=theirs, attn_out_bias=False
    ).eval()
    parts = (peer.to_q, peer.to_k, peer.to_v)
    for linear, weight in zip(parts, mixer.heads.qkv.weight.chunk(3), strict=True):
        linear.weight = nn.Parameter(weight.detach().clone())
    peer.to_out.load_state_dict(mixer.heads.out.state_dict())
    return forward(peer, x)


def exact_for_features(b: int, n: int, d: int, features: int, theirs: int) -> Work:
    mixer = _mixer(d, features)
    x = _clustered(b, n, d).double()
    mixer = mixer.double()

    def attend(x: Tensor) -> Tensor:
        return mixer.heads.merge(F.scaled_dot_product_attention(*mixer.heads.split(x)))

    return forward(attend, x)


CASES = [
    *(
        Case(
            name=f"attention {step} n={n}",
            family="attention",
            sizes={"b": b, "n": n, "d": 768},
            ours=exact(run),
            peer=bert(run),
            against="transformers BERT's self-attention with SDPA",
            check=Equal(5e-5),
            target=1.3 if step == "forward" else None,
            short=(step, n) in {("forward", 1024), ("forward+backward", 1024)},
        )
        for step, run, b, n in (
            ("forward", forward, 2, 512),
            ("forward", forward, 1, 1024),
            ("forward", forward, 1, 2048),
            ("forward", forward, 1, 4096),
            ("forward+backward", forward_backward, 1, 1024),
            ("forward+backward", forward_backward, 1, 4096),
        )
    ),
    Case(
        name="random features n=4096",
        family="attention",
        # Ours has no bias, theirs adds 1e-4 to every feature, which leans towards the plain average
        # and varies less: with 256 of ours the mean error of 12 draws is 0.14, of theirs 0.12.
        sizes={"b": 1, "n": 4096, "d": 768, "features": 336, "theirs": 256},
        ours=random_features,
        peer=performer,
        against="performer-pytorch, 256 features to our 336",
        check=NoWorse(),
        truth=exact_for_features,
        target=2.0,
        short=True,
    ),
]
