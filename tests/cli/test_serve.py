"""`spectrans serve` as a process: where it listens, how it ends, and what its page does."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from spectrans.training.record import load_run
from tests.browser import Browser, browsing
from tests.cli.command import COMMAND, ENVIRONMENT, spectrans
from tests.made_runs import saved_run
from tests.serving.client import serving, talk

JSON = {"content-type": "application/json"}
MARKUP = "<img src=x onerror=document.title='caught'>"
ROWS = "".join(
    json.dumps({"text": f"{n:03d} <b>{MARKUP if n % 2 else 'plain'}</b>", "label": label}) + "\n"
    for n in range(60)
    for label in [f"</script>{MARKUP}" if n % 2 else "plain & simple"]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose texts and labels hold markup."""
    here = tmp_path_factory.mktemp("serve")
    (here / "markup.jsonl").write_text(ROWS)
    return saved_run(here / "run", here / "markup.jsonl")


class Process:
    """A server in a process of its own, and the first line that it wrote."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.inner = subprocess.Popen(
            [*COMMAND, "serve", folder, "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert self.inner.stdout is not None
        self.first = self.inner.stdout.readline()

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal, and give exit code and what else was said."""
        self.inner.send_signal(number)
        assert self.inner.stdout is not None
        assert self.inner.stderr is not None
        out, err = self.inner.stdout.read(), self.inner.stderr.read()
        return self.inner.wait(60), out, err


@contextmanager
def process(folder: Path, *options: str) -> Iterator[Process]:
    found = Process(folder, *options)
    try:
        yield found
    finally:
        found.inner.kill()
        found.inner.communicate()


def test_a_server_says_where_it_is_answers_and_ends_when_it_is_told_to(folder: Path) -> None:
    with process(folder) as served:
        port = int(re.findall(r"^\S+ at http://127\.0\.0\.1:(\d+)/\n$", served.first)[0])
        body = json.dumps({"input": "abc"}).encode()
        reply = talk(port, "POST", "/predict", body, JSON)
        assert reply.status == 200
        assert len(reply.body["answers"]) == 1
        code, out, err = served.end()
    assert code == 0
    assert out.startswith(f"curl http://127.0.0.1:{port}/predict -H 'content-type")
    assert (
        err
        == "this machine alone can reach it; Ctrl-C ends it\nended: what had come in is answered\n"
    )


def test_a_request_that_is_under_way_at_sigterm_is_answered(folder: Path) -> None:
    # A batch waits so long for a second row that the signal comes before the answer.
    with process(folder, "--batch-wait", "2", "--json") as served, ThreadPoolExecutor(1) as client:
        port = int(json.loads(served.first)["page"].rpartition(":")[2].strip("/"))
        body = json.dumps({"input": "abc"}).encode()
        asked = client.submit(talk, port, "POST", "/predict", body, JSON)
        while talk(port, "GET", "/health").body["waiting"] < 1:
            time.sleep(0.01)
        code, _, err = served.end()
        assert (asked.result().status, code) == (200, 0)
    assert "Traceback" not in err


def test_a_second_signal_ends_a_server_at_once(folder: Path) -> None:
    # The batch would wait for a second row for longer than this test takes.
    with process(folder, "--batch-wait", "20", "--json") as served, ThreadPoolExecutor(1) as client:
        port = int(json.loads(served.first)["page"].rpartition(":")[2].strip("/"))
        body = json.dumps({"input": "abc"}).encode()
        asked = client.submit(talk, port, "POST", "/predict", body, JSON)
        while talk(port, "GET", "/health").body["waiting"] < 1:
            time.sleep(0.01)
        begun = time.monotonic()
        served.inner.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert served.inner.poll() is None
        code, out, err = served.end()
        assert time.monotonic() - begun < 15
        # Cut off, or told that there is no answer.
        assert asked.exception() is not None or asked.result().status == 500
    assert (code, out) == (0, "")
    assert err.endswith("ended: at once, and what was under way is not answered\n")
    assert "Traceback" not in err


def test_ctrl_c_ends_a_server_and_other_addresses_come_with_a_warning(folder: Path) -> None:
    with process(folder, "--host", "0.0.0.0", "--json", "--threads", "1") as served:
        addresses = json.loads(served.first)
        assert addresses.keys() == {"run", "page", "predict", "health", "openapi.json"}
        code, out, err = served.end(signal.SIGINT)
    assert (code, out) == (0, "")
    assert err.startswith("warning: whoever can reach this address can use the model: ")


