"""The one stack of blocks behind every model."""

import inspect
import math
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spectrans.blocks.hybrid import HybridBlock
from spectrans.blocks.norm import Norm
from spectrans.config.base import ModelConfig
from spectrans.errors import must
from spectrans.heads import PooledHead, TiedLMHead, TokenHead
from spectrans.mixers.base import Dims
from spectrans.models.summary import Summary, summarise
from spectrans.packing import Rows, pack_rows
from spectrans.positions import LearnedPositions, SinusoidalPositions

Model = TypeVar("Model", bound="BaseModel")


def given(scope: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments of a constructor from its `locals()`, ready for its config."""
    return {name: value for name, value in scope.items() if name not in ("self", "__class__")}


class BaseModel(nn.Module):
    """Embedding, positions, blocks, norm and head, all chosen by a config.

    Parameters
    ----------
    config
        What to build; its `plan()` names the mixer of every layer.

    Attributes
    ----------
    config
        The config, as given.
    blocks
        One `HybridBlock` per layer.
    """

    config_class: ClassVar[type[ModelConfig]]

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = self._build_embedding()
        self.positions = self._build_positions()
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = self.build_blocks()
        pre = config.norm_position == "pre"
        self.final_norm = Norm(config.hidden_dim, eps=config.norm_eps) if pre else None
        self.output_head = self._build_head()

    def _build_embedding(self) -> nn.Embedding | None:
        if self.config.vocab_size is None:
            return None
        # nn.Embedding starts at N(0, 1): next to positions of power 1/2 neither drowns the other.
        return nn.Embedding(self.config.vocab_size, self.config.hidden_dim)

    def _build_positions(self) -> SinusoidalPositions | LearnedPositions | None:
        config = self.config
        if config.use_positional_encoding and config.positional_encoding_type == "sinusoidal":
            return SinusoidalPositions()
        if config.use_positional_encoding and config.positional_encoding_type == "learned":
            return LearnedPositions(config.sequence_length, config.hidden_dim)
        return None

    def _build_head(self) -> PooledHead | TokenHead | TiedLMHead | None:
        config = self.config
        match config.output_type:
            case "classification" if config.num_classes is not None:
                return PooledHead(config.hidden_dim, config.num_classes, config.pooling)
            case "regression":
                return PooledHead(config.hidden_dim, config.num_classes or 1, config.pooling)
            case "sequence":
                assert config.num_classes is not None, "the config checks this"
                return TokenHead(config.hidden_dim, config.num_classes)
            case "lm":
                assert self.embedding is not None, "the config checks this"
                if config.tie_embeddings:
                    return TiedLMHead(self.embedding)
                return TokenHead(config.hidden_dim, self.embedding.num_embeddings)
        return None

    def build_blocks(self) -> nn.ModuleList:
        """Build the blocks of the plan.

        Returns
        -------
        ModuleList
            One new `HybridBlock` per layer.
        """
        config = self.config
        dims = Dims(
            hidden_dim=config.hidden_dim,
            num_heads=getattr(config, "num_heads", Dims.num_heads),
            max_sequence_length=config.sequence_length,
        )
        # Pre-norm: 2 L branches of power 1 add at most 8 to the stream, at any depth. The usual
        # 1/sqrt(2 L) makes a shallow model learn as if at a third of its learning rate.
        pre = config.norm_position == "pre"
        scale = min(1.0, 2.0 / math.sqrt(config.num_layers)) if pre else 1.0
        return nn.ModuleList(
            HybridBlock(
                options.build(dims),
                config.hidden_dim,
                config.ffn_hidden_dim or 4 * config.hidden_dim,
                dropout=config.dropout,
                norm_eps=config.norm_eps,
                norm_position=config.norm_position,
                residual_scale=scale,
            )
            for options in config.plan()
        )

    def forward(
        self,
        input_ids: Integer[Tensor, "b n"] | None = None,
        inputs_embeds: Float[Tensor, "b n d"] | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Encode a batch, and answer with the head if the model has one.

        Parameters
        ----------
        input_ids
            Token ids; give these or `inputs_embeds`.
        inputs_embeds
            Token vectors, in the place of embedded ids.
        attention_mask
            `(b, n)`, 1 or True at real tokens, of any type. Padding in any place and amount changes
            no real token.

        Returns
        -------
        Tensor
            Hidden states `(b, n, d)` with zeros at padding, or what the head makes of them:
            `(b, num_classes)` for classification and regression, `(b, n, k)` per token otherwise.

        Raises
        ------
        ValueError
            None or both inputs, wrong shape or type, an id outside the vocabulary, a bad mask, or
            a row longer than learned positions reach.
        """
        x = self._check_input(input_ids, inputs_embeds)
        rows = None if attention_mask is None else pack_rows(attention_mask, x.shape[:2])
        hidden = self._encode(x if rows is None else rows.pack(x), rows)
        if self.output_head is not None:
            return self.output_head(hidden, rows)
        return hidden if rows is None else rows.unpack(hidden)

    def _encode(self, x: Tensor, rows: Rows | None) -> Tensor:
        """Give the hidden states of ids or vectors, dense or packed."""
        if not x.is_floating_point():
            assert self.embedding is not None, "the input check sees to this"
            x = self.embedding(x)
        if self.positions is not None:
            place = torch.arange(x.shape[1], device=x.device) if rows is None else rows.positions
            x = self.positions(x, place)
        x = self.dropout(x)
        for block in self.blocks:
            if self.config.gradient_checkpointing and self.training:
                x = checkpoint(block, x, rows, use_reentrant=False)
            else:
                x = block(x, rows)
        return x if self.final_norm is None else self.final_norm(x)

    def _check_input(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
        """Give the one input that was given, if the model can take it."""
        if (input_ids is None) == (inputs_embeds is None):
            got = "neither" if input_ids is None else "both"
            raise ValueError(must("forward", "get input_ids or inputs_embeds", got))
        x = (
            self._check_ids(input_ids)
            if inputs_embeds is None
            else self._check_embeds(inputs_embeds)
        )
        learned = isinstance(self.positions, LearnedPositions)
        if learned and x.shape[1] > self.config.sequence_length:
            rule = f"be at most max_sequence_length={self.config.sequence_length}"
            raise ValueError(must("the length with learned positions", rule, x.shape[1]))
        return x

    def _check_ids(self, ids: Tensor | None) -> Tensor:
        if self.embedding is None:
            raise ValueError("input_ids must not be given to a model without vocab_size")
        assert ids is not None
        if ids.dim() != 2 or ids.shape[1] == 0:
            raise ValueError(must("input_ids", "have shape (b, n) with n >= 1", tuple(ids.shape)))
        if ids.dtype not in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
            raise ValueError(must("input_ids", "hold integers", ids.dtype))
        # On other devices, and inside a compiled graph, the look-up itself checks.
        if ids.device.type == "cpu" and not torch.compiler.is_compiling() and ids.numel():
            low, high = int(ids.min()), int(ids.max())
            if low < 0 or high >= self.embedding.num_embeddings:
                rule = f"lie in 0..{self.embedding.num_embeddings - 1}"
                raise ValueError(must("input_ids", rule, low if low < 0 else high))
        return ids if ids.dtype in (torch.int64, torch.int32) else ids.long()

    def _check_embeds(self, x: Tensor) -> Tensor:
        d = self.config.hidden_dim
        if x.dim() != 3 or x.shape[2] != d or x.shape[1] == 0:
            rule = f"have shape (b, n, {d}) with n >= 1"
            raise ValueError(must("inputs_embeds", rule, tuple(x.shape)))
        if not x.is_floating_point():
            raise ValueError(must("inputs_embeds", "hold floating-point numbers", x.dtype))
        return x

    def summary(self, sequence_length: int | None = None) -> Summary:
        """Say what each layer is, holds and costs.

        Parameters
        ----------
        sequence_length
            Row length that the cost is for; None takes the config's.

        Returns
        -------
        Summary
            A table as text (`str(...)`) and as data (`.layers`).
        """
        return summarise(self, sequence_length or self.config.sequence_length)

    @classmethod
    def from_config(cls: type[Model], config: ModelConfig) -> Model:
        """Build the model that a config describes.

        Parameters
        ----------
        config
            A config of this model's own class.

        Returns
        -------
        BaseModel
            New model with fresh weights.

        Raises
        ------
        TypeError
            A config of another class.
        ValueError
            The config sets something that this model does not have.
        """
        if not isinstance(config, cls.config_class):
            raise TypeError(must("config", f"be a {cls.config_class.__name__}", config))
        known = inspect.signature(cls).parameters
        arguments: dict[str, Any] = {}
        for name, field in type(config).model_fields.items():
            value = getattr(config, name)
            argument = "max_sequence_length" if name == "sequence_length" else name
            if argument in known:
                arguments[argument] = value
            elif value not in (field.default, cls._fixed().get(name, field.default)):
                rule = f"be left out: {cls.__name__} has none"
                raise ValueError(must(name, rule, value))
        return cls(**arguments)

    @classmethod
    def _fixed(cls) -> dict[str, Any]:
        """Give the config values that this model has without an argument for them."""
        return {}

    def save_pretrained(self, directory: str | Path) -> None:
        """Write `config.json` and `model.safetensors`, see `spectrans.io.save_pretrained`."""
        from spectrans.io import save_pretrained

        save_pretrained(self, directory)

    @classmethod
    def from_pretrained(cls: type[Model], directory: str | Path) -> Model:
        """Load what `save_pretrained` wrote, see `spectrans.io.from_pretrained`."""
        from spectrans.io import from_pretrained

        return from_pretrained(directory, cls)
