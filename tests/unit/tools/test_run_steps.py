# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that runs the steps of `make test`: it ends, and nothing that it began outlives it."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "tools" / "run_steps.py"


@pytest.fixture(name="steps")
def _steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program, loaded anew."""
    spec = importlib.util.spec_from_file_location("quorum_run_steps", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_a_step_that_is_named_twice_runs_once(steps: ModuleType) -> None:
    """Beside itself it would use the same hosts and the same log."""
    known = {name: steps.Step(name, []) for name in ("unit", "molecule-default", "molecule-tls")}
    assert [step.name for step in steps.chosen(["molecule-tls,unit", "molecule"], known)] == [
        "molecule-tls",
        "unit",
        "molecule-default",
    ]


def test_a_step_that_hangs_and_does_not_listen_ends(
    steps: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LIMIT", 0.5)
    monkeypatch.setattr(steps, "GRACE", 0.5)
    deaf = steps.Step("deaf", [["bash", "-c", "trap '' TERM; while :; do sleep 0.1; done"], ["true"]])
    assert not steps.passes(deaf, tmp_path / "log")
    said = (tmp_path / "log").read_text()
    assert "[not within 0.5 s]" in said and "[0] true" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_ends_what_runs_and_begins_nothing_more(tmp_path: Path, number: int) -> None:
    program = f"""
import signal
import sys
from pathlib import Path
# Whoever runs the tests in the background may have these ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.path.insert(0, {str(PROGRAM.parent)!r})
import run_steps
run_steps.ROOT, run_steps.LOGS = Path.cwd(), Path("steps").resolve()
first = ["bash", "-c", "echo $$ > first; exec sleep 60"]
run_steps.steps = lambda: {{"one": run_steps.Step("one", [first, ["touch", "second"]])}}
sys.exit(run_steps.main())
"""
    runner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    pid = tmp_path / "first"
    until = time.monotonic() + 20
    while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < until:
        time.sleep(0.05)
    runner.send_signal(number)
    try:
        assert runner.wait(timeout=20) != 0
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)
    finally:
        runner.kill()
    assert not (tmp_path / "second").exists()


def test_a_failure_is_told_with_its_reason(steps: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "x\nE       AssertionError: start as primary\nE       assert False\nFAILED a.py::b - Asser...\nmore\n"
    )
    assert steps.told(log) == [
        "E       AssertionError: start as primary",
        "E       assert False",
        "FAILED a.py::b - Asser...",
    ]
    log.write_text("x\ny\n")
    assert steps.told(log) == ["x", "y"]
