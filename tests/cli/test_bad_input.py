"""What the command line refuses: exit code 2 and one sentence on standard error."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, inside, spectrans, write_table


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


SHARED = [
    (["--data", "digts"], "unknown data set 'digts'; did you mean 'digits'?"),
    (["--data", "none.csv"], "source must name an existing file, got 'none.csv'"),
    (["--text", "t"], "text must be left out for 'digits', which is no file, got 't'"),
    (["--label", "l"], "label must be left out for 'digits', which is no file, got ('l',)"),
    (["--tokenizer", "bpe"], "tokenizer must be left out for 'digits', whose rows are no texts"),
    (["--vocab-size", "9"], "vocab_size must be greater than or equal to 300, got 9"),
    (["--dedup"], "dedup must be left out for 'digits', which is no file, got True"),
    (["--data-seed", "4294967296"], "seed must be less than 4294967296, got 4294967296"),
    (["--max-length", "9"], "max_length must be at least 144, the length of 'digits12', got 9"),
    (["--plan", "fuorier"], "plan 'fuorier': unknown mixer 'fuorier'; did you mean 'fourier'?"),
    (["--plan", "a b"], "plan 'a b': layer_types must be mixer names with optional counts"),
    (["--plan", "9xlst"], "plan '9xlst': layer_types must fit in num_layers=4"),
    (
        ["--plan", "lst(forms=gated)"],
        "plan 'lst(forms=gated)': lst: unknown LST option 'forms'; did",
    ),
    (
        ["--plan", "lst(form=x)"],
        "plan 'lst(form=x)': lst: form must be 'gated' or 'product', got 'x'",
    ),
    (["--plan", "lst(form=gated"], "plan 'lst(form=gated': layer_types must close the parenthesis"),
    (["--layers", "0"], "num_layers must be greater than 0, got 0"),
    (["--hidden-dim", "-4"], "hidden_dim must be greater than 0, got -4"),
    (["--heads", "5"], "hidden_dim must be a multiple of num_heads=5, got 64"),
    (["--epochs", "many"], "--epochs must be a valid integer, got 'many'"),
    (["--epochs", "0"], "epochs must be greater than 0, got 0"),
    (["--epochs", "1", "--steps", "2"], "steps must be left out when epochs is given, got 2"),
    (["--size", "smal"], "unknown size 'smal'; did you mean 'small'?"),
    (["--minutes", "1", "--steps", "2"], "minutes must be left out when steps is given"),
    (["--batch-size", "1.5"], "--batch-size must be a valid integer, got '1.5'"),
    (["--lr", "0"], "learning_rate"),
    (["--lr", "nan"], "learning_rate"),
    (["--seed", "-1"], "--seed must be greater than or equal to 0, got '-1'"),
    (["--epoch", "3"], "unknown option --epoch; did you mean --epochs?"),
    (["--out"], "Option '--out' requires an argument."),
    (["stray"], "Got unexpected extra argument(s) (stray)"),
]
# No file system takes it.
LONG = 300 * "a"
OWN = [
    (["compare", "--seeds", "0"], "--seeds must be greater than or equal to 1, got '0'"),
    (["compare", "--jobs", "0"], "--jobs must be greater than or equal to 1, got '0'"),
    (["compare", "-p", "lst", "-p", "4xlst"], "plans must differ, got 'lst' and '4xlst'"),
    (["compare", "--lr", "1", "--lr", "1"], "learning_rates must name each value once"),
    (["compare", "--layers", "2"], "plan '3xgfnet,attention': layer_types must fit in num_layers"),
    (["compare", "--family", "fnett"], "unknown family 'fnett'; did you mean 'fnet'"),
    (["compare", "-f", "fnet-top-4"], "family must have from 1 to 3 layers of attention"),
    (["compare", "-f", "fnet", "-p", "2xfourier"], "plans must differ, got '2xfourier' and"),
    (["compare", "--lengths", "8,x"], "--lengths must be whole numbers from 1 to 65,536 with"),
    (["compare", "--lengths", "0"], "--lengths must be whole numbers from 1 to 65,536 with"),
    (["report"], "Missing argument 'RUN'."),
    (["report", "nowhere"], "the folder of a run or comparison must exist, got 'nowhere'"),
    (
        ["report", "full"],
        "the folder of a run or comparison must hold run.json, results.json or search.json",
    ),
    (["compare", "--out", "full"], "the folder must be empty or hold a comparison, got 'full'"),
    (["train", "--out", "full"], "--out must name a new or empty folder, got 'full'"),
    (["train", "--resume"], "--resume must find a run in runs/ that is not finished, got 'none'"),
    (["train", "--resume", "full"], "the folder of a run must hold train.json, got 'full'"),
    (
        ["train", "--resume", "full", "--epochs", "3"],
        "--epochs must be left out with --resume: a run goes on as it began",
    ),
    (["train", "--resume", "full", "--data", "a.csv"], "--data must be left out with --resume"),
    (["train", "--save-every", "0"], "--save-every must be greater than or equal to 1, got '0'"),
    (["train", "--minutes", "0"], "minutes must be greater than 0, got 0.0"),
    (["train", "--patience", "0"], "patience must be greater than 0, got 0"),
    (["train", "--accumulate", "17"], "accumulate must be at most batch_size=16, got 17"),
    (["train", "--precision", "fp8"], "precision must be 'auto', 'float32' or 'bfloat16', got"),
    (["train", "--norm", "both"], "norm_position must be 'pre' or 'post', got 'both'"),
    (
        ["train", "--positions", "alibi", "--plan", "gfnet"],
        "positional_encoding_type must be one that a mixer of the plan (gfnet) can use",
    ),
    (["compare", "--positions", "rotery"], "positional_encoding_type must be 'sinusoidal', "),
    (
        ["train", "--resume", "full", "--positions", "none"],
        "--positions must be left out with --resume",
    ),
    (["train", "--class-weights", "even"], "class_weights must be 'balanced', got 'even'"),
    (["train", "--seed", "4294967296"], "seed must be less than 4294967296, got 4294967296"),
    (["compare", "--out", LONG], f"{LONG}: file name too long"),
    (["train", "--out", LONG], f"{LONG}: file name too long"),
    (["train", "--data", f"{LONG}.csv"], f"{LONG}.csv: file name too long"),
    (["predict", LONG], f"{LONG}: file name too long"),
    (["predict"], "Missing argument 'RUN'."),
    (["predict", "nowhere"], "the folder of a run must exist, got 'nowhere'"),
    (["predict", "full"], "the folder of a run must hold run.json, got 'full'"),
    (["predict", "full", "--top", "0"], "--top must be greater than or equal to 1, got '0'"),
    (["predict", "full", "-e", "x"], "--example must be a valid integer, got 'x'"),
    (["plans", "lst,atention"], "plan 'lst,atention': unknown mixer 'atention'; did you mean"),
    (["plans", "lst", "--length", "0"], "--length must be greater than or equal to 1, got '0'"),
    (["plans", "lst", "--lenght", "9"], "unknown option --lenght; did you mean --length?"),
    (["doctor", "me"], "Got unexpected extra argument(s) (me)"),
    (["trian"], "No such command 'trian'. Did you mean 'train'?"),
    (["data", "digits"], "No such command 'digits'."),
    (["data", "list", "digits"], "Got unexpected extra argument(s) (digits)"),
    (["data", "check"], "Missing argument 'FILE'."),
    (["data", "check", "a.csv", "--max-length", "0"], "max_length must be greater than 0, got 0"),
    (
        ["data", "check", "a.csv", "--task", "chat"],
        "task must be 'classification', 'multi-label', ",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [([command, *a], s) for command in ("compare", "train") for a, s in SHARED] + OWN,
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_sentence_and_exit_code_2(
    arguments: list[str],
    sentence: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here / "full").mkdir()
    (here / "full" / "thesis.tex").touch()
    found = inside(monkeypatch, capsys, *arguments)
    assert found.err.startswith(f"spectrans: {sentence}")
    assert found.err.count("\n") == 1
    assert (found.code, found.out) == (2, "")
    assert [path.name for path in here.iterdir()] == ["full"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["compare", "--plan", "fuorier"], "plan 'fuorier': unknown mixer 'fuorier'; did you mean"),
        (["train", "--lrr", "1"], "unknown option --lrr; did you mean --lr?"),
        (["predict", "nowhere"], "the folder of a run must exist, got 'nowhere'"),
        (["data", "--jsno"], "unknown option --jsno; did you mean --json?"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_process_ends_the_same_way(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    found = spectrans(*arguments, folder=tmp_path)
    assert found.err.startswith(f"spectrans: {sentence}")
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_under_standard_output_gets_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "data", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    wanted = "spectrans: standard output: no space left on device\n"
    assert (done.returncode, done.stderr) == (3, wanted)


@pytest.mark.parametrize("module", ["transformers", "accelerate"])
@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_missing_engine_names_the_install_line(
    command: str,
    module: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # What Python itself does for a module that must not be found.
    monkeypatch.setitem(sys.modules, module, None)
    found = inside(monkeypatch, capsys, *[command])
    wanted = f'spectrans: training needs {module}: pip install "spectrans-hybrid[hf]"\n'
    assert (found.code, found.out, found.err) == (1, "", wanted)
    assert list(here.iterdir()) == []


def test_a_column_that_is_not_there_is_named_with_the_nearest(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(here / "a.csv")
    found = inside(monkeypatch, capsys, *["train", "--data", "a.csv", "--text", "txt"])
    assert found.code == 2
    assert "unknown column 'txt'; did you mean 'text'" in found.err
