"""A page that is one file: no script, nothing from elsewhere, everything from files escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from spectrans.printable import plain

REPORT = "report.html"

# A page with this policy runs no script and loads nothing, whatever a name in it may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2026; --muted: #5c646e; --grid: #dde1e6;
  --paper: #ffffff; --shade: #f4f6f8; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --muted: #a3abb5; --grid: #3a414a;
  --paper: #16191d; --shade: #1f242a; --accent: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid var(--grid); }
p { margin: .5rem 0; max-width: 48rem; }
.lead { font-size: 1.05rem; }
.verdict { border-left: 4px solid var(--accent); background: var(--shade); padding: .6rem 1rem; }
.muted, figcaption, footer { color: var(--muted); font-size: .875rem; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--grid); text-align: right;
  overflow-wrap: normal; }
th { vertical-align: bottom; background: var(--shade); }
th.left, td.left { text-align: left; }
code { font: .9em ui-monospace, monospace; }
@media print { body { max-width: none; } h2, figure, table { break-inside: avoid; } }
"""


def text(value: object) -> str:
    """Give any value as text of a page."""
    return escape(plain(str(value)), quote=True)


def paragraph(value: str, kind: str = "") -> str:
    """Give a paragraph of plain text."""
    return f"<p{_kind(kind)}>{text(value)}</p>"


def figure(svg: str, says: str) -> str:
    """Give a picture with what is seen on it."""
    shown = svg.replace("<svg", f'<svg role="img" aria-label="{text(says)}"', 1)
    return f"<figure>{shown}<figcaption>{text(says)}</figcaption></figure>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: Iterable[int] = (0,)) -> str:
    """Give a table; the columns numbered in `left` hold words, the others numbers."""
    words = set(left)

    def line(cells: Sequence[object], tag: str) -> str:
        kinds = [' class="left"' if k in words else "" for k in range(len(cells))]
        shown = (
            f"<{tag}{kind}>{text(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True)
        )
        return f"<tr>{''.join(shown)}</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return (
        f'<div class="scroll"><table>\n<thead>{line(head, "th")}</thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def section(title: str, *parts: str) -> str:
    """Give a part of a page under its title."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{text(title)}</h2>\n{body}\n</section>"


def page(title: str, lead: str, sections: Iterable[str], footer: str) -> str:
    """Put a whole page together.

    Parameters
    ----------
    title
        Plain text.
    lead
        The sentence below it, plain text.
    sections
        What `section` gave.
    footer
        The last line, plain text.

    Returns
    -------
    str
        HTML.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{text(title)}</h1>
{paragraph(lead, "lead")}
{chr(10).join(part for part in sections if part)}
<footer><p>{text(footer)}</p></footer>
</body>
</html>
"""


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
