"""The models for transformers, one class per task."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from transformers.modeling_outputs import (
    BaseModelOutputWithPooling,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.utils.generic import ModelOutput, can_return_tuple

from spectrans.config import HybridModelConfig
from spectrans.errors import must
from spectrans.hf.base import SpectransPreTrainedModel
from spectrans.hf.losses import row_loss, span_loss, token_loss
from spectrans.tensors import check_tensor

Inputs = dict[str, Tensor | None]


class SpectransModel(SpectransPreTrainedModel):
    """The encoder: hidden states, and one vector per row where the config has a `pooler`."""

    auto_class = "AutoModel"
    pipeline_tag = "feature-extraction"

    def _inner_config(self) -> HybridModelConfig:
        return self.config.to_spectrans("none" if self.config.pooler is None else "pooled")

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> BaseModelOutputWithPooling:
        """Encode a batch.

        Parameters
        ----------
        input_ids
            Token ids; give these or `inputs_embeds`.
        attention_mask
            1 at real tokens; padding in any place changes no real token.
        token_type_ids
            What kind each token is of; None is 0 everywhere.
        position_ids
            Where each token is; None counts the real tokens of each row.
        inputs_embeds
            Token vectors, in the place of embedded ids.
        output_attentions
            Whether the weights of the attention layers are given; None is as the config says.
        output_hidden_states
            Whether the states between blocks are given; None is as the config says.

        Returns
        -------
        BaseModelOutputWithPooling
            Hidden states, zeros at padding, and the pooled row of a model with a pooler.
        """
        inputs: Inputs = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": token_type_ids,
            "position_ids": position_ids,
            "inputs_embeds": inputs_embeds,
        }
        run = self._run(inputs, output_attentions, output_hidden_states)
        pooled = None if self.config.pooler is None else self.model.answer(run.hidden, run.rows)
        return BaseModelOutputWithPooling(
            last_hidden_state=run.hidden if run.rows is None else run.rows.unpack(run.hidden),
            pooler_output=pooled,
            hidden_states=run.states,
            attentions=run.attentions,
        )


class _Labelled(SpectransPreTrainedModel):
    """A model whose answer is `logits`, and whose loss compares them with `labels`."""

    output: ClassVar[type[ModelOutput]]

    def _flat(self, inputs: Inputs) -> Inputs:
        """Give the inputs as rows of tokens."""
        return inputs

    def _shaped(self, logits: Tensor, inputs: Inputs) -> Tensor:
        """Give the logits in the shape of the task."""
        return logits

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> ModelOutput:
        """Answer a batch.

        Parameters
        ----------
        input_ids
            Token ids; give these or `inputs_embeds`.
        attention_mask
            1 at real tokens; padding in any place changes no real token.
        token_type_ids
            What kind each token is of; None is 0 everywhere.
        position_ids
            Where each token is; None counts the real tokens of each row.
        inputs_embeds
            Token vectors, in the place of embedded ids.
        labels
            What should be answered; -100 is no label. With them there is a loss.
        output_attentions
            Whether the weights of the attention layers are given; None is as the config says.
        output_hidden_states
            Whether the states between blocks are given; None is as the config says.
        num_items_in_batch
            What the sum of the losses is divided by; None is the number of labels here, see
            `spectrans.hf.losses`.

        Returns
        -------
        ModelOutput
            `logits`, and `loss`, `hidden_states` and `attentions` where they are asked for.
        """
        inputs: Inputs = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": token_type_ids,
            "position_ids": position_ids,
            "inputs_embeds": inputs_embeds,
        }
        run = self._run(self._flat(inputs), output_attentions, output_hidden_states)
        logits = self._shaped(self.model.answer(run.hidden, run.rows), inputs)
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits,
                labels=labels,
                config=self.config,
                num_items_in_batch=num_items_in_batch,
            )
        return self.output(
            loss=loss, logits=logits, hidden_states=run.states, attentions=run.attentions
        )


class SpectransForMaskedLM(_Labelled):
    """Scores of the vocabulary for every token; `labels` are ids, -100 where none is asked for."""

    auto_class = "AutoModelForMaskedLM"
    pipeline_tag = "fill-mask"
    head = "lm"
    loss: ClassVar[Callable[..., Tensor] | None] = staticmethod(token_loss)
    output = MaskedLMOutput


class SpectransForSequenceClassification(_Labelled):
    """One class per row, several at once, or numbers, as the config's `problem_type` says."""

    auto_class = "AutoModelForSequenceClassification"
    pipeline_tag = "text-classification"
    head = "classification"
    loss: ClassVar[Callable[..., Tensor] | None] = staticmethod(row_loss)
    output = SequenceClassifierOutput

    def _num_outputs(self) -> int | None:
        return self.config.num_labels


