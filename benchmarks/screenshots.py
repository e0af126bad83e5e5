"""Take the pictures of pages that the documents show: python -m benchmarks.screenshots [FOLDER].

FOLDER is a comparison on the digits; without one it is made first, in some minutes. With --site it
takes pages of the documents themselves instead. Needs a Chromium, as the tests of pages do.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from PIL import Image

from benchmarks.process import ROOT
from spectrans.training.compare import best_run
from tests.browser import Browser, opened

IMAGES = ROOT / "docs" / "images"
PLANS = ("attention", "fourier", "3xgfnet,attention")
WIDTH = 940
# Page of the site, width and height of the window, colours.
SITE = {
    "page-index": ("", 1280, 800, "light"),
    "page-choose-a-mixer": ("choose-a-mixer/", 1280, 800, "dark"),
    "page-performance-phone": ("performance/", 390, 800, "light"),
    "page-maths-phone": ("maths/", 390, 800, "dark"),
}
_COMMAND = (sys.executable, "-m", "spectrans")


def compare(folder: Path) -> None:
    """Make the comparison that is shown."""
    plans = [word for plan in PLANS for word in ("-p", plan)]
    asked = ("compare", "--data", "digits", *plans, "--seeds", "3", "-o", str(folder))
    subprocess.run([*_COMMAND, *asked], check=True)


def take(browser: Browser, name: str) -> None:
    """Save what is in the window, without transparency and as small as it gets."""
    path = browser.screenshot(IMAGES / f"{name}.png", whole=False)
    with Image.open(path) as picture:
        picture.convert("RGB").save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} kB")


def show(browser: Browser, page: Path, heading: str, name: str, height: int) -> None:
    """Take a report from one of its headings on."""
    browser.open(page.as_uri(), WIDTH, height)
    first = f"[...document.querySelectorAll('h1, h2')].find(h => h.textContent == '{heading}')"
    browser.evaluate(f"{first}.scrollIntoView(); scrollBy(0, -20)")
    take(browser, name)


@contextmanager
def serving(run: Path) -> Iterator[str]:
    """Serve a run, and give the address of its page."""
    asked = [*_COMMAND, "serve", str(run), "--port", "0", "--json", "--quiet"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["page"]
        finally:
            process.terminate()


def ask(browser: Browser, address: str, name: str) -> None:
    """Take the page of a server with the answer to the first of its examples."""
    browser.open(address, WIDTH, 1000)
    browser.evaluate("document.querySelector('#example-list button').click()")
    browser.until("document.querySelector('#answer table')")
    take(browser, name)


def pictures(folder: Path) -> None:
    """Take all pictures."""
    run = best_run(folder)
    subprocess.run([*_COMMAND, "sensitivity", str(run), "--quiet"], check=True)
    with opened() as browser:
        browser.scheme("light")
        title = "document.querySelector('h1').textContent"
        for page, name in ((folder, "report-compare"), (run, "report-run")):
            browser.open((page / "report.html").as_uri())
            show(browser, page / "report.html", browser.evaluate(title), name, 1190)
        show(browser, run / "report.html", "Layers", "report-layers", 700)
        with serving(run) as address:
            ask(browser, address, "serve-light")
            browser.scheme("dark")
            ask(browser, address, "serve-dark")
        show(browser, folder / "report.html", "Length", "report-dark", 800)


class _Quiet(SimpleHTTPRequestHandler):
    """Gives the files of a folder, and says nothing of it."""

    def log_message(self, *_: object) -> None:
        """Keep the terminal for what is made."""


@contextmanager
def built(folder: Path) -> Iterator[str]:
    """Build the site into a folder, and give the address that it is served at."""
    build = (sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir")
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def site() -> None:
    """Take pages of the documents."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        built(Path(scratch)) as home,
        opened() as browser,
    ):
        for name, (page, width, height, scheme) in SITE.items():
            browser.scheme(scheme)
            browser.open(home + page, width, height)
            take(browser, name)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--site", action="store_true", help="pages of the documents")
    asked = parser.parse_args()
    folder = asked.folder
    if asked.site:
        site()
        return
    if folder is not None:
        pictures(folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        compare(Path(scratch) / "digits")
        pictures(Path(scratch) / "digits")


if __name__ == "__main__":
    main()
