"""Folders of texts: each is a class, or a split."""

from pathlib import Path

from spectrans.data import load
from tests.data.tables import TABLE, as_table


def write_folders(folder: Path) -> Path:
    for number, (text, label) in enumerate(TABLE):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{number:02d}.txt").write_text(text)
    return folder


def test_each_folder_of_texts_is_a_class(tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "reviews")
    (folder / "pos" / ".hidden").write_bytes(b"\xff")
    made = load(folder)
    assert made.task.labels == ("neg", "pos")
    texts = [
        (bytes(tokens).decode(), made.task.labels[label])
        for split in (made.train, made.validation, made.test)
        for tokens, label in zip(split.tokens, split.labels, strict=True)
    ]
    assert sorted(texts) == sorted(TABLE)


def test_folders_named_train_and_test_are_splits(tmp_path: Path) -> None:
    write_folders(tmp_path / "train")
    (tmp_path / "test" / "pos").mkdir(parents=True)
    (tmp_path / "test" / "pos" / "a").write_text("only here")
    made = load(tmp_path)
    assert [bytes(tokens) for tokens in made.test.tokens] == [b"only here"]
    assert len(made.train) + len(made.validation) == len(TABLE)


def test_a_folder_called_train_is_a_class_among_others(tmp_path: Path) -> None:
    write_folders(tmp_path)
    for number in range(4):
        (tmp_path / "train").mkdir(exist_ok=True)
        (tmp_path / "train" / f"{number}.txt").write_text(f"by rail {number}")
    assert load(tmp_path).task.labels == ("neg", "pos", "train")


def test_files_named_after_splits_are_splits(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(as_table(TABLE))
    (tmp_path / "dev.jsonl").write_text('{"text": "choose", "label": "neg"}\n')
    (tmp_path / "test.tsv").write_bytes(as_table([("report", "pos")], "\t"))
    made = load(tmp_path)
    assert len(made.train) == len(TABLE)
    assert bytes(made.validation.tokens[0]) == b"choose"
    assert bytes(made.test.tokens[0]) == b"report"
