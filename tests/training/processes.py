"""Trainings by several processes, forked and connected as torchrun would; one of them may be killed on the way.

    python tests/processes.py SCENARIOS.json

SCENARIOS is a list of {"arguments": of wavegen, "run": folder, "processes": n, "fatal": step or null}: with a step,
the last process kills itself once it has that many behind it. Prints a JSON list of the exit codes of each scenario's
processes; what they say is in RUN.txt, and a hash of all that each has learned in RUN/process-N. Forking saves the
seconds that every process would take to import torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

import wavegen.training.trainer
from wavegen.cli.main import main
from wavegen.models.checkpoint import weights_hash
from wavegen.training.trainer import Trainer


class Told(Trainer):
    """Kills its process at a step; at the end it tells what it learned."""

    fatal: int | None = None

    def _train_step(self, log, started):
        if self.learner.step == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._train_step(log, started)

    def run_all(self, progress=True):
        super().run_all(progress)
        (self.run / f"process-{self.processes.rank}").write_text(weights_hash(self.learner.state()))


def be_process(rank: int, processes: int, port: int, scenario: dict) -> int:
    """What process number `rank` of `processes` ends with."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(processes), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    Told.fatal = scenario.get("fatal") if rank == processes - 1 else None
    wavegen.training.trainer.Trainer = Told
    try:
        return main([*scenario["arguments"], "--run", scenario["run"]])
    except SystemExit as end:
        return int(end.code or 0)


def play(scenario: dict) -> list[int]:
    """The exit code of each process, negative for the signal that killed it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(scenario["processes"]):
        child = os.fork()
        if not child:
            said = os.open(f"{scenario['run']}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(said, 1)
            os.dup2(said, 2)
            try:
                code = be_process(rank, scenario["processes"], port, scenario)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                code = 99
            sys.stderr.flush()
            os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    scenarios = json.loads(Path(sys.argv[1]).read_text())
    with contextlib.redirect_stdout(sys.stderr):  # what a training imports late is imported once
        main([*scenarios[0]["arguments"], "--run", f"{scenarios[0]['run']}-first"])
    print(json.dumps([play(scenario) for scenario in scenarios]))
