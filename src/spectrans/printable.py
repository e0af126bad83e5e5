"""Text from files that is safe to show."""


def plain(text: str) -> str:
    """Make text from a file safe to show: control characters would move the cursor or worse."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shortened(text: str, longest: int) -> str:
    """Cut text to a length, and show that it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
