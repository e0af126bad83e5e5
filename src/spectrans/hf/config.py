"""The config of models in transformers: the fields of `HybridModelConfig`, and the usual ones."""

import dataclasses
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedConfig

from spectrans.config import HybridModelConfig, ModelConfig, OutputHeadType
from spectrans.config.head import SETTINGS, USED
from spectrans.errors import must, unknown
from spectrans.io import OURS

MODEL_TYPE = "spectrans"

# Our name of a field, and the one it has here. In transformers `layer_types` is a list of names
# from a closed set, and anything else in it is renamed or refused.
RENAMED = {"layer_types": "mixers", "tie_embeddings": "tie_word_embeddings"}
# What the model class and the labels say.
_DERIVED = ("output_type", "num_classes")
_FIELDS = {
    name: RENAMED.get(name, name) for name in HybridModelConfig.model_fields if name not in _DERIVED
}
# What transformers itself stores in a config file, sets on a config or takes out of its arguments.
_STANDARD = {
    "_name_or_path",
    "attn_implementation",
    "auto_map",
    "custom_pipelines",
    "experts_implementation",
    "model_type",
    "name_or_path",
    "num_labels",
    "output_attentions",
    "quantization_config",
    "tokenizer_class",
    "torch_dtype",
    "transformers_weights",
}

# As real fields: transformers writes, compares and prints the fields of a config.
_Fields: Any = dataclasses.make_dataclass(
    "_Fields",
    [
        (here, Any, dataclasses.field(default=HybridModelConfig.model_fields[name].default))
        for name, here in _FIELDS.items()
    ],
    bases=(PreTrainedConfig,),
    repr=False,
    kw_only=True,
)


