"""The one stack of blocks behind every model."""

import inspect
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spectrans.blocks.norm import Norm
from spectrans.config.base import ModelConfig
from spectrans.errors import must
from spectrans.initialisation import init_unit_gain
from spectrans.linear import apply_linear
from spectrans.models.block import build_block
from spectrans.models.head import build_head
from spectrans.models.inputs import check_input, check_types, in_range, places
from spectrans.models.paper import refuse_beyond_memory
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
        What to build; its `plan()` names the mixer of every layer. A model larger than the memory
        of this machine is refused before anything is allocated.

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
        refuse_beyond_memory(config)
        self._build_input()
        self.blocks = self.build_blocks()
        pre = config.norm_position == "pre"
        self.final_norm = Norm(config.hidden_dim, eps=config.norm_eps) if pre else None
        self.output_head = build_head(config, self.embedding)
        # What calls each block in training to have it computed again in the backward pass; None
        # keeps its values.
        again = partial(checkpoint, use_reentrant=False) if config.gradient_checkpointing else None
        self.recompute: tuple[Callable[..., Tensor] | None, ...] = (again,) * config.num_layers

    def _build_input(self) -> None:
        """Make the tables, and what stands between them and the blocks."""
        config = self.config
        d = config.embedding_dim or config.hidden_dim
        # nn.Embedding starts at N(0, 1): next to positions of power 1/2 neither drowns the other.
        self.embedding = None if config.vocab_size is None else nn.Embedding(config.vocab_size, d)
        self.positions = self._build_positions(d)
        types = config.type_vocab_size
        self.type_embedding = None if types is None else nn.Embedding(types, d)
        if self.type_embedding is not None:
            nn.init.normal_(self.type_embedding.weight, std=math.sqrt(0.5))
        self.embedding_norm = (
            Norm(d, eps=config.norm_eps, exact=True) if config.embedding_norm else None
        )
        projected = config.embedding_dim is not None
        self.embedding_projection = nn.Linear(d, config.hidden_dim) if projected else None
        if self.embedding_projection is not None:
            init_unit_gain(self.embedding_projection.weight, d)
            nn.init.zeros_(self.embedding_projection.bias)
        self.dropout = nn.Dropout(config.dropout)

    def _build_positions(self, d: int) -> SinusoidalPositions | LearnedPositions | None:
        config = self.config
        if config.use_positional_encoding and config.positional_encoding_type == "sinusoidal":
            return SinusoidalPositions()
        if config.use_positional_encoding and config.positional_encoding_type == "learned":
            return LearnedPositions(config.sequence_length, d)
        return None

    def build_blocks(self) -> nn.ModuleList:
        """Build the blocks of the plan.

        Returns
        -------
        ModuleList
            One new `HybridBlock` per layer.
        """
        config = self.config
        return nn.ModuleList(build_block(config, options) for options in config.plan())

    def forward(
        self,
        input_ids: Integer[Tensor, "b n"] | None = None,
        inputs_embeds: Float[Tensor, "b n e"] | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Integer[Tensor, "b n"] | None = None,
        position_ids: Integer[Tensor, "b n"] | None = None,
    ) -> Tensor:
        """Encode a batch, and answer with the head if the model has one.

        Parameters
        ----------
        input_ids
            Token ids; give these or `inputs_embeds`.
        inputs_embeds
            Token vectors, in the place of embedded ids, of the weights' type except under autocast.
            What is no number at a real token makes its row no numbers; at padding it is not seen.
        attention_mask
            `(b, n)`, 1 or True at real tokens, of any type. Padding in any place and amount changes
            no real token. `torch.func.vmap` must not map over it: row lengths are data.
        token_type_ids
            What kind each token is of, for models with `type_vocab_size`; None is 0 everywhere.
        position_ids
            Where each token is, for models that add positions to their input; None counts the real
            tokens of each row.

        Returns
        -------
        Tensor
            Hidden states `(b, n, d)` with zeros at padding, or what the head makes of them:
            `(b, num_classes)` for classification and regression, `(b, d)` for pooled rows,
            `(b, n, k)` per token otherwise.

        Raises
        ------
        TypeError
            An input that is no tensor.
        ValueError
            None or both inputs, wrong shape, type or device, an id outside the vocabulary, a bad
            mask, a row longer than learned positions reach, or token types or positions that the
            model has no table of.
        """
        return self.answer(
            *self.encode(input_ids, inputs_embeds, attention_mask, token_type_ids, position_ids)
        )

    def encode(
        self,
        input_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        states: list[Tensor] | None = None,
    ) -> tuple[Tensor, Rows | None]:
        """Give the hidden states, dense or packed, and where packed rows lie: `answer` takes both.

        Parameters
        ----------
        input_ids
            This and the four that follow are as of `forward`.
        inputs_embeds
            See there.
        attention_mask
            See there.
        token_type_ids
            See there.
        position_ids
            See there.
        states
            A list that gets what the first block sees and what each block gives.

        Returns
        -------
        tuple
            Hidden states, and `Rows` where they are packed, else None.
        """
        width = self.config.embedding_dim or self.config.hidden_dim
        x = check_input(input_ids, inputs_embeds, width, self.embedding, self.blocks[0])
        types = check_types(token_type_ids, x, self.type_embedding)
        rows = None if attention_mask is None else pack_rows(attention_mask, x.shape[:2], x.device)
        place = places(position_ids, x, rows, self.positions)
        if rows is not None:
            x, types = rows.pack(x), None if types is None else rows.pack(types)
        return self._encode(self._embed(x, types, place), rows, states), rows

    def answer(self, hidden: Tensor, rows: Rows | None) -> Tensor:
        """Give what the head makes of hidden states, or the states themselves, unpacked.

        Parameters
        ----------
        hidden
            What `encode` gives, dense or packed.
        rows
            Where packed rows lie; None where the batch is dense.

        Returns
        -------
        Tensor
            As of `forward`.
        """
        if self.output_head is not None:
            return self.output_head(hidden, rows)
        return hidden if rows is None else rows.unpack(hidden)

    def _embed(self, x: Tensor, types: Tensor | None, place: Tensor) -> Tensor:
        """Give what the first block sees of ids or vectors, dense or packed."""
        if not x.is_floating_point():
            assert self.embedding is not None, "the input check sees to this"
            x = self.embedding(in_range("input_ids", x, self.embedding.weight))
        if self.type_embedding is not None:
            table = self.type_embedding
            types = None if types is None else in_range("token_type_ids", types, table.weight)
            x = x + (table.weight[0] if types is None else table(types)).to(x.dtype)
        if self.positions is not None:
            x = self.positions(x, place)
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        if self.embedding_projection is not None:
            x = apply_linear(self.embedding_projection, x)
        return self.dropout(x)

    def _encode(self, x: Tensor, rows: Rows | None, states: list[Tensor] | None) -> Tensor:
        """Give the hidden states behind the blocks."""
        for block, again in zip(self.blocks, self.recompute, strict=True):
            if states is not None:
                states.append(x)
            x = block(x, rows) if again is None or not self.training else again(block, x, rows)
        if states is not None:
            states.append(x)
        return x if self.final_norm is None else self.final_norm(x)

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

        Raises
        ------
        ValueError
            A length below 1.
        """
        n = self.config.sequence_length if sequence_length is None else sequence_length
        if n < 1:
            raise ValueError(must("sequence_length", "be at least 1", n))
        return summarise(self, n)

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
