# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs leave behind, searched for secrets: output, caches, processes while they live, journals, files.

The secrets go to the hosts through standard input: a search must not be what it looks for.
"""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import Lab, Run
from patience import LONG

# Looks at arguments and environment of every process, and at temporary files that others may read, until its standard
# input ends. A process that lives for less than a look is seen with some luck only; there are many of them in a run.
SAMPLER = r"""
import json, os, select, stat, sys
words = [word.encode() for word in json.loads(sys.stdin.readline())]
found, looks, seen = set(), 0, set()
def look(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""
def open_files(top):
    for folder, names, files in os.walk(top):
        names[:] = [n for n in names if os.stat(os.path.join(folder, n)).st_mode & 0o005 == 0o005 and n != "log"]
        for path in (os.path.join(folder, name) for name in files):
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & 0o004:
                yield path
while not select.select([sys.stdin], [], [], 0.08)[0]:
    looks += 1
    for number in filter(str.isdigit, os.listdir("/proc")):
        line = look(f"/proc/{number}/cmdline")
        seen.add(line[:200])
        for kind, text in (("cmdline", line), ("environ", look(f"/proc/{number}/environ"))):
            if any(word in text for word in words):
                found.add(f"{kind} of {line[:200]!r}")
    for top in ("/tmp", "/var/tmp", "/dev/shm", "/run") if looks % 4 == 0 else ():
        try:
            found.update(path for path in open_files(top) if any(word in look(path) for word in words))
        except OSError:
            continue
print(json.dumps({"looks": looks, "processes": len(seen), "found": sorted(found)}))
"""

# What was written since the host was made and holds one of the words: path, mode, owner, group.
SEARCH = r"""
import json, os, stat, sys
words = [word.encode() for word in json.loads(sys.stdin.readline())]
made = os.stat("/proc/1").st_ctime - 5
if len(sys.argv) > 1:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
found, read = [], 0
for folder, names, files in os.walk("/"):
    names[:] = [] if folder in ("/proc", "/sys", "/dev", "/var/log/journal", "/run/log/journal") else names
    for path in (os.path.join(folder, name) for name in files):
        try:
            told = os.lstat(path)
            if not stat.S_ISREG(told.st_mode) or told.st_ctime < made:
                continue
            rest = b""
            with open(path, "rb") as file:
                read += 1
                for chunk in iter(lambda: file.read(1 << 20), b""):
                    if any(word in rest + chunk for word in words):
                        found.append([path, f"{told.st_mode & 0o7777:o}", told.st_uid, told.st_gid])
                        break
                    rest = chunk[-200:]
        except OSError:
            continue
print(json.dumps({"read": read, "found": found}))
"""


def marks(secret: str) -> list[str]:
    """Return what of a secret any spelling keeps: its longest word, also in hexadecimal, and in base64 wherever."""
    core = max(re.findall(r"[\w-]+", secret, re.ASCII), key=len).encode()
    shifted = [b64encode(b"x" * shift + core).decode() for shift in range(3)]
    return [core.decode(), core.hex(), *(text[(0, 2, 3)[shift] : -4] for shift, text in enumerate(shifted))]


class Traces:
    """The secrets of a lab, and where they are found although they must not."""

    def __init__(self, lab: Lab, hosts: Sequence[str], secrets: Sequence[str], cache: Path, key: Path) -> None:
        """Remember what is secret; `cache` is for what the controller writes down, `key` opens the vault."""
        self.lab, self.hosts, self.secrets, self.cache, self.key = lab, list(hosts), [], cache, key
        self.secrets = [mark for secret in secrets for mark in marks(secret)]

    def play(self, name: str, *arguments: str) -> Run:
        """Run a playbook, as talkative as it gets, and stop the test when a secret is seen anywhere meanwhile."""
        log = self.cache / "ansible.log"
        settings = {
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.cache / "facts"),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callbacks")),
            "ANSIBLE_CALLBACKS_ENABLED": "events",
            "ANSIBLE_LOG_PATH": str(log),
            "QUORUM_EVENTS": str(self.cache / "events.json"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.key),
            "ANSIBLE_LOCAL_TEMP": str(self.cache / "tmp"),
        }
        with self.sampled():
            run = self.lab.run_playbook(name, *arguments, "-vvv", "--diff", timeout=900, **settings)
        for what, text in (("the output", run.stdout), *self._written()):
            assert not self.told(text), f"{what} of {name} {' '.join(arguments)} holds a secret: {self.told(text)}"
        assert log.stat().st_size > 1000 and (self.cache / "events.json").stat().st_size > 1000
        return run

    def _written(self) -> Iterator[tuple[str, str]]:
        """Yield what the controller has written down."""
        for path in sorted(self.cache.rglob("*")):
            if path.is_file():
                yield str(path), path.read_text(encoding="utf-8", errors="replace")

    def told(self, text: str) -> list[str]:
        """Return the lines that hold a secret."""
        return [line[:300] for line in text.splitlines() if any(secret in line for secret in self.secrets)]

    @contextmanager
    def sampled(self) -> Iterator[None]:
        """Look at the processes and temporary files of the hosts meanwhile."""
        samplers = {host: self._python(host, SAMPLER) for host in self.hosts}
        for sampler in samplers.values():
            assert sampler.stdin
            sampler.stdin.write(json.dumps(self.secrets) + "\n")
            sampler.stdin.flush()
        try:
            yield
        finally:
            answers = {host: sampler.communicate(timeout=LONG)[0] for host, sampler in samplers.items()}
        for host, answer in answers.items():
            told = json.loads(answer)
            assert told["looks"] > 2 and told["processes"] > 5, f"{host}: hardly looked at: {told}"
            assert not told["found"], f"{host}: seen while a playbook ran: {told['found']}"

    def _python(self, host: str, program: str, *arguments: str) -> subprocess.Popen[str]:
        words = " ".join(arguments)
        ssh = ["ssh", "-F", str(self.lab.state / "ssh_config"), host, f"python3 -c '{program}' {words}"]
        return subprocess.Popen(ssh, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def files(self, host: str, ordinary: bool = False) -> dict[str, str]:
        """Return every file of a host that holds a secret with its mode, uid and gid; as an ordinary user sees it."""
        search = self._python(host, SEARCH, *["ordinary"] * ordinary)
        told = json.loads(search.communicate(json.dumps(self.secrets) + "\n", timeout=LONG)[0])
        assert told["read"] > 50, f"{host}: only {told['read']} files could be read"
        return {path: f"{mode} {uid}:{gid}" for path, mode, uid, gid in told["found"]}

    def journal(self, host: str) -> list[str]:
        """Return the lines of the whole journal, all fields, that hold a secret."""
        text = self.lab.sh(host, "journalctl --no-pager --all --output export | tr -c '[:print:]\\n' '?'", timeout=LONG)
        assert len(text) > 10000
        return self.told(text)