class SpectransConfig(_Fields):  # type: ignore[misc]
    """Settings of a model in transformers: those of `HybridModelConfig`, and the usual ones.

    Four names differ: `mixers` is `layer_types`, and needs no `alternation_pattern="custom"` beside
    it; `tie_word_embeddings` is `tie_embeddings`; `num_labels` is `num_classes`; `output_type` is
    the model class. Names that other configs use (`hidden_size`, `num_hidden_layers` ...) work too.
    A name that is unknown, here or in a config file, is refused.

    Parameters
    ----------
    pad_token_id
        Id that tokenizers pad with. The model goes by `attention_mask` alone.
    bos_token_id
        Id of the first token of a text, if the tokenizer has one.
    eos_token_id
        Id of the last one.
    cls_token_id
        Id of the token whose state stands for the text.
    sep_token_id
        Id between two texts.
    mask_token_id
        Id of a token to be guessed.

    Examples
    --------
    >>> config = SpectransConfig(vocab_size=100, hidden_size=32, mixers="3xfourier,attention")
    >>> config.hidden_dim, config.num_hidden_layers
    (32, 12)
    """

    # The constructor that transformers makes takes more than its signature says.
    __no_type_check__ = True

    model_type = MODEL_TYPE
    attribute_map = {  # noqa: RUF012 - transformers wants a plain class attribute
        "hidden_size": "hidden_dim",
        "num_hidden_layers": "num_layers",
        "num_attention_heads": "num_heads",
        "intermediate_size": "ffn_hidden_dim",
        "max_position_embeddings": "sequence_length",
        "max_sequence_length": "sequence_length",
        "hidden_dropout_prob": "dropout",
        "layer_norm_eps": "norm_eps",
    }

    if TYPE_CHECKING:
        mixers: Any
        alternation_pattern: str

    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    cls_token_id: int | None = None
    sep_token_id: int | None = None
    mask_token_id: int | None = None

    def __post_init__(self, **rest: Any) -> None:
        """Refuse unknown names and bad values."""
        self._refuse_foreign(rest)
        super().__post_init__(**rest)
        if self.mixers is not None and self.alternation_pattern == _default("alternation_pattern"):
            self.alternation_pattern = "custom"
        # Options values become data, as in a config file.
        self.mixers = self.check().to_dict()["layer_types"]

    def _refuse_foreign(self, rest: dict[str, Any]) -> None:
        if "model_class" in rest:
            way = "load it with spectrans.from_pretrained and pass the model to spectrans.hf.wrap"
            raise ValueError(f"this is the config of a model that spectrans itself saved: {way}")
        aliases = self.attribute_map.keys()
        for name, value in rest.items():
            if name in aliases:
                field = self.attribute_map[name]
                if getattr(self, field) not in (_default(field), value):
                    raise ValueError(must(name, f"be left out when {field} is given", value))
            elif name not in _STANDARD:
                raise ValueError(unknown("SpectransConfig option", name, self._names()))

    @classmethod
    def _names(cls) -> set[str]:
        """Give what may be set."""
        return {field.name for field in dataclasses.fields(cls)} | {"num_labels"}

    def to_dict(self) -> dict[str, Any]:
        """Give the config as plain data, without what others, such as `Trainer`, noted on it."""
        known = self._names() | _STANDARD
        return {name: value for name, value in super().to_dict().items() if name in known}

    def check(self) -> HybridModelConfig:
        """Refuse settings that no model of ours could have, and give those of a classifier."""
        inner = self.to_spectrans("classification", self.num_labels)
        size = inner.vocab_size
        for name, value in vars(self).items():
            if size is None or value is None or not name.endswith("_token_id"):
                continue
            if not 0 <= value < size:
                raise ValueError(must(name, f"lie in 0..{size - 1}", value))
        return inner

    def to_spectrans(
        self, output_type: OutputHeadType, num_classes: int | None = None
    ) -> HybridModelConfig:
        """Give the config of our model with one head, without the settings of other heads.

        Parameters
        ----------
        output_type
            Which head.
        num_classes
            Outputs of the head, for heads that have a number of them.

        Returns
        -------
        HybridModelConfig
            Checked.
        """
        unused = set(SETTINGS) - set(USED[output_type])
        values = {name: getattr(self, here) for name, here in _FIELDS.items() if name not in unused}
        return HybridModelConfig(**values, output_type=output_type, num_classes=num_classes)

    @classmethod
    def from_spectrans(cls, config: ModelConfig, **others: Any) -> "SpectransConfig":
        """Give the config for transformers of any of our models.

        Parameters
        ----------
        config
            A config of any of our model classes; a plan that is not hybrid is written out.
        **others
            Settings that only transformers has, such as `id2label`.

        Returns
        -------
        SpectransConfig
            The same model.
        """
        values = {
            here: getattr(config, name)
            for name, here in _FIELDS.items()
            if name in type(config).model_fields
        }
        if not isinstance(config, HybridModelConfig):
            values["mixers"] = [options.to_dict() for options in config.layers()]
        if config.num_classes is not None and "id2label" not in others:
            values["num_labels"] = config.num_classes
        return cls(**values, **others)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Make a config from plain data and changes to it, see `PreTrainedConfig.from_dict`.

        Parameters
        ----------
        config_dict
            What a config file holds.
        **kwargs
            Settings to change; with `return_unused_kwargs=True` unknown ones are given back.

        Returns
        -------
        SpectransConfig
            With the unknown settings, if they were asked for.

        Raises
        ------
        ValueError
            A setting that is unknown or bad.
        """
        return_unused = kwargs.pop("return_unused_kwargs", False)
        # What spectrans itself reads in a folder that both can load.
        config_dict = {name: value for name, value in config_dict.items() if name != OURS}
        config, unused = super().from_dict(config_dict, return_unused_kwargs=True, **kwargs)
        config.check()
        if return_unused:
            return config, unused
        if unused:
            raise ValueError(unknown("SpectransConfig option", next(iter(unused)), cls._names()))
        return config


def _default(field: str) -> Any:
    return {f.name: f.default for f in dataclasses.fields(SpectransConfig)}[field]
