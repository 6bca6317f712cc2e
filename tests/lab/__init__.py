# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running lab, as a test sees it: run playbooks and commands, break hosts and the network between them, mend them.

>>> lab = Lab("dev")
>>> lab.sh("d1", "hostname")
'd1'
>>> lab.run_playbook("site", "--check").changed
0
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml
from measured import spending
from patience import LONG

ROOT = Path(__file__).resolve().parents[2]
SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]
SETTINGS = {
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".lab" / "collections"),
    "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callbacks")),
    "ANSIBLE_CALLBACKS_ENABLED": "built_modules,compiled_templates",
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
    "ANSIBLE_FORKS": "10",
    # Molecule on a terminal forces colours, which win over ANSIBLE_NOCOLOR; the recap is read as plain text.
    "ANSIBLE_FORCE_COLOR": "false",
    "ANSIBLE_NOCOLOR": "1",
}
# A module comes through SSH into a Python without arguments; its dead man's switch is one too, but has no parent.
MODULES = (
    "ps -eo pid=,ppid=,args= | awk '$3 ~ /python3/ && NF == 3 && $2 > {least} {{print $1}}' | xargs kill -{signal}"
)
KILL_MODULES = MODULES.format(least=1, signal="KILL")
STOP_MODULES = MODULES.format(least=0, signal="STOP")  # with the switches
RECAP = re.compile(r"^(\S+)\s*: (ok=\d+ .*)$", re.MULTILINE)


