"""`--nproc`: the same command in several processes, under torchrun's own agent."""

import logging
import os
import signal
import sys
from uuid import uuid4

from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from spectrans.cli.sentences import Failed
from spectrans.processes import LAUNCHED, WAITED
from spectrans.training.signals import SIGNALS

# Seconds for the others to save and end when one process is gone or a signal came.
PATIENCE = 30


def launch(processes: int, arguments: list[str], on: str) -> int:
    """Run this command in several processes on this machine, and wait for them.

    Parameters
    ----------
    processes
        How many.
    arguments
        Of the command line, without `--nproc`.
    on
        How the run goes on, in words, if a process is lost.

    Returns
    -------
    int
        The exit code; the main process has said why.

    Raises
    ------
    Failed
        A process was killed.
    """
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    os.environ[LAUNCHED] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=os.devnull),
        shutdown_timeout=PATIENCE,
        signals_to_handle=",".join(number.name for number in SIGNALS),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "spectrans", *arguments)
    except SignalException as error:
        return 128 + error.sigval
    except ChildFailedError as error:
        codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
        if WAITED in codes.values():
            # It said so itself; torch has killed the one that did not answer.
            return Failed.exit_code
        # Those that are left when one has ended are told to end as well.
        first = {rank: code for rank, code in codes.items() if code != -signal.SIGTERM} or codes
        for rank, code in first.items():
            if code < 0:
                message = f"process {rank} of {processes} was killed by signal {-code}"
                raise Failed(f"{message}, and the run ended: {on}") from None
        # What the main process says is why.
        return first.get(0) or max(first.values())
    return 0
