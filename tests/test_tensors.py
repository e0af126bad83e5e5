"""What is no batch of tokens: one sentence that names the argument, from every mixer and model."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from spectrans import HybridTransformer
from tests.cases import CASES, DIMS, GRIDS, VARIANTS, Case, ids

pytestmark = pytest.mark.usefixtures("without_shape_checks")
every_case = pytest.mark.parametrize("case", CASES + VARIANTS + GRIDS, ids=ids)
every_mixer = pytest.mark.parametrize("case", CASES, ids=ids)
SMALL: dict[str, Any] = {
    "hidden_dim": 12, "num_layers": 2, "num_heads": 3, "max_sequence_length": 8, "dropout": 0.0
}  # fmt: skip
SHAPE = r"^x must have shape \(b, n, 12\) with b, n >= 1, got \("
FLOATS = "^x must hold floating-point numbers of 16 bits or more, got torch."


def batch(case: Case, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, case.tokens(5), DIMS.hidden_dim, dtype=dtype)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(lambda x: x[:0], SHAPE + "0, ", id="no rows"),
        pytest.param(lambda x: x[:, :0], SHAPE + "2, 0, 12", id="no tokens"),
        pytest.param(lambda x: x[..., 1:], SHAPE + r"2, \d+, 11\)$", id="too narrow"),
        pytest.param(lambda x: torch.cat([x, x], 2), SHAPE + r"2, \d+, 24\)$", id="too wide"),
        pytest.param(lambda x: x[0], SHAPE + r"\d+, 12\)$", id="one row"),
        pytest.param(lambda x: x[None], SHAPE + r"1, 2, \d+, 12\)$", id="a picture"),
        pytest.param(lambda x: x.long(), FLOATS + "int64$", id="whole numbers"),
        pytest.param(lambda x: x > 0, FLOATS + "bool$", id="truth values"),
        pytest.param(lambda x: torch.complex(x, x), FLOATS + "complex64$", id="complex"),
        pytest.param(lambda x: x.to(torch.float8_e4m3fn), FLOATS + "float8", id="eight bits"),
        pytest.param(lambda x: x.to_sparse(), "^x must be a dense tensor, got torch.", id="sparse"),
        pytest.param(lambda x: x.tolist(), "^x must be a tensor, got 'list'$", id="a list"),
        pytest.param(lambda x: x.numpy(), "^x must be a tensor, got 'ndarray'$", id="an array"),
    ],
)
@every_case
def test_a_mixer_refuses_what_is_no_batch_of_tokens(
    case: Case, spoil: Callable[[Tensor], Any], sentence: str
) -> None:
    mixer = case.build(torch.float32)
    with pytest.raises((TypeError, ValueError), match=sentence):
        mixer(spoil(batch(case)))


@every_case
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_tokens_have_the_type_of_the_weights(case: Case, dtype: torch.dtype) -> None:
    mixer, x = case.build(torch.float32), batch(case, dtype)
    if not list(mixer.parameters()):
        assert mixer(x).dtype == dtype
        return
    rule = rf"^x must be torch\.float32 as the weights are, got {dtype}$"
    with pytest.raises(ValueError, match=rule):
        mixer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert bool(mixer(batch(case)).isfinite().all())
        if dtype == torch.float64:
            with pytest.raises(ValueError, match=rule):
                mixer(x)
        else:
            assert bool(mixer(x).isfinite().all())


@every_case
def test_a_mixer_on_the_meta_device_gives_the_shape_of_its_answer(case: Case) -> None:
    mixer, x = case.build(torch.float32), batch(case)
    assert mixer(x).shape == x.shape
    y = copy.deepcopy(mixer).to("meta")(x.to("meta"))
    assert (y.shape, y.dtype, y.device.type) == (x.shape, x.dtype, "meta")
    if list(mixer.parameters()):
        with pytest.raises(
            ValueError, match=r"^x must be on cpu, where the weights are, got 'meta"
        ):
            mixer(x.to("meta"))
        with pytest.raises(
            ValueError, match=r"^x must be on meta, where the weights are, got 'cpu"
        ):
            mixer.to("meta")(x)


@every_mixer
def test_a_model_on_the_meta_device_gives_the_shape_of_its_answer(case: Case) -> None:
    model = encoder(layers=[case.options] * 2).to("meta")
    ids, x = torch.zeros(2, 5, device="meta").long(), torch.randn(2, 5, 12, device="meta")
    for y in (model(ids), model(inputs_embeds=x)):
        assert (y.shape, y.device.type) == ((2, 3), "meta")
    with pytest.raises(ValueError, match=r"^input_ids must be on meta, where the weights are, got"):
        model(torch.zeros(2, 5).long())
    with pytest.raises(ValueError, match=r"^inputs_embeds must be on meta, where the weights are"):
        model(inputs_embeds=torch.randn(2, 5, 12))
    with pytest.raises(ValueError, match=r"^attention_mask must hold numbers, got one on the meta"):
        model(ids, attention_mask=torch.ones(2, 5, device="meta"))


def encoder(layers: Any = "attention,fourier", **changes: Any) -> HybridTransformer:
    return HybridTransformer(
        **{"vocab_size": 9, "num_classes": 3, **SMALL, **changes},
        alternation_pattern="custom",
        layer_types=layers,
    ).eval()


IDS, X = torch.zeros(2, 5).long(), torch.randn(2, 5, 12)


@pytest.mark.parametrize("kind", ["list", "ndarray"])
@pytest.mark.parametrize(
    "name", ["input_ids", "inputs_embeds", "attention_mask", "token_type_ids", "position_ids"]
)
def test_a_model_takes_tensors_only(name: str, kind: str) -> None:
    model = encoder(type_vocab_size=2)
    numbers = np.ones((2, 5), np.int64)
    given = {name: numbers if kind == "ndarray" else numbers.tolist()}
    ids = {} if name in ("input_ids", "inputs_embeds") else {"input_ids": IDS}
    with pytest.raises(TypeError, match=f"^{name} must be a tensor, got '{kind}'$"):
        model(**ids, **given)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_vectors_have_the_type_of_the_weights(case: Case, dtype: torch.dtype) -> None:
    model, x = encoder(layers=[case.options] * 2), X.to(dtype)
    rule = rf"^inputs_embeds must be torch\.float32 as the weights are, got {dtype}$"
    with pytest.raises(ValueError, match=rule):
        model(inputs_embeds=x)
    assert bool(model.to(dtype)(inputs_embeds=x).isfinite().all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_vectors_of_any_short_type_go_under_autocast(dtype: torch.dtype) -> None:
    model = encoder()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(inputs_embeds=X.to(dtype))
        with pytest.raises(ValueError, match=r"^inputs_embeds must be torch\.float32"):
            model(inputs_embeds=X.double())
    torch.testing.assert_close(found.float(), model(inputs_embeds=X), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", ["input_ids", "inputs_embeds", "attention_mask"])
def test_a_batch_is_where_the_weights_are(name: str) -> None:
    inputs = {"inputs_embeds": X} if name == "inputs_embeds" else {"input_ids": IDS}
    inputs = {**inputs, name: {**inputs, "attention_mask": IDS + 1}[name].to("meta")}
    with pytest.raises(ValueError, match=f"^{name} must be on cpu, where the .* got 'meta'$"):
        encoder()(**inputs)


def test_no_number_at_a_real_token_makes_its_row_no_numbers_and_no_other() -> None:
    x = X.clone()
    x[0, 1, 2] = torch.nan
    found = encoder()(inputs_embeds=x)
    assert bool(found[0].isnan().all())
    assert torch.equal(found[1], encoder_answer()[1])


def encoder_answer() -> Tensor:
    torch.manual_seed(0)
    return encoder()(inputs_embeds=X)


@pytest.mark.parametrize("kind", ["learned", "sinusoidal"])
def test_the_longest_row_is_answered_and_one_token_more_is_not_if_positions_are_learned(
    kind: Any,
) -> None:
    model = encoder(positional_encoding_type=kind)
    for n in (1, 2, 3, 7, 8):
        assert bool(model(torch.zeros(1, n).long()).isfinite().all())
    mask = torch.ones(2, 9)
    mask[1, 4:] = 0
    for given in ({}, {"attention_mask": mask}):
        if kind == "sinusoidal":
            assert bool(model(torch.zeros(2, 9).long(), **given).isfinite().all())
            continue
        rule = "^the length with learned positions must be at most max_sequence_length=8, got 9$"
        with pytest.raises(ValueError, match=rule):
            model(torch.zeros(2, 9).long(), **given)


@pytest.fixture
def plain_attention() -> Any:
    """Attention by products and a softmax: torch's CPU kernel knows no vmap."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])


