"""Keep a server as busy as it can be, and watch it: python -m benchmarks.load RUN.

Starts `spectrans serve RUN` and asks it from many connections at once, more than its queue takes.
Prints requests per second, how they ended, how long answers took, and the server's memory. `--json`
keeps these with the commit, the machine and the model.
"""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.machine import commit, machine

# Bytes of a text at most; the least is 1.
LONGEST = 60
# The first seconds load the rest of the libraries.
WARM_UP = 5.0
HEAD = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"


class Tally:
    """What came back so far."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.memory: list[float] = []


def memory(process: int) -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


async def client(port: int, tally: Tally, end: float, number: int) -> None:
    """Ask one thing after the other, on one connection as long as it stays open."""
    chance = random.Random(number)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < end:
        text = "".join(chance.choices("abcdefg hij", k=chance.randint(1, LONGEST))) + "."
        body = json.dumps({"input": text}).encode()
        head = f"{HEAD}content-length: {len(body)}\r\n\r\n"
        start = time.monotonic()
        writer.write(head.encode() + body)
        status, length = await reply_head(reader)
        await reader.readexactly(length)
        tally.statuses[status] += 1
        if status == 200:
            tally.seconds.append(time.monotonic() - start)
        else:
            await asyncio.sleep(0.05)
    writer.close()


async def reply_head(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Status and number of bytes of a reply."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    length = next(line.split(":")[1] for line in lines if line.startswith("content-length:"))
    return int(lines[0].split()[1]), int(length)


async def watch(process: int, tally: Tally, end: float, every: float) -> None:
    """Note the memory now and then."""
    while time.monotonic() < end:
        tally.memory.append(memory(process))
        await asyncio.sleep(every)


async def load(port: int, process: int, seconds: float, clients: int) -> Tally:
    """Ask from so many connections for so long."""
    warm = time.monotonic() + WARM_UP
    await asyncio.gather(*(client(port, Tally(), warm, -n) for n in range(clients)))
    tally, end = Tally(), time.monotonic() + seconds
    asking = [client(port, tally, end, n) for n in range(clients)]
    await asyncio.gather(watch(process, tally, end, seconds / 24), *asking)
    tally.memory.append(memory(process))
    return tally


def report(tally: Tally, seconds: float, clients: int) -> str:
    """What was seen, in lines."""
    cuts = [1e3 * cut for cut in statistics.quantiles(tally.seconds, n=100)]
    first, last = tally.memory[0], tally.memory[-1]
    ended = ", ".join(f"{status}: {count:,}" for status, count in sorted(tally.statuses.items()))
    return "\n".join(
        [
            f"{clients} connections for {seconds:g} s",
            f"answers per second  {tally.statuses[200] / seconds:,.0f}",
            f"statuses            {ended}",
            f"time of an answer   median {cuts[49]:,.0f} ms, 99 of 100 {cuts[98]:,.0f} ms",
            f"memory, MiB         {first:.1f} at the start, {last:.1f} at the end",
            f"                    {' '.join(f'{m:.1f}' for m in tally.memory)}",
        ]
    )


def model(run: Path) -> dict[str, str | int]:
    """What answered: the plan of a run, its parameters and its data."""
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return {
        "plan": record["spec"]["plan"],
        "parameters": record["metrics"]["parameters"],
        "data": record["data"]["name"],
    }


def main(words: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=96)
    parser.add_argument("--json", type=Path, help="file for the figures")
    asked = parser.parse_args(words)
    command = [sys.executable, "-m", "spectrans", "serve", asked.run, "--port", "0", "--json", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = urlsplit(json.loads(server.stdout.readline())["page"]).port
        assert port is not None
        tally = asyncio.run(load(port, server.pid, asked.seconds, asked.clients))
        server.terminate()
    print(report(tally, asked.seconds, asked.clients))
    print(f"exit code           {server.returncode}")
    if asked.json is not None:
        figures = {
            "commit": commit(),
            "day": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": machine(),
            "model": model(Path(asked.run)),
            "seconds": asked.seconds,
            "clients": asked.clients,
            "statuses": dict(tally.statuses),
            "slow": round(1e3 * statistics.quantiles(tally.seconds, n=100)[98]),
            "memory": [round(value, 1) for value in tally.memory],
            "code": server.returncode,
        }
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if set(tally.statuses) <= {200, 503} and server.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
