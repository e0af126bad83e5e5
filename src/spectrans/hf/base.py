"""What all models for transformers share: one of our models inside, how it is built and run."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from spectrans.config import HybridModelConfig, OutputHeadType
from spectrans.errors import must, unknown
from spectrans.heads import TiedLMHead, TokenHead
from spectrans.hf import loading
from spectrans.hf.attentions import Recorder
from spectrans.hf.config import SpectransConfig
from spectrans.hf.hub import OnHub
from spectrans.hf.refused import Refused
from spectrans.initialisation import init_linear
from spectrans.models import HybridTransformer
from spectrans.packing import Rows
from spectrans.tensors import check_tensor


class Run(NamedTuple):
    """What one pass through a model gave.

    Parameters
    ----------
    hidden
        Behind the last block and norm, packed if the batch had padding.
    rows
        How it was packed.
    states
        What the first block saw and what each block gave, the last one normed; None if not asked.
    attentions
        Weights of every attention layer; None if not asked.
    """

    hidden: Tensor
    rows: Rows | None
    states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


_LOG = logging.getLogger(__name__)


class SpectransPreTrainedModel(OnHub, PreTrainedModel):
    """One of our models, as `model`, with the manners of transformers.

    The names of its weights are those in a folder of `spectrans.save_pretrained` behind `model.`.
    A subclass says which head the model has.

    Parameters
    ----------
    config
        What to build.
    **foreign
        What transformers found no use for; refused.

    Raises
    ------
    ValueError
        A bad config, or a setting that does not exist.
    """

    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    # The losses take the number of labels that Trainer counts. Without it gradients would be
    # multiplied by the number of processes.
    accepts_loss_kwargs = True
    _input_embed_layer = "embedding"
    _no_split_modules = ["HybridBlock"]  # noqa: RUF012 - transformers wants a list
    _supports_sdpa = True
    # Sharding the tokens of a row would cut every transform apart. A model without a list of layer
    # types is taken to be able to.
    _supports_context_parallel = False

    head: ClassVar[OutputHeadType] = "none"
    loss: ClassVar[Callable[..., Tensor] | None] = None

    generate = Refused("is an encoder and cannot generate text; SpectransForMaskedLM fills masks")

    def __init__(self, config: SpectransConfig, **foreign: Any) -> None:
        for name in foreign:
            known = [field for field in vars(config) if not field.startswith("_")]
            raise ValueError(unknown("SpectransConfig option", name, known))
        super().__init__(config)
        # Else transformers would guess a loss from the name of the class.
        self.loss_type = None  # type: ignore[assignment]
        if type(self).loss is not None:
            self.loss_function = type(self).loss
        self.gradient_checkpointing = False
        self.model = self._build()
        if config.vocab_size is None:
            self.main_input_name = "inputs_embeds"
        # What a constructor on a real device built is ready; on the meta device it is yet to come.
        for _, tensor in _tensors(self.model):
            tensor._is_hf_initialized = not tensor.is_meta  # type: ignore[attr-defined]
        self.post_init()

    def _inner_config(self) -> HybridModelConfig:
        return self.config.to_spectrans(self.head, self._num_outputs())

    def _num_outputs(self) -> int | None:
        """Give the outputs of the head, for heads that have a number of them."""
        return None

    def _build(self) -> HybridTransformer:
        """Build our model, in float32 or wider whatever the type of the result."""
        wanted = torch.get_default_dtype()
        torch.set_default_dtype(torch.promote_types(wanted, torch.float32))
        try:
            model = HybridTransformer.from_config(self._inner_config())
        finally:
            torch.set_default_dtype(wanted)
        return model.to(wanted)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: Any,
        *model_args: Any,
        output_loading_info: bool = False,
        ignore_mismatched_sizes: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Load a folder or a model on the hub, whole or not at all.

        Parameters
        ----------
        pretrained_model_name_or_path
            Folder, or name on the hub.
        *model_args
            Handed on.
        output_loading_info
            Give a record of what was loaded too.
        ignore_mismatched_sizes
            Start anew with weights whose shape is not that of the folder, instead of refusing it.
        **kwargs
            Those of `PreTrainedModel.from_pretrained`: `dtype`, `device_map`, settings to change.

        Returns
        -------
        SpectransPreTrainedModel
            In evaluation mode. From a folder of a class with another head it has a head with new
            weights, and says so.
        """
        source = pretrained_model_name_or_path
        loading.refuse_outside(source, kwargs.get("subfolder", ""))
        saved = loading.saved_from(source, kwargs)
        new_head = saved is not None and not {c.__name__ for c in cls.__mro__} & set(saved)
        kwargs.setdefault("use_safetensors", True)
        loading.refuse_changed(source, kwargs.get("subfolder", ""))
        with loading.safetensors_in_words(source):
            loaded: Any = super().from_pretrained(
                source,
                *model_args,
                output_loading_info=True,
                ignore_mismatched_sizes=ignore_mismatched_sizes or new_head,
                **kwargs,
            )
        model, info = loaded
        loading.refuse_gaps(
            source, cls.__name__, info, new_head=new_head, any_size=ignore_mismatched_sizes
        )
        loading.refuse_parted(model.model)
        if new_head:
            model._start_head()
            _LOG.warning(
                "%s starts with a new head: %s was saved from %s", cls.__name__, source, saved
            )
        return (model, info) if output_loading_info else model

    @torch.no_grad()
    def _start_head(self) -> None:
        """Give the head new weights, but for the pooler, which all heads of rows share.

        Heads of two tasks may have the same names and shapes, and mean different things.
        """
        fresh = dict(_tensors(self._build()))
        for name, tensor in _tensors(self.model):
            if name.startswith("output_head.") and not name.startswith("output_head.pooler."):
                if tensor.is_meta:
                    raise ValueError("a new head must not be offloaded: change device_map")
                tensor.copy_(fresh[name])

    @torch.no_grad()
    def initialize_weights(self) -> None:
        """Give weights that no file gave the values that a new model starts with."""
        blank = [
            (name, tensor)
            for name, tensor in _tensors(self.model)
            if not getattr(tensor, "_is_hf_initialized", False)
        ]
        if blank:
            with torch.device("cpu"):
                fresh = dict(_tensors(self._build()))
            for name, tensor in blank:
                if name in fresh:  # adapters bring weights of their own
                    tensor.copy_(fresh[name])
                    tensor._is_hf_initialized = True  # type: ignore[attr-defined]
        super().initialize_weights()

    def _init_weights(self, module: nn.Module) -> None:
        """Fill a module that is no part of our models: a larger table, or an adapter."""
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)
        elif isinstance(module, nn.Linear):
            init_linear(module)
        else:
            super()._init_weights(module)

    def get_output_embeddings(self) -> nn.Module | None:
        """Give the layer that scores a vocabulary, if it has weights of its own."""
        head = self.model.output_head
        return head.linear if self.head == "lm" and isinstance(head, TokenHead) else None

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replace the layer that scores a vocabulary."""
        head = self.model.output_head
        assert isinstance(head, TokenHead), "there is no other such layer"
        head.linear = new_embeddings

    def resize_token_embeddings(self, *arguments: Any, **settings: Any) -> nn.Embedding:
        """Grow or cut the vocabulary, see `PreTrainedModel.resize_token_embeddings`."""
        embedding = super().resize_token_embeddings(*arguments, **settings)
        self.model.config = self._inner_config()
        head = self.model.output_head
        if isinstance(head, TiedLMHead):
            bias = head.bias.data[: embedding.num_embeddings]
            head.bias.data = nn.functional.pad(bias, (0, embedding.num_embeddings - len(bias)))
        return embedding

    def _set_gradient_checkpointing(
        self,
        enable: bool = True,
        gradient_checkpointing_func: Callable[..., Tensor] = checkpoint,
        every_n_layers: int = 1,
    ) -> None:
        """Have every n-th block computed again in the backward pass, or none."""
        self.gradient_checkpointing = enable
        self.model.recompute = tuple(
            gradient_checkpointing_func if enable and number % every_n_layers == 0 else None
            for number in range(self.config.num_layers)
        )

    def _attention(self) -> AbstractContextManager[object]:
        """Open a region where attention is computed as asked: "eager" is step by step."""
        if self.config._attn_implementation == "eager":
            return sdpa_kernel(SDPBackend.MATH)
        return nullcontext()

    def _types(self, token_type_ids: Tensor | None) -> Tensor | None:
        """Give the token types; tokenizers make zeros for models that have no types, too."""
        if token_type_ids is None or self.config.type_vocab_size is not None:
            return token_type_ids
        check_tensor("token_type_ids", token_type_ids)
        if token_type_ids.any():
            rule = "be 0 for a model without type_vocab_size"
            raise ValueError(must("token_type_ids", rule, int(token_type_ids.amax())))
        return None

    def _run(
        self,
        inputs: dict[str, Tensor | None],
        output_attentions: bool | None,
        output_hidden_states: bool | None,
    ) -> Run:
        """Encode a batch, and keep what was asked for on the way."""
        if output_attentions is None:
            output_attentions = self.config.output_attentions
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        recorder = Recorder(self.model) if output_attentions else None
        states: list[Tensor] | None = [] if output_hidden_states else None
        inputs = {**inputs, "token_type_ids": self._types(inputs["token_type_ids"])}
        with self._attention(), nullcontext() if recorder is None else recorder.recording():
            hidden, rows = self.model.encode(**inputs, states=states)
        kept = None if states is None else (*states[:-1], hidden)
        if kept is not None and rows is not None:
            kept = tuple(rows.unpack(state) for state in kept)
        return Run(
            hidden, rows, kept, None if recorder is None else recorder.attentions(hidden, rows)
        )


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()
