"""Who attends to whom: the weights of attention layers."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from spectrans.errors import must
from spectrans.mixers.attention import AttentionMixer
from spectrans.models import BaseModel
from spectrans.packing import Rows


class Recorder:
    """Keeps the weights of a model's attention mixers while `recording()`.

    Parameters
    ----------
    model
        Any of our models.

    Raises
    ------
    ValueError
        No layer of the plan has attention weights, or layers would be computed twice.
    """

    def __init__(self, model: BaseModel) -> None:
        self._mixers = [
            block.mixer for block in model.blocks if isinstance(block.mixer, AttentionMixer)
        ]
        if not self._mixers:
            names = ", ".join(dict.fromkeys(options.name for options in model.config.plan()))
            rule = f"be False: no mixer of the plan ({names}) has attention weights"
            raise ValueError(must("output_attentions", rule, True))
        if model.training and any(model.recompute):
            rule = "be False in training with gradient checkpointing"
            raise ValueError(must("output_attentions", rule, True))
        self._weights: dict[nn.Module, list[Tensor]] = {mixer: [] for mixer in self._mixers}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Have the mixers show their weights for the length of a forward pass."""
        hooks = [mixer.register_forward_hook(self._keep) for mixer in self._mixers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _keep(self, mixer: AttentionMixer, arguments: tuple[Tensor], result: Tensor) -> Tensor:
        # The result in place of the one from the fused kernel: gradients reach the weights.
        result, weights = mixer.with_weights(*arguments)
        self._weights[mixer].append(weights)
        return result

    def attentions(self, hidden: Tensor, rows: Rows | None) -> tuple[Tensor, ...]:
        """Give the weights of every attention layer, in order.

        Parameters
        ----------
        hidden
            What the pass gave, packed as the mixers saw it.
        rows
            How it was packed.

        Returns
        -------
        tuple of Tensor
            `(b, h, n, n)`: every row of a matrix sums to one; rows and columns of padding are zero.
        """
        if rows is None:
            return tuple(self._weights[mixer][0] for mixer in self._mixers)
        return tuple(
            rows.unpack_pairs(self._weights[mixer], hidden, mixer.heads.num_heads)
            for mixer in self._mixers
        )
