"""Hugging Face models fed with vectors, and our models with their weights."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, FNetConfig
from transformers.models.bert.modeling_bert import BertEncoder, BertSelfAttention, BertSelfOutput
from transformers.models.fnet.modeling_fnet import FNetBasicFourierTransform, FNetEncoder

from spectrans.blocks import HybridBlock
from spectrans.mixers import AttentionMixer


def sizes(d: int, n: int, layers: int, heads: int = 12, act: str = "gelu") -> dict[str, Any]:
    """Give the sizes that both configs know, without dropout."""
    return {
        "hidden_size": d,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * d,
        "max_position_embeddings": n,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "hidden_act": act,
    }


def fnet_config(d: int, n: int, layers: int, act: str = "gelu") -> FNetConfig:
    """Give FNet of these sizes."""
    known = sizes(d, n, layers, act=act)
    del known["num_attention_heads"], known["attention_probs_dropout_prob"]
    return FNetConfig(**known)


def bert_config(d: int, n: int, layers: int, heads: int = 12) -> BertConfig:
    """Give BERT of these sizes with torch's scaled dot product attention."""
    settings = sizes(d, n, layers, heads) | {"attn_implementation": "sdpa"}
    return BertConfig(**settings)


class Fourier(nn.Module):
    """FNet's mixing sublayer."""

    def __init__(self, d: int, n: int) -> None:
        super().__init__()
        self.mixing = FNetBasicFourierTransform(fnet_config(d, n, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.mixing(x)[0]


class Attention(nn.Module):
    """BERT's attention sublayer with its output projection, before norm and residual."""

    def __init__(self, d: int, n: int, heads: int) -> None:
        super().__init__()
        config = bert_config(d, n, 1, heads)
        self.attention = BertSelfAttention(config)
        self.output = BertSelfOutput(config)

    def forward(self, x: Tensor) -> Tensor:
        return self.output.dense(self.attention(x)[0])


class Encoder(nn.Module):
    """The layers of BERT, FNet, or a mixture, from vectors to vectors.

    Parameters
    ----------
    plan
        "f" for a layer of FNet and "a" for one of BERT, in order.
    d
        Channels.
    n
        Longest row.
    act
        Activation of FNet's layers: "gelu_new" as published, or BERT's "gelu".
    """

    def __init__(self, plan: str, d: int, n: int, act: str = "gelu") -> None:
        super().__init__()
        device = torch.get_default_device()
        with torch.device("meta"):  # drawn once, below
            bert = BertEncoder(bert_config(d, n, plan.count("a"))).layer
            fnet = FNetEncoder(fnet_config(d, n, plan.count("f"), act)).layer
        attention, fourier = iter(bert), iter(fnet)
        self.plan = plan
        self.layers = nn.ModuleList(
            next(attention) if kind == "a" else next(fourier) for kind in plan
        )
        self.to_empty(device=device).apply(_draw)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode vectors; the mask is 1 at real tokens, and BERT's layers alone know it."""
        hides = None
        if mask is not None:
            hides = mask[:, None, None, :].bool().expand(-1, 1, x.shape[1], -1)
        for kind, layer in zip(self.plan, self.layers, strict=True):
            x = _tensor(layer(x, hides) if kind == "a" else layer(x))
        return x


def copy_encoder(encoder: Encoder, blocks: nn.ModuleList) -> None:
    """Give our post-norm blocks the weights of an encoder of the same plan."""
    layers: Iterable[Any] = encoder.layers
    for kind, layer, block in zip(encoder.plan, layers, blocks, strict=True):
        assert isinstance(block, HybridBlock)
        if kind == "a":
            assert isinstance(block.mixer, AttentionMixer)
            copy_attention(layer.attention.self, layer.attention.output, block.mixer)
        norm = layer.attention.output if kind == "a" else layer.fourier.output
        block.norm1.load_state_dict(norm.LayerNorm.state_dict())
        block.norm2.load_state_dict(layer.output.LayerNorm.state_dict())
        block.ffn.up.load_state_dict(layer.intermediate.dense.state_dict())
        block.ffn.down.load_state_dict(layer.output.dense.state_dict())


@torch.no_grad()
def copy_attention(attention: Any, output: Any, mixer: AttentionMixer) -> None:
    """Give our fused projection the three of BERT."""
    parts = (attention.query, attention.key, attention.value)
    mixer.heads.qkv.weight.copy_(torch.cat([part.weight for part in parts]))
    mixer.heads.qkv.bias.copy_(torch.cat([part.bias for part in parts]))
    mixer.heads.out.load_state_dict(output.dense.state_dict())


def _draw(module: nn.Module) -> None:
    """Draw weights as published, but biases and norms away from 0 and 1, so that a swap shows."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.normal_(module.bias, std=0.02)
    if isinstance(module, nn.LayerNorm):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
        nn.init.normal_(module.bias, std=0.02)


def _tensor(output: Any) -> Tensor:
    return output[0] if isinstance(output, tuple) else output