BAD = [
    (("nowhere",), "the folder of a run must exist, got 'nowhere'"),
    ((".",), "the folder of a run must hold run.json, got '.'"),
    ((".", "--port", "65536"), "--port must be less than or equal to 65535, got '65536'"),
    (("run", "--queue", "0"), "queue must be greater than 0, got 0"),
    (("run", "--rows", "many"), "--rows must be a valid integer, got 'many'"),
    (("run", "--seconds", "-1"), "seconds must be greater than 0, got -1.0"),
    (("run", "--batch-wait", "nan"), "batch_wait must be a finite number, got nan"),
    (("run", "--threads", "0"), "--threads must be greater than or equal to 1, got '0'"),
    ((), "Missing argument 'RUN'."),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"), BAD, ids=lambda v: " ".join(v)[:30] if isinstance(v, tuple) else ""
)
def test_bad_input_gets_one_sentence(
    arguments: tuple[str, ...],
    sentence: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from spectrans.cli import main

    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(sys, "argv", ["spectrans", "serve", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err == f"spectrans: {sentence}\n"


def test_an_address_that_is_taken_or_not_ours_is_named(folder: Path) -> None:
    with serving(load_run(folder)) as place:
        taken = spectrans("serve", folder, "--port", str(place.port))
    assert taken.err == (
        f"spectrans: cannot listen on 127.0.0.1 port {place.port}: address already in use\n"
    )
    assert (taken.code, taken.out) == (1, "")
    # Of a network that is for documents alone: RFC 5737.
    foreign = spectrans("serve", folder, "--host", "192.0.2.1", "--port", "0")
    assert foreign.err == (
        "spectrans: cannot listen on 192.0.2.1 port 0: cannot assign requested address\n"
    )
    assert (foreign.code, foreign.out) == (1, "")


def test_missing_libraries_name_the_install_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from spectrans.cli import main

    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.setattr(sys, "argv", ["spectrans", "serve", str(folder)])
    with pytest.raises(SystemExit) as end:
        main()
    wanted = 'spectrans: serving needs fastapi: pip install "spectrans-hybrid[serve]"\n'
    assert (end.value.code, *capsys.readouterr()) == (1, "", wanted)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def page(folder: Path, browser: Browser) -> Iterator[str]:
    """Address of the page, on a server of its own."""
    with process(folder, "--json") as served:
        yield json.loads(served.first)["page"]


def test_a_person_types_a_text_and_reads_the_answer(page: str, browser: Browser) -> None:
    browser.open(page)
    browser.evaluate("document.getElementById('input').focus()")
    browser.type("012 something")
    browser.evaluate("document.getElementById('send').click()")
    browser.until("document.querySelector('#answer table')")
    seen = browser.evaluate("document.getElementById('answer').innerText")
    assert "plain & simple" in seen
    assert seen.count(" %") == 2
    assert browser.complaints() == []


def test_what_is_refused_is_read_on_the_page(page: str, browser: Browser) -> None:
    browser.open(page)
    browser.evaluate("document.getElementById('send').click()")
    browser.until("document.querySelector('#answer .problem')")
    assert browser.evaluate("document.getElementById('answer').innerText") == (
        "input must not be empty, got ''"
    )


def test_markup_in_texts_and_labels_stays_text(page: str, browser: Browser) -> None:
    browser.open(page)
    browser.evaluate("document.querySelectorAll('#example-list button')[1].click()")
    browser.until("document.querySelector('#answer table')")
    assert browser.evaluate("document.images.length") == 0
    assert browser.evaluate("document.title") == "A trained model"
    assert MARKUP in browser.evaluate("document.body.innerText")
    assert browser.complaints() == []


def test_the_page_asks_nothing_of_anyone_else(page: str, browser: Browser) -> None:
    browser.open(page)
    browser.evaluate("document.querySelector('#example-list button').click()")
    browser.until("document.querySelector('#answer table')")
    assert browser.requests() == [page, f"{page}predict"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(page: str, browser: Browser, scheme: str) -> None:
    browser.open(page)
    browser.scheme(scheme)
    contrasts = browser.evaluate("""
        (() => {
          const part = (v) => (v / 255 <= 0.04045 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4);
          const light = (c) => {
            const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
            return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) + 0.05;
          };
          const ground = (e) => {
            const c = getComputedStyle(e).backgroundColor;
            return c.endsWith(", 0)") ? ground(e.parentElement) : c;
          };
          return [...document.querySelectorAll("h1, h2, p, label, button, textarea, a, pre, li span")]
            .map((e) => [light(getComputedStyle(e).color), light(ground(e))])
            .map(([a, b]) => Math.max(a, b) / Math.min(a, b));
        })()
    """)
    assert len(contrasts) > 12
    # WCAG 2.1, level AA.
    assert min(contrasts) >= 4.5


def test_every_control_has_a_name_and_the_answer_is_announced(page: str, browser: Browser) -> None:
    browser.open(page)
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "textbox", "link"}
    names = [
        node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in controls
    ]
    assert len(names) >= 5
    assert all(names)
    assert browser.evaluate("document.getElementById('answer').ariaLive") == "polite"
