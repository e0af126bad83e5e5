"""What is asked about quality: which plans are trained on which tasks, with which budget."""

from typing import Any, NamedTuple

from spectrans.data import DataSpec
from spectrans.mixers import MIXERS
from spectrans.training import Comparison, RunSpec


class Group(NamedTuple):
    """Plans on one task, at one size: all that these runs share.

    `name` is what tables and folders call it, `steps` or `minutes` in the settings is the budget.
    """

    name: str
    data: DataSpec
    plans: tuple[str, ...]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    settings: dict[str, Any]

    @property
    def comparison(self) -> Comparison:
        """Say what is to be trained."""
        shared = RunSpec(plan=self.plans[0], data=self.data, **self.settings)
        return Comparison(
            plans=self.plans, seeds=self.seeds, learning_rates=self.rates, shared=shared
        )


class View(NamedTuple):
    """A question: the plans that answer it, the first being what the others are held against."""

    title: str
    plans: tuple[str, ...]


# Six layers. FNet's names for the places of attention: the last layers are its top.
TOP, BOTTOM = "4xfourier,2xattention", "2xattention,4xfourier"
MIDDLE, MIXED = "2xfourier,2xattention,2xfourier", "2xfourier,attention"
# As many features as are of use to heads of 16 channels in rows that are this short.
FEATURES = "spectral_attention(num_features=64)"
HYBRIDS = ("4xgfnet,2xattention", "4xwavelet,2xattention", "4xafno,2xattention")

VIEWS = {
    "recovery": View(
        "attention layers of six",
        ("attention", "fourier", "5xfourier,attention", TOP, "2xfourier,4xattention"),
    ),
    "place": View("place of two attention layers", ("attention", TOP, MIXED, MIDDLE, BOTTOM)),
    "mixer": View("mixer beside two attention layers", ("attention", TOP, *HYBRIDS)),
    "alone": View(
        "one mixer in all layers",
        ("attention", "fourier", "gfnet", "wavelet", "afno", FEATURES, "lst"),
    ),
}
CORE = tuple(dict.fromkeys(plan for view in VIEWS.values() for plan in view.plans))
# Every mixer in turns with attention.
EVEN = tuple(f"{mixer},attention" for mixer in VIEWS["alone"].plans if mixer != "attention")

_SIX = {"num_layers": 6, "hidden_dim": 64, "num_heads": 4}
_RATES = (1e-3, 3e-3)
# Digits are learnt at higher rates, see docs/digits.md.
_DIGIT_RATES = (2e-3, 8e-3)
_SEEDS = (0, 1, 2)


def _core(name: str, source: str, steps: int, batch_size: int, **settings: Any) -> Group:
    data = DataSpec(source=source, task=settings.pop("task", None))
    rates = settings.pop("rates", _RATES)
    budget = {"steps": steps, "batch_size": batch_size}
    return Group(name, data, CORE, rates, _SEEDS, {**_SIX, **budget, **settings})


CORES = (
    _core("listops", "listops64?train=20000&validation=1000&test=2000", 600, 32),
    # Sines of neighbouring places are much alike: with them no plan finds the token before a value.
    _core(
        "recall",
        "recall24?pairs=3&vocab=16&train=20000",
        800,
        32,
        positional_encoding_type="learned",
    ),
    _core("digits", "digits12", 900, 16, rates=_DIGIT_RATES),
    _core("text", "languages64", 250, 32, task="masked-lm"),
)


def _changed(core: str, change: str, plans: tuple[str, ...], **settings: Any) -> Group:
    """Give a group of the core with other settings, and that change in its name."""
    (group,) = (group for group in CORES if group.name == core)
    return group._replace(
        name=f"{core}, {change}", plans=plans, settings={**group.settings, **settings}
    )


# What each mixer can solve, alone and in turns with attention: to tell languages apart, for which
# counting is enough, and the two tasks of the core that some plans do solve.
SOLVED = (
    Group(
        "languages",
        DataSpec(source="languages32"),
        (*VIEWS["alone"].plans, *EVEN),
        (3e-3,),
        _SEEDS,
        {**_SIX, "steps": 1000, "batch_size": 32},
    ),
    *(_changed(core, "in turns", EVEN) for core in ("recall", "digits")),
)

# Four times the steps: with few, no plan fills in better than counting neighbours does.
LONGER = _changed(
    "text", "1,000 steps", ("attention", TOP, "4xwavelet,2xattention"), steps=1000
)._replace(rates=(3e-3,))

