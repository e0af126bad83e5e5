"""Sizes that nobody can mean: refused before anything is allocated, with what it would take."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from spectrans import HybridTransformer, from_pretrained
from spectrans.config.models import HybridModelConfig
from spectrans.models.paper import numbers
from spectrans.training import RunSpec
from tests.cli.command import spectrans
from tests.faults.bounds import peak, seconds

ABSURD: dict[str, dict[str, Any]] = {
    "wide": {"hidden_dim": 2**30},
    "wide enough to overflow": {"hidden_dim": 2**31 - 8, "ffn_hidden_dim": 2**31 - 1},
    "deep and wide": {"num_layers": 10_000, "hidden_dim": 2**14},
    # Of a width whose blocks alone fit.
    "many words": {"vocab_size": 2**31 - 1, "hidden_dim": 2**10, "num_layers": 1},
    "many types": {"type_vocab_size": 2**31 - 1, "hidden_dim": 2**10, "num_layers": 1},
    "many classes": {"num_classes": 2**31 - 1, "hidden_dim": 2**10, "num_layers": 1},
    "long filters": {"spectral_type": "gfnet", "max_sequence_length": 2**31 - 1},
    "long positions": {"positional_encoding_type": "learned", "max_sequence_length": 2**31 - 1},
    "many features": {
        "spatial_type": "spectral_attention", "spatial_config": {"num_features": 2**31},
    },
    "wide networks": {"spectral_type": "afno", "spectral_config": {"mlp_ratio": 1e9}},
}  # fmt: skip


@pytest.mark.parametrize("settings", ABSURD.values(), ids=ABSURD)
def test_a_model_beyond_the_memory_is_refused_with_what_it_would_take(
    settings: dict[str, Any],
) -> None:
    sentence = r"the model must fit into the memory of this machine, \d+ GiB: its [\d,]+ weights alone take [\d,]+ GiB; lower hidden_dim, num_layers or what else is large"
    before = peak()

    def refuse() -> None:
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            HybridTransformer(**settings)

    # What takes long once is a library that is loaded.
    assert min(seconds(refuse)[1], seconds(refuse)[1]) < 1
    assert peak() - before < 500


@pytest.mark.parametrize(
    "plan", ["fourier", "wavelet", "afno", "gfnet", "attention", "spectral_attention", "lst,gfnet"]
)
def test_what_is_counted_on_paper_is_nearly_what_a_model_holds(plan: str) -> None:
    before = torch.get_rng_state()
    settings: dict[str, Any] = {"vocab_size": 50, "hidden_dim": 24, "num_layers": 4, "num_heads": 4}
    custom: dict[str, Any] = {"alternation_pattern": "custom", "layer_types": plan}
    count = numbers(HybridModelConfig(**settings, **custom))
    assert torch.equal(torch.get_rng_state(), before)
    model = HybridTransformer(**settings, **custom)
    held = sum(t.numel() for t in (*model.parameters(), *model.buffers()))
    # All but the last norm.
    assert count == held - 2 * 24


def test_a_large_model_is_built_as_on_any_other_day() -> None:
    assert HybridTransformer(vocab_size=2**17, hidden_dim=4, num_layers=1, num_heads=1).embedding


@pytest.mark.parametrize(
    "lie", [{"hidden_dim": 2**14, "ffn_hidden_dim": 2**14}, {"num_classes": 2**30}, {"num_layers": 9999}]
)  # fmt: skip
def test_a_config_that_is_larger_than_its_weights_is_refused_before_it_is_built(
    lie: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HybridTransformer(hidden_dim=64, num_layers=1, num_heads=1, num_classes=2).save_pretrained(
        tmp_path
    )
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **lie}))
    # Were it to be built, it would be seen.
    monkeypatch.setattr(HybridTransformer, "from_config", None)
    with pytest.raises(ValueError, match=r"the model must be the one that was saved, got one "):
        from_pretrained(tmp_path)


def test_a_config_of_very_many_names_is_refused_soon() -> None:
    names = {f"name{number}": number for number in range(45_000)}

    def read() -> None:
        with pytest.raises(ValueError, match="unknown HybridModelConfig option 'name0'"):
            HybridModelConfig.from_json(json.dumps(names))

    _, spent = seconds(read)
    assert spent < 5.0


@pytest.mark.parametrize("settings", [{"num_layers": 10**12}, {"hidden_dim": 2**40}])
def test_a_run_has_the_limits_of_a_model(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be less than"):
        RunSpec(**settings)


def test_the_command_line_says_so_too(tmp_path: Path) -> None:
    sizes = ("--hidden-dim", str(2**20), "--heads", "1")
    found = spectrans("train", "--data", "digits", *sizes, "-o", "run", folder=tmp_path)
    assert (found.code, found.out) == (2, "")
    assert "spectrans: the model must fit into the memory of this machine" in found.err
    assert list(tmp_path.iterdir()) == []