@pytest.mark.usefixtures("plain_attention")
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_vmap_over_a_masked_batch_maps_over_the_tokens_and_not_over_the_mask(case: Case) -> None:
    model, x = encoder(layers=[case.options] * 2).double(), torch.randn(3, 2, 5, 12).double()
    alone = torch.stack([model(inputs_embeds=one, attention_mask=MASK) for one in x])
    mapped = torch.func.vmap(lambda one: model(inputs_embeds=one, attention_mask=MASK))(x)
    torch.testing.assert_close(mapped, alone, rtol=1e-9, atol=1e-9)
    with pytest.raises(
        ValueError, match=r"^attention_mask must be the same for all samples of tor"
    ):
        torch.func.vmap(
            lambda one, real: model(inputs_embeds=one[None], attention_mask=real[None])
        )(x[0], MASK)


@pytest.mark.usefixtures("plain_attention")
def test_vmap_over_ids_looks_at_all_of_them() -> None:
    model, some = encoder().double(), torch.arange(10).view(2, 5) % 9
    mapped = torch.func.vmap(lambda row: model(row[None])[0])(some)
    torch.testing.assert_close(mapped, model(some), rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match=r"^input_ids must lie in 0..8, got 9$"):
        torch.func.vmap(lambda row: model(row[None])[0])(some + 1)
