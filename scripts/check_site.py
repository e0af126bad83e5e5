"""Check a built site: links lead somewhere, and no page loads anything from elsewhere.

Run: python scripts/check_site.py [site]
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself when it shows a page.
LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")}
FETCHED = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "manifest", "modulepreload"}
ELSEWHERE = re.compile(rb"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"'\s]+")


class Page(HTMLParser):
    """The anchors of a page, where it links to, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names, links to or loads."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "link" and FETCHED & set(found.get("rel", "").split()):
            self.loaded.add(found.get("href", ""))
        elif "href" in found:
            self.links.add(found["href"])
        self.loaded |= {v for name, v in found.items() if (tag, name) in LOADED}


def faults(site: Path) -> list[str]:
    """Give what is wrong with a site, one line each."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    found = [f"{site}: holds no page"] if not pages else []
    for path, page in pages.items():
        name = path.relative_to(site)
        # The page for what is not found is served at any address, so its links are absolute.
        links = page.links | page.loaded if path.name != "404.html" else set()
        for link in sorted(page.loaded):
            if urlsplit(link).netloc:
                found.append(f"{name}: loads {link}")
        for link in sorted(links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchors = pages[target].anchors if target in pages else set()
            if not target.exists():
                found.append(f"{name}: {link} leads nowhere")
            elif parts.fragment and unquote(parts.fragment) not in anchors:
                found.append(f"{name}: {link} has no such place")
    for path in sorted(site.rglob("*.css")):
        found += [
            f"{path.relative_to(site)}: loads {link.decode()}"
            for link in ELSEWHERE.findall(path.read_bytes())
        ]
    return found


def main() -> int:
    """Run from the command line."""
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "site").resolve()
    found = faults(site)
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