# Options of which one has to be the default: each mixer in all layers, one option changed.
OPTIONS = {
    "lst": ("lst", "lst(form=gated)", "lst(transform_type=hadamard)"),
    "gfnet": ("gfnet", "gfnet(resample=modes)"),
    "afno": ("afno", "afno(sparsity_threshold=0.0)", "afno(sparsity_threshold=0.1)"),
    "wavelet": ("wavelet", "wavelet(levels=5)", "wavelet(mixing_mode=channel)"),
    "wavelet beside attention": ("4xwavelet,2xattention", "4xwavelet(levels=5),2xattention"),
}
_OWN = tuple(plan for plans in OPTIONS.values() for plan in plans if plan not in CORE)
DEFAULTS = tuple(_changed(core, "options", _OWN) for core in ("digits", "listops", "text"))

# Wavelets and attention, with feed-forward networks so wide that there are as many parameters as
# with attention alone: a test counts them.
WIDE = tuple(
    _changed(group.name, "wider", ("4xwavelet,2xattention",), ffn_ratio=3.32) for group in CORES
)

# Settings of whole models of which one has to be the default.
SETTINGS = (
    *(
        _changed(core, "post-norm", ("attention", "4xgfnet,2xattention"), norm_position="post")
        for core in ("listops", "recall", "digits", "text")
    ),
    *(
        _changed(core, f"{kind} positions", ("attention",), positional_encoding_type=kind)
        for core, kinds in (
            ("listops", ("learned", "rotary")),
            ("recall", ("sinusoidal", "rotary")),
        )
        for kind in kinds
    ),
)

# Score for the same time, by length; no schedule in steps, so that slow plans do fewer of them.
BY_TIME = ("attention", "fourier", "3xgfnet,attention", "3xfourier,attention")
TIMED = tuple(
    Group(
        f"{side * side:,} pixels, equal time",
        DataSpec(source=f"digits{side}"),
        BY_TIME,
        _DIGIT_RATES,
        _SEEDS,
        {"num_layers": 4, "hidden_dim": 32, "num_heads": 4, "minutes": 1.0, "batch_size": 8},
    )
    for side in (16, 32, 64)
)

FNET = ("attention", "fourier", "2xfourier,2xattention", "wavelet,attention")
# Sizes, peak rates, warm-up, dropout and weight decay are those of the Long Range Arena's
# configurations. What a run has no setting for differs: on ListOps the rate falls along a cosine,
# where theirs falls with the root of the step, and all tokens are averaged, where theirs reads the
# first; on Pathfinder queries, keys and values have 32 channels, where theirs have 16.
LISTOPS = {
    "num_layers": 4, "hidden_dim": 512, "num_heads": 8, "ffn_ratio": 2.0,
    "batch_size": 32, "steps": 5000, "warmup_ratio": 0.2, "dropout": 0.1, "weight_decay": 0.1,
}  # fmt: skip
PATHFINDER = {
    "num_layers": 4, "hidden_dim": 32, "num_heads": 4, "ffn_ratio": 1.0,
    "batch_size": 512, "steps": 62_400, "warmup_ratio": 0.005, "dropout": 0.2, "weight_decay": 0.0,
}  # fmt: skip
FEW_ROWS = "train=300&validation=100&test=200"
_TINY = {"num_layers": 2, "hidden_dim": 32, "batch_size": 16}

# Every mixer alone and in turns with attention, on what each can learn: to tell languages apart.
LEARNABLE = (
    *sorted(MIXERS),
    *(f"{mixer},attention" for mixer in sorted(MIXERS) if mixer != "attention"),
)

PRESETS: dict[str, tuple[Group, ...]] = {
    "smoke": (
        *(
            Group(
                name,
                DataSpec(source=f"{task}{FEW_ROWS}"),
                ("attention", "gfnet,attention"),
                (4e-3,),
                (0,),
                {**_TINY, "steps": 20},
            )
            for name, task in (("listops", "listops32?"), ("recall", "recall24?pairs=3&vocab=16&"))
        ),
        Group(
            "languages",
            DataSpec(source="languages32"),
            LEARNABLE,
            (4e-3,),
            (0,),
            {**_TINY, "steps": 150, "batch_size": 32},
        ),
    ),
    # Two hours of two cores, and another one for what to have as a default.
    "cpu": (*CORES, *WIDE, *SETTINGS, *TIMED),
    "defaults": (*SOLVED, LONGER, *DEFAULTS),
    "lra": (
        Group("listops", DataSpec(source="listops2000"), FNET, (1.6e-3,), _SEEDS, LISTOPS),
        Group("pathfinder", DataSpec(source="pathfinder32"), FNET, (1e-3,), _SEEDS, PATHFINDER),
    ),
}
