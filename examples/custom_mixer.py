"""Add a mixer of your own, use it in a plan beside ours, and save and load the model.

Run: python examples/custom_mixer.py
"""

import tempfile
from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from spectrans import Dims, HybridTransformer, Mixer, MixerOptions, register


@register
class ShortConvolution(MixerOptions):
    """Options of a depthwise convolution over `width` neighbouring tokens."""

    name: ClassVar[str] = "short_convolution"
    kind: ClassVar[Literal["spectral", "spatial"]] = "spatial"

    width: PositiveInt = 5

    def build(self, dims: Dims) -> "ShortConvolutionMixer":
        """Make the mixer."""
        return ShortConvolutionMixer(dims.hidden_dim, self.width)


class ShortConvolutionMixer(Mixer):
    """Each token sees its neighbours; knows nothing of padding, which the model removes."""

    def __init__(self, hidden_dim: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(
            hidden_dim, hidden_dim, width, padding="same", groups=hidden_dim
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve along the tokens."""
        return self.convolution(x.transpose(1, 2)).transpose(1, 2)


def main() -> None:
    model = HybridTransformer(
        vocab_size=256,
        hidden_dim=64,
        num_layers=4,
        num_classes=3,
        alternation_pattern="custom",
        layer_types=[{"type": "short_convolution", "width": 7}, "fourier", "gfnet", "attention"],
    ).eval()
    print(model.summary(128))

    ids = torch.randint(0, 256, (2, 128))
    mask = torch.ones(2, 128)
    mask[0, 40:] = 0
    padded, alone = model(ids, attention_mask=mask)[0], model(ids[:1, :40])[0]
    print(f"\npadding changes the answer by {(padded - alone).abs().max().item():.1e}")

    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = HybridTransformer.from_pretrained(folder)
    print(f"saved and loaded: same answers: {torch.equal(loaded(ids), model(ids))}")


if __name__ == "__main__":
    main()
