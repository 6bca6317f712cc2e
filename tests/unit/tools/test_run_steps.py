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
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "tools" / "run_steps.py"


@pytest.fixture(name="steps")
def _steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program, loaded anew."""
    spec = importlib.util.spec_from_file_location("quorum_run_steps", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
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
first = ["bash", "-c", "echo $$ > first; exec sleep 600"]
run_steps.steps = lambda: {{"one": run_steps.Step("one", [first, ["touch", "second"]])}}
sys.exit(run_steps.main())
"""
    runner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    pid = tmp_path / "first"
    until = time.monotonic() + 60
    while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < until:
        time.sleep(0.05)
    runner.send_signal(number)
    try:
        assert runner.wait(timeout=120) != 0
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
    # Of a long output the refusal counts, which comes last.
    output = [f"E    ok: [h{number}]" for number in range(9)]
    log.write_text("\n".join(["E    ended with 2:", *output, "E    fatal: [h1]: FAILED! => no", "FAILED test_b - x"]))
    assert steps.told(log) == ["E    ended with 2:", "E    fatal: [h1]: FAILED! => no", "FAILED test_b - x"]


def test_a_step_waits_for_what_it_needs_and_others_do_not(steps: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    images_wait = threading.Event()

    def run(step: Any) -> Any:
        begun.append(step.name)
        if step.name == "images":
            images_wait.wait(20)
        if step.name == "unit":
            images_wait.set()
        return steps.Result(step, True, 1.0, 0.0)

    monkeypatch.setattr(steps, "run", run)
    monkeypatch.setattr(steps, "LANES", 2)
    wanted = [steps.Step("images", []), steps.Step("tls", [], needs="images"), steps.Step("unit", [])]
    assert [result.step.name for result in steps.Lanes(wanted).to_the_end()] == ["images", "tls", "unit"]
    assert set(begun[:2]) == {"images", "unit"} and begun[2] == "tls"
    assert [result.step.name for result in steps.Lanes(wanted[1:2]).to_the_end()] == ["tls"], "without images: at once"


def test_nothing_runs_beside_a_step_that_is_alone(steps: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    now: set[str] = set()
    beside: dict[str, set[str]] = {}

    def run(step: Any) -> Any:
        now.add(step.name)
        time.sleep(0.2)
        beside[step.name] = now - {step.name}
        now.remove(step.name)
        return steps.Result(step, True, 1.0, 0.0)

    monkeypatch.setattr(steps, "run", run)
    monkeypatch.setattr(steps, "LANES", 2)
    wanted = [steps.Step("alone", [], alone=True), steps.Step("a", []), steps.Step("b", [])]
    for order in (wanted, wanted[::-1]):
        steps.Lanes(order).to_the_end()
        assert beside["alone"] == set() and beside["a"] | beside["b"]


@pytest.mark.parametrize(("lanes", "most"), [(1, 1), (2, 2)])
def test_two_that_wait_take_the_place_of_one(
    steps: ModuleType, monkeypatch: pytest.MonkeyPatch, lanes: int, most: float
) -> None:
    now: list[Any] = []
    loads: list[tuple[float, int]] = []

    def run(step: Any) -> Any:
        now.append(step)
        loads.append((sum(one.load for one in now), len(now)))
        time.sleep(0.2)
        now.remove(step)
        return steps.Result(step, True, 1.0, 0.0)

    monkeypatch.setattr(steps, "run", run)
    monkeypatch.setattr(steps, "LANES", lanes)
    wanted = [steps.Step(name, []) for name in "abc"] + [steps.Step(name, [], load=0.5) for name in "def"]
    assert len(steps.Lanes(wanted).to_the_end()) == 6
    assert max(load for load, _number in loads) <= most
    assert max(number for _load, number in loads) == (1 if lanes == 1 else 3)


def test_a_budget_is_told_and_no_failure(steps: ModuleType) -> None:
    step = steps.Step("slow", [], budget=10)
    assert steps.Result(step, True, 9.0, 0.0).verdict() == "passed"
    assert steps.Result(step, True, 11.0, 0.0).verdict() == "passed, over its budget of 10 s"


def test_a_failed_scenario_leaves_its_journals_and_no_lab(steps: ModuleType, tmp_path: Path) -> None:
    step = steps.Step("molecule-x", [], lab="x")
    assert [command[1] for command in step.after(True)] == ["destroy"]
    assert [command[1] for command in step.after(False)] == ["journals", "destroy"]
    assert step.before() == []
    (tmp_path / ".lab" / "x").mkdir(parents=True)
    assert [command[1] for command in step.before()] == ["destroy"]


def test_phases_are_added_up_from_the_log(steps: ModuleType, tmp_path: Path) -> None:
    """The packages are no part of the deployment, playbooks and waits no rest of the stories."""
    times = """\
10.0 INFO     [x > create] Executing
15.0 INFO     [x > create] Executed: Successful
15.0 INFO     [x > converge] Executing
18.0 TASK [quorum.redis.redis : Install the packages with apt] ****
26.0 TASK [quorum.redis.redis : Next] ****
30.0 PLAY RECAP ****
31.0 INFO     [x > converge] Executed: Successful
31.0 INFO     [x > verify] Executing
31.5 INFO     [x > verify] Executing Testinfra tests found in x...
71.0 spent: plays: 3 times, 20.5 s
71.0 spent: waits: 9 times, 12.0 s
71.0 INFO     [x > verify] Executed: Successful
76.0 result: 66.0 s, idle 0.25
"""
    (tmp_path / "molecule-x.times").write_text(times)
    (tmp_path / "molecule-x.end").write_text("$ tools/lab destroy\n[0] tools/lab destroy --quiet --prefix x: 4.2 s\n")
    assert steps.phase_table(tmp_path)[2:] == ["| molecule-x | 5 | 8 | 8 | 20 (3) | 12 | 8 | 4 | 66 | 25% |"]


def test_a_clock_notes_the_lines_of_a_log_while_it_grows(steps: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output, steps.Clock(log):
        print("INFO     [x > create] Executing\nok: [h1]\nTASK [a : b] ***", file=output, flush=True)
    told = (tmp_path / "log.times").read_text().splitlines()
    assert [line.partition(" ")[2] for line in told] == ["INFO     [x > create] Executing", "TASK [a : b] ***"]


def test_of_a_long_reason_the_end_is_said_too(steps: ModuleType, tmp_path: Path) -> None:
    """What a server says of itself ends with why it did not start."""
    log = tmp_path / "log"
    log.write_text("".join(f"E    line {number}\n" for number in range(20)) + "FAILED test_a - x\n")
    numbers = [0, 1, 2, 3, 16, 17, 18, 19]
    assert steps.told(log) == [*(f"E    line {number}" for number in numbers), "FAILED test_a - x"]
