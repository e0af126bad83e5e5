"""Weights and optimisers as one whole, whether each process holds all of them or a part."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

# The main process gets everything, the others nothing.
_GATHER = StateDictOptions(full_state_dict=True, cpu_offload=True)
_SHARE = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


def is_sharded(model: nn.Module) -> bool:
    """Say whether processes hold parts of the weights."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def here(tensor: Tensor) -> Tensor:
    """Give the part of a tensor that this process holds."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """Give all of a tensor to every process; all of them must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Give the weights of a model; of one in parts, to the main process alone."""
    if is_sharded(model):
        found: Any = get_model_state_dict(model, options=_GATHER)
        return found
    return {name: value.detach() for name, value in model.state_dict().items()}


def set_weights(model: nn.Module, values: dict[str, Tensor]) -> None:
    """Put weights into a model; into one in parts, those of the main process."""
    if is_sharded(model):
        # torch puts parts in the place of what it is given.
        given: Any = dict(values)
        set_model_state_dict(model, given, options=_SHARE)
    else:
        model.load_state_dict(values)


def optimiser(model: nn.Module, inner: Optimizer) -> Mapping[str, Any]:
    """Give the state of an optimiser; of one in parts, to the main process alone."""
    if is_sharded(model):
        return get_optimizer_state_dict(model, inner, options=_GATHER)
    return inner.state_dict()


def set_optimiser(model: nn.Module, inner: Optimizer, state: Mapping[str, Any]) -> None:
    """Put a state into an optimiser; into one in parts, that of the main process.

    Either may have given it: one in parts calls parameters by their names, a whole one by numbers.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    own = [[names[parameter] for parameter in group["params"]] for group in inner.param_groups]
    order = list(chain.from_iterable(own))
    parted = is_sharded(model)

    def called(key: int | str) -> int | str:
        name = order[key] if isinstance(key, int) else key
        return name if parted else order.index(name)

    groups = zip(state["param_groups"], own, strict=True)
    given: dict[str, Any] = {
        "state": {called(key): values for key, values in state["state"].items()},
        "param_groups": [{**group, "params": [*map(called, mine)]} for group, mine in groups],
    }
    if parted:
        set_optimizer_state_dict(model, inner, given, options=_SHARE)
    else:
        inner.load_state_dict(given)