@dataclass(frozen=True)
class Recap:
    """What a playbook run counted for one host."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class Run:
    """A finished playbook run; stdout holds stderr too."""

    command: tuple[str, ...]
    rc: int
    stdout: str
    seconds: float
    recap: dict[str, Recap]

    @property
    def changed(self) -> int:
        """Return the number of changes on all hosts."""
        return sum(host.changed for host in self.recap.values())

    @property
    def ok(self) -> bool:
        """Tell whether no host failed and none was out of reach."""
        return self.rc == 0

    def expect(self, changed: int | None = None) -> Run:
        """Return itself, or stop the test with the output when it failed or changed something else."""
        assert self.rc == 0, f"{' '.join(self.command)} ended with {self.rc}:\n{self.stdout}"
        assert self.recap, f"no recap:\n{self.stdout}"
        if changed is not None:
            assert self.changed == changed, f"{self.changed} changes instead of {changed}:\n{self.stdout}"
        return self


def _collect(inventory: dict[str, Any], groups: dict[str, dict[str, Any]]) -> None:
    """Gather the hosts of each group of an inventory, those of its children too."""
    for name, group in inventory.items():
        groups.setdefault(name, {}).update((group or {}).get("hosts") or {})
        _collect((group or {}).get("children") or {}, groups)


def _shuffle(names: Iterable[str], order: random.Random) -> list[str]:
    """Return the same names in another order; two change places."""
    found = list(names)
    mixed = order.sample(found, len(found))
    return mixed if mixed != found else found[::-1]


class Lab:
    """The hosts of one prefix, and the inventory that says what runs there."""

    shuffles: ClassVar[dict[str, int]] = {}  # by prefix, how often `site` has found its hosts in another order

    def __init__(self, prefix: str, inventories: Sequence[Path | str] = ()) -> None:
        """Read the inventory that the lab wrote when it was made."""
        self.prefix = prefix
        self.state = ROOT / ".lab" / prefix
        own = self.state / "inventory.yml"
        if not own.exists():
            raise LookupError(f"there is no lab {prefix}: make it with tools/lab create --prefix {prefix}")
        self.inventories = [Path(path) for path in (*inventories, own)]
        found: dict[str, dict[str, str]] = yaml.safe_load(own.read_text(encoding="utf-8"))["all"]["hosts"]
        self.addresses = {host: values["ansible_host"] for host, values in found.items()}
        local = Path(sys.executable).with_name("ansible-playbook")
        self.program = str(local) if local.exists() else "ansible-playbook"
        self._cut: set[str] = set()
        self._paused: set[str] = set()
        self._down: set[str] = set()

    def shuffled(self) -> list[Path]:
        """Return the inventories behind one that names groups and hosts in another order each time, told by its name.

        No result may depend on the order: that of AWX shifts by itself.
        """
        groups: dict[str, dict[str, Any]] = {}
        for path in self.inventories[: self.inventories.index(self.state / "inventory.yml")]:
            _collect(yaml.safe_load(Path(path).read_text(encoding="utf-8")), groups)
        if not groups:
            return self.inventories
        seed = self.shuffles[self.prefix] = self.shuffles.get(self.prefix, 0) + 1
        order = random.Random(seed)
        path = self.state / f"shuffled-{seed}.yml"
        told = {name: {"hosts": dict.fromkeys(_shuffle(groups[name], order))} for name in _shuffle(groups, order)}
        path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
        return [path, *self.inventories]

    @property
    def hosts(self) -> list[str]:
        """Return the names of the hosts, in the order of the inventory."""
        return list(self.addresses)

    def host_ip(self, host: str) -> str:
        """Return the address of a host; it keeps it for its life."""
        return self.addresses[host]

    # Commands

    def run(self, host: str, command: str, timeout: float = LONG) -> subprocess.CompletedProcess[str]:
        """Run a shell command on a host over SSH (10 ms); see what came of it."""
        ssh = ["ssh", "-F", str(self.state / "ssh_config"), host, command]
        return subprocess.run(
            ssh, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
        )

    def sh(self, host: str, command: str, timeout: float = LONG) -> str:
        """Run a shell command on a host and return what it prints; the test fails when the command does."""
        done = self.run(host, command, timeout)
        assert done.returncode == 0, f"{host}: {command}\nended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def inside(self, host: str, *command: str) -> str:
        """Run a command through the engine (0.2 s), for a host whose network is cut."""
        return self.podman("exec", self._name(host), *command)

    def podman(self, *args: str) -> str:
        """Run the engine and return what it prints."""
        done = subprocess.run([*SUDO, "podman", *args], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"podman {' '.join(args)} ended with {done.returncode}: {done.stderr}"
        return done.stdout.strip()

    # Playbooks

    def run_playbook(self, name: str, *args: str, timeout: float = 900, **env: str) -> Run:
        """Run a playbook of the collection (``site``) or a file (``/path/x.yml``) on the deployment of this lab.

        ``site`` finds its hosts in another order each time, after the first run, which may choose by the order.
        """
        inventories = self.shuffled() if name == "site" and self.prefix in self.shuffles else self.inventories
        with spending("plays"):
            run = self._run(self._command(name, *args, inventories=inventories), timeout, env)
        if name == "site" and "--check" not in args and run.ok:
            self.shuffles.setdefault(self.prefix, 0)
        return run

    def begin_playbook(self, name: str, *args: str) -> subprocess.Popen[str]:
        """Start a playbook and do not wait for it; it is the leader of a process group."""
        return subprocess.Popen(
            self._command(name, *args),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="backslashreplace",
            env=os.environ | SETTINGS,
            cwd=self.state,
            start_new_session=True,
        )

    def _command(self, name: str, *args: str, inventories: Sequence[Path] = ()) -> list[str]:
        playbook = name if name.endswith(".yml") else f"quorum.redis.{name}"
        command = [self.program]
        for path in inventories or self.inventories:
            command += ["--inventory", str(path)]
        return [*command, playbook, *args]

    def _run(self, command: list[str], timeout: float, env: dict[str, str]) -> Run:
        started = time.monotonic()
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="backslashreplace",  # the output of two processes may meet within a letter
            env={**os.environ, **SETTINGS, **env},
            timeout=timeout,
            check=False,
            cwd=self.state,
        )
        counts = done.stdout.rpartition("PLAY RECAP")[2]
        recap = {
            host: Recap(**{key: int(value) for key, value in (pair.split("=") for pair in numbers.split())})
            for host, numbers in RECAP.findall(counts)
        }
        return Run(tuple(command), done.returncode, done.stdout, time.monotonic() - started, recap)

    # Faults of a host

    def kill(self, host: str) -> None:
        """Power loss: every process of the host ends at once, the disk stays (tmpfs does not)."""
        self._down.add(host)
        self.podman("kill", "--signal", "KILL", self._name(host))
        self.podman("wait", self._name(host))
        self._hang_up(host)

    def stop(self, host: str) -> None:
        """Shut the host down in order."""
        self._down.add(host)
        self.podman("stop", "--time", "60", self._name(host))
        self._hang_up(host)

    def start(self, host: str, wait: bool = True) -> None:
        """Boot the host, and wait until it answers over SSH unless told otherwise."""
        self.podman("start", self._name(host))
        self._down.discard(host)
        # A new boot is a new network: rules of before are gone.
        self._cut.discard(host)
        if wait:
            self.wait_until(f"{host} answers over SSH", lambda: self.run(host, "true", 15).returncode == 0)

    def pause(self, host: str) -> None:
        """Freeze every process of the host: it answers nothing, and its connections stay open."""
        self._paused.add(host)
        self.podman("pause", self._name(host))

    def unpause(self, host: str) -> None:
        """Let the host go on where it was."""
        self.podman("unpause", self._name(host))
        self._paused.discard(host)

    # Faults of the network

    def partition(self, one: str, other: str, both: bool = True) -> None:
        """Drop every packet from ``other`` to ``one``, and back; SSH from here still works."""
        self._drop(one, self.host_ip(other))
        if both:
            self._drop(other, self.host_ip(one))

    def isolate(self, host: str) -> None:
        """Drop every packet between a host and all others of the lab."""
        for other in self.hosts:
            if other != host:
                self.partition(host, other)

    def slow(self, host: str, other: str, port: int, packets: int = 10) -> None:
        """Let a host receive only so many packets a second from this port of another one; the rest is lost."""
        self._cut.add(host)
        rule = ("iptables", "-A", "INPUT", "-s", self.host_ip(other), "-p", "tcp", "--sport", str(port))
        limit = ("-m", "limit", "--limit", f"{packets}/second", "--limit-burst", str(packets))
        self._netns(host, *rule, *limit, "-j", "ACCEPT")
        self._netns(host, *rule, "-j", "DROP")

    def unplug(self, host: str) -> None:
        """Take the whole network of a host away, SSH included; it keeps its address."""
        self._cut.add(host)
        self._netns(host, "ip", "link", "set", "eth0", "down")

    def readdress(self, host: str, address: str) -> None:
        """Give a host one more address, by which tests reach it from now on; Ansible keeps to the first one."""
        self._netns(host, "ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.addresses[host] = address

    def heal(self) -> None:
        """Undo every partition, isolate and unplug."""
        for host in sorted(self._cut - self._down):
            self._netns(host, "iptables", "-F", "INPUT")
            # A link that was down has lost its default route; hosts of a lab need none but for installs.
            self._netns(host, "ip", "link", "set", "eth0", "up")
            self._netns(host, "ip", "route", "replace", "default", "via", self.host_ip(host).rpartition(".")[0] + ".1")
        self._cut.clear()

    def mend(self) -> None:
        """Undo every fault made through this object."""
        for host in sorted(self._paused):
            self.unpause(host)
        for host in sorted(self._down):
            self.start(host)
        self.heal()

    def wait_until(self, what: str, ready: Callable[[], Any], seconds: float = LONG, every: float = 0.2) -> Any:
        """Poll until ``ready()`` is true and return its value; the test fails with ``what`` when that never comes."""
        deadline = time.monotonic() + seconds
        last: Any = None
        with spending("waits"):
            while time.monotonic() < deadline:
                try:
                    last = ready()
                except (AssertionError, OSError, subprocess.TimeoutExpired) as problem:
                    last = problem
                if last and not isinstance(last, Exception):
                    return last
                time.sleep(every)
        raise AssertionError(f"not within {seconds:g} s: {what} (last: {last!r})")

    def _name(self, host: str) -> str:
        return f"{self.prefix}-{host}"

    def _drop(self, at: str, source: str) -> None:
        self._cut.add(at)
        self._netns(at, "iptables", "-A", "INPUT", "-s", source, "-j", "DROP")

    def _netns(self, host: str, *command: str) -> None:
        pid = self.podman("inspect", "--format", "{{.State.Pid}}", self._name(host))
        subprocess.run([*SUDO, "nsenter", "--target", pid, "--net", *command], check=True, capture_output=True)

    def _hang_up(self, host: str) -> None:
        """Forget the shared SSH connection, which else would wait for a host that is gone."""
        ssh = ["ssh", "-F", str(self.state / "ssh_config"), "-O", "exit", host]
        subprocess.run(ssh, capture_output=True, check=False)