class SpectransForTokenClassification(_Labelled):
    """One class per token; `labels` are `(b, n)`, -100 where none is asked for."""

    auto_class = "AutoModelForTokenClassification"
    pipeline_tag = "token-classification"
    head = "sequence"
    loss: ClassVar[Callable[..., Tensor] | None] = staticmethod(token_loss)
    output = TokenClassifierOutput

    def _num_outputs(self) -> int | None:
        return self.config.num_labels


class SpectransForMultipleChoice(_Labelled):
    """One of several texts: inputs are `(b, choices, n)`, logits `(b, choices)`."""

    auto_class = "AutoModelForMultipleChoice"
    pipeline_tag = "multiple-choice"
    head = "classification"
    loss: ClassVar[Callable[..., Tensor] | None] = staticmethod(token_loss)
    output = MultipleChoiceModelOutput

    def _num_outputs(self) -> int | None:
        return 1

    def _flat(self, inputs: Inputs) -> Inputs:
        given = {name: x for name, x in inputs.items() if x is not None}
        for name, x in given.items():
            check_tensor(name, x)
            if x.dim() < 3:
                raise ValueError(must(name, "have shape (b, choices, n, ...)", tuple(x.shape)))
        return {**inputs, **{name: x.flatten(0, 1) for name, x in given.items()}}

    def _shaped(self, logits: Tensor, inputs: Inputs) -> Tensor:
        given = next(x for x in (inputs["input_ids"], inputs["inputs_embeds"]) if x is not None)
        return logits.view(given.shape[:2])


class SpectransForQuestionAnswering(SpectransPreTrainedModel):
    """Where in a row the answer starts and ends; scores are lowest at padding."""

    auto_class = "AutoModelForQuestionAnswering"
    pipeline_tag = "question-answering"
    head = "sequence"
    loss: ClassVar[Callable[..., Tensor] | None] = staticmethod(span_loss)

    def _num_outputs(self) -> int | None:
        return 2

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> QuestionAnsweringModelOutput:
        """Answer a batch.

        Parameters
        ----------
        input_ids
            Token ids; give these or `inputs_embeds`.
        attention_mask
            1 at real tokens; padding in any place changes no real token.
        token_type_ids
            What kind each token is of; None is 0 everywhere.
        position_ids
            Where each token is; None counts the real tokens of each row.
        inputs_embeds
            Token vectors, in the place of embedded ids.
        start_positions
            First token of each answer; with `end_positions` there is a loss.
        end_positions
            Last token of each answer.
        output_attentions
            Whether the weights of the attention layers are given; None is as the config says.
        output_hidden_states
            Whether the states between blocks are given; None is as the config says.

        Returns
        -------
        QuestionAnsweringModelOutput
            Scores of every token as the start and as the end, the lowest there are at padding.
        """
        inputs: Inputs = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": token_type_ids,
            "position_ids": position_ids,
            "inputs_embeds": inputs_embeds,
        }
        run = self._run(inputs, output_attentions, output_hidden_states)
        logits = self.model.answer(run.hidden, run.rows)
        if attention_mask is not None:
            # Zeros, as padded tokens have elsewhere, could win, and would count in the softmax.
            lowest = torch.finfo(logits.dtype).min
            logits = logits.masked_fill((attention_mask == 0)[..., None], lowest)
        start, end = (part.contiguous() for part in logits.unbind(-1))
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = self.loss_function(start, end, start_positions, end_positions)
        return QuestionAnsweringModelOutput(
            loss=loss,
            start_logits=start,
            end_logits=end,
            hidden_states=run.states,
            attentions=run.attentions,
        )
