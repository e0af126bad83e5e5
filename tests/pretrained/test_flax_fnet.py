"""Trees of f_net against the same weights in transformers, and their attention against PyTorch."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks import parity
from benchmarks.parity import Case
from spectrans import FNet, HybridTransformer
from spectrans.models import BaseModel
from spectrans.pretrained import load, to_hf

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Tree = dict[str, Any]


def dense(state: dict[str, Tensor], name: str) -> Tree:
    return {"kernel": state[f"{name}.weight"].T.numpy(), "bias": state[f"{name}.bias"].numpy()}


def norm(state: dict[str, Tensor], name: str) -> Tree:
    return {"scale": state[f"{name}.weight"].numpy(), "bias": state[f"{name}.bias"].numpy()}


def tree_of(state: dict[str, Tensor], depth: int = 3) -> Tree:
    """The weights of an FNetForPreTraining as f_net lays them out, written out by hand."""
    state = {name: value.detach() for name, value in state.items()}
    e = "fnet.embeddings"
    encoder: Tree = {
        "embedder": {
            "word": {"embedding": state[f"{e}.word_embeddings.weight"].numpy()},
            "position": {"embedding": state[f"{e}.position_embeddings.weight"][None].numpy()},
            "type": {"embedding": state[f"{e}.token_type_embeddings.weight"].numpy()},
            "layer_norm": norm(state, f"{e}.LayerNorm"),
            "hidden_mapping_in": dense(state, f"{e}.projection"),
        },
        "pooler": dense(state, "fnet.pooler.dense"),
    }
    for i in range(depth):
        above = f"fnet.encoder.layer.{i}"
        encoder[f"encoder_{i}"] = {
            "mixing_layer_norm": norm(state, f"{above}.fourier.output.LayerNorm"),
            "output_layer_norm": norm(state, f"{above}.output.LayerNorm"),
        }
        encoder[f"feed_forward_{i}"] = {
            "intermediate": dense(state, f"{above}.intermediate.dense"),
            "output": dense(state, f"{above}.output.dense"),
        }
    return {
        "encoder": encoder,
        "predictions_dense": dense(state, "cls.predictions.transform.dense"),
        "predictions_layer_norm": norm(state, "cls.predictions.transform.LayerNorm"),
        "predictions_output": {"output_bias": state["cls.predictions.bias"].numpy()},
        "classification": {
            "output_kernel": state["cls.seq_relationship.weight"].numpy(),
            "output_bias": state["cls.seq_relationship.bias"].numpy(),
        },
    }


def ours(source: Any, **settings: Any) -> BaseModel:
    model = load(source, **settings).model
    assert isinstance(model, BaseModel)
    return model


def test_a_tree_answers_as_the_same_weights_in_transformers() -> None:
    theirs = Case("FNet", "ForPreTraining").build(small=True)
    tree = tree_of(theirs.state_dict())
    ids, types = parity.rows(theirs, 20)
    expected = theirs(ids, **types)
    words = ours(tree)
    assert isinstance(words, FNet)
    torch.testing.assert_close(words(ids, **types), expected.prediction_logits, rtol=0, atol=1e-5)
    following = ours(tree, head="classification")(ids, **types)
    torch.testing.assert_close(following, expected.seq_relationship_logits, rtol=0, atol=1e-5)
    pooled = ours(tree, head="pooled")(ids, **types)
    torch.testing.assert_close(pooled, theirs.fnet(ids, **types).pooler_output, rtol=0, atol=1e-5)
    assert parity.error(to_hf(words), words, 20) < 1e-5


def test_a_tree_is_every_bit_of_the_same_weights_in_transformers() -> None:
    theirs = Case("FNet", "ForPreTraining").build(small=True)
    tree, there = ours(tree_of(theirs.state_dict())).state_dict(), ours(theirs).state_dict()
    assert tree.keys() == there.keys()
    assert [name for name, value in tree.items() if not value.equal(there[name])] == []


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: {"target": t, "state": {"step": 3}}, lambda t: {"params": t}])  # fmt: skip
def test_a_tree_is_found_in_a_checkpoint_and_in_an_archive(wrap: Any, tmp_path: Any) -> None:
    tree = tree_of(Case("FNet", "ForPreTraining").build(small=True).state_dict())
    expected = ours(tree).state_dict()
    found = ours(wrap(tree)).state_dict()
    assert all(value.equal(expected[name]) for name, value in found.items())
    flat = load(tree).report.mapped
    names = {name for theirs, _ in flat.values() for name in theirs}
    np.savez(tmp_path / "tree.npz", **{name: leaf(tree, name) for name in names})
    found = ours(tmp_path / "tree.npz").state_dict()
    assert all(value.equal(expected[name]) for name, value in found.items())


def leaf(tree: Tree, name: str) -> Any:
    for part in name.split("/"):
        tree = tree[part]
    return tree


def with_attention(tree: Tree, layers: tuple[int, ...], heads: int = 4) -> Tree:
    d = tree["encoder"]["pooler"]["bias"].shape[0]
    c = d // heads
    random = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return (0.3 * random.standard_normal(shape)).astype(np.float32)

    for i in layers:
        projections = {k: {"kernel": draw(d, heads, c), "bias": draw(heads, c)} for k in ("query", "key", "value")}  # fmt: skip
        out = {"kernel": draw(heads, c, d), "bias": draw(d)}
        tree["encoder"][f"self_attention_{i}"] = {**projections, "out": out}
    return tree


def literal_attention(weights: Tree, x: Tensor) -> Tensor:
    """Softmax attention with the kernels as Flax stores them: (d, h, c) in, (h, c, d) out."""
    w = {k: {n: torch.from_numpy(v) for n, v in part.items()} for k, part in weights.items()}
    q, k, v = (torch.einsum("bnd,dhc->bhnc", x, w[p]["kernel"]) + w[p]["bias"][:, None] for p in ("query", "key", "value"))  # fmt: skip
    weight = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
    return torch.einsum("bhnc,hcd->bnd", weight @ v, w["out"]["kernel"]) + w["out"]["bias"]


@pytest.mark.parametrize("layers", [(2,), (0, 2), (0, 1, 2)], ids=str)
def test_a_hybrid_tree_has_attention_where_it_says(layers: tuple[int, ...]) -> None:
    tree = with_attention(tree_of(Case("FNet", "ForPreTraining").build(small=True).state_dict()), layers)  # fmt: skip
    model = ours(tree, config={"mixing_dropout_rate": 0.2, "dropout_rate": 0.3})
    assert isinstance(model, HybridTransformer)
    names = ["attention" if i in layers else "fourier" for i in range(3)]
    assert [options.name for options in model.config.plan()] == names
    assert (model.config.dropout, model.config.mixing_dropout) == (0.3, 0.0)
    x = torch.randn(2, 7, 32)
    for i in layers:
        block = model.blocks[i]
        expected = literal_attention(tree["encoder"][f"self_attention_{i}"], x)
        assert isinstance(block.mixer, nn.Module)
        torch.testing.assert_close(block.mixer(x), expected, rtol=0, atol=1e-5)


def test_a_narrower_embedding_is_projected() -> None:
    tree = tree_of(Case("FNet", "ForPreTraining").build(small=True).state_dict())
    embedder = tree["encoder"]["embedder"]
    for name in ("word", "position", "type"):
        embedder[name]["embedding"] = embedder[name]["embedding"][..., :20].copy()
    embedder["layer_norm"] = {k: v[:20].copy() for k, v in embedder["layer_norm"].items()}
    embedder["hidden_mapping_in"]["kernel"] = embedder["hidden_mapping_in"]["kernel"][:20].copy()
    tree["predictions_dense"]["kernel"] = tree["predictions_dense"]["kernel"][:, :20].copy()
    tree["predictions_dense"]["bias"] = tree["predictions_dense"]["bias"][:20].copy()
    tree["predictions_layer_norm"] = {k: v[:20].copy() for k, v in tree["predictions_layer_norm"].items()}  # fmt: skip
    model = ours(tree)
    assert (model.config.embedding_dim, model.config.hidden_dim) == (20, 32)
    assert model(torch.randint(5, 60, (2, 9))).shape == (2, 9, 60)


def test_a_report_calls_the_weights_of_a_tree_by_their_names() -> None:
    report = load(tree_of(Case("FNet", "ForPreTraining").build(small=True).state_dict())).report
    assert report.kind == "f_net in Flax"
    assert report.mapped["blocks.1.ffn.up.weight"][0] == (
        "encoder/feed_forward_1/intermediate/kernel",
    )
    assert set(report.left) == {
        "encoder/pooler/kernel", "encoder/pooler/bias", "classification/output_kernel",
        "classification/output_bias",
    }  # fmt: skip
    assert any("FF_ONLY" in remark for remark in report.remarks)


def test_a_linear_tree_is_refused() -> None:
    tree = tree_of(Case("FNet", "ForPreTraining").build(small=True).state_dict())
    tree["encoder"]["linear_transform_0"] = {"hidden_kernel": np.zeros((32, 32), np.float32)}
    with pytest.raises(ValueError, match="encoder/linear_transform_0/hidden_kernel is unexpected"):
        load(tree)


def test_half_a_tree_is_refused() -> None:
    tree = tree_of(Case("FNet", "ForPreTraining").build(small=True).state_dict())
    del tree["encoder"]["feed_forward_1"]["output"]
    with pytest.raises(ValueError, match=r"must be a whole f_net in Flax model, .* are missing"):
        load(tree)
