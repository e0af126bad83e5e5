"""Whole encoders, from vectors to vectors, with the weights of Hugging Face models."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.case import Builder, Case, Equal, EqualsTruth, Result, Work
from benchmarks.work import autocast, forward
from spectrans import HybridTransformer
from spectrans.mixers import Attention, Fourier

HEADS = 12


def plan_of(layers: int, attention: int) -> str:
    """Give FNet's hybrid: attention in the last layers."""
    return "f" * (layers - attention) + "a" * attention


def published_activation(plan: str) -> str:
    """Give FNet's approximate GELU for FNet alone; with layers of BERT among them, BERT's."""
    return "gelu" if "a" in plan else "gelu_new"


def our_encoder(plan: str, d: int, n: int) -> nn.Module:
    """Give our model with the weights of the Hugging Face layers that the seed gives."""
    from benchmarks.peers import hf

    pure = "a" not in plan
    encoder = hf.Encoder(plan, d, n, published_activation(plan))
    device = torch.get_default_device()
    with torch.device("meta"):  # every weight is copied, below
        model = HybridTransformer(
            hidden_dim=d,
            num_layers=len(plan),
            num_heads=HEADS,
            max_sequence_length=n,
            alternation_pattern="custom",
            layer_types=[Fourier(norm="backward") if kind == "f" else Attention() for kind in plan],
            positional_encoding_type="none",
            dropout=0.0,
            output_type="none",
            norm_position="post",
            activation="gelu_tanh" if pure else "gelu",
        )
    model.to_empty(device=device)
    hf.copy_encoder(encoder, model.blocks)
    return model


def _vectors(b: int, n: int, d: int) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(b, n, d)


def ours(wrap: Callable[..., Callable[[Tensor], Tensor]] | None = None) -> Builder:
    def build(b: int, n: int, d: int, layers: int, attention: int) -> Work:
        model = our_encoder(plan_of(layers, attention), d, n).eval()

        def encode(x: Tensor) -> Tensor:
            return model(inputs_embeds=x)

        return forward(wrap(encode) if wrap else encode, _vectors(b, n, d))

    return build


def hugging_face(
    kinds: str | None, wrap: Callable[..., Callable[[Tensor], Tensor]] | None = None
) -> Builder:
    """Give their encoder: all layers of one kind, or as planned."""

    def build(b: int, n: int, d: int, layers: int, attention: int) -> Work:
        from benchmarks.peers import hf

        plan = kinds * layers if kinds else plan_of(layers, attention)
        model = hf.Encoder(plan, d, n, published_activation(plan)).eval()
        return forward(wrap(model) if wrap else model, _vectors(b, n, d))

    return build


def _training(model: nn.Module, encode: Callable[[Tensor], Tensor], x: Tensor) -> Work:
    """Give the work of a whole training step, with AdamW."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    leaf, wanted = x.clone().requires_grad_(), torch.randn_like(x)

    def work() -> Result:
        optimiser.zero_grad(set_to_none=True)
        leaf.grad = None
        out = encode(leaf)
        (out - wanted).square().mean().backward()
        optimiser.step()
        assert leaf.grad is not None
        return out.detach(), leaf.grad

    return work


def our_training(b: int, n: int, d: int, layers: int, attention: int) -> Work:
    model = our_encoder(plan_of(layers, attention), d, n).train()
    return _training(model, lambda x: model(inputs_embeds=x), _vectors(b, n, d))


def their_training(kinds: str | None) -> Builder:
    def build(b: int, n: int, d: int, layers: int, attention: int) -> Work:
        from benchmarks.peers import hf

        plan = kinds * layers if kinds else plan_of(layers, attention)
        model = hf.Encoder(plan, d, n, published_activation(plan)).train()
        return _training(model, model, _vectors(b, n, d))

    return build


FNET = {"b": 1, "n": 512, "d": 768, "layers": 12, "attention": 0}
HYBRID = {"b": 1, "n": 4096, "d": 768, "layers": 12, "attention": 2}

CASES = [
    Case(
        name="fnet 12 layers n=512",
        family="models",
        sizes=FNET,
        ours=ours(),
        peer=hugging_face("f"),
        against="transformers FNet, same weights",
        check=Equal(1e-4),
        target=2.0,
        short=True,
    ),
    Case(
        name="fnet 12 layers n=512 bf16 / BERT f32",
        family="models",
        sizes=FNET,
        ours=ours(autocast),
        peer=hugging_face("a"),
        against="transformers BERT, float32",
        check=EqualsTruth(0.2),
        truth=hugging_face("f"),
        target=5.5,
    ),
    Case(
        name="fnet 12 layers n=512 bf16 / BERT bf16",
        family="models",
        sizes=FNET,
        ours=ours(autocast),
        peer=hugging_face("a", autocast),
        against="transformers BERT, bfloat16",
        check=EqualsTruth(0.2),
        truth=hugging_face("f"),
        target=2.0,
        short=True,
    ),
    Case(
        name="hybrid 2 of 12 n=4096",
        family="models",
        sizes=HYBRID,
        ours=ours(),
        peer=hugging_face("a"),
        against="transformers BERT, float32",
        check=EqualsTruth(1e-4),
        truth=hugging_face(None),
        target=3.5,
    ),
    Case(
        name="hybrid 2 of 12 training step n=4096",
        family="models",
        sizes=HYBRID,
        ours=our_training,
        peer=their_training("a"),
        against="transformers BERT, float32",
        check=EqualsTruth(1e-3),
        truth=their_training(None),
        check_sizes={"n": 128},
        target=3.0,
        slow=True,
    ),
]
