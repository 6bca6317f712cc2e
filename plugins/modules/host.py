#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host
version_added: 0.1.0
short_description: Set the kernel of a host as servers need it, and check its memory
author: quorum.redis contributors (@quorum)
description:
  - Sets the kernel's values now, and writes the files that set them again at each boot.
  - Where the kernel cannot be set, as in most containers, the module warns and goes on, on every run alike.
options:
  overcommit_memory:
    description: Value of C(vm.overcommit_memory); V(1) lets a large server fork. Not touched when left out.
    type: int
  somaxconn:
    description: Value of C(net.core.somaxconn), the upper limit of C(tcp-backlog). Not touched when left out.
    type: int
  swappiness:
    description: Value of C(vm.swappiness). Not touched when left out.
    type: int
  transparent_hugepages:
    description: Transparent huge pages; anything but V(always) is good for a server that forks. Not touched when
      left out, nor where the kernel does not have them.
    type: str
    choices: [never, madvise, always]
  sysctl_file:
    description: The file that sets the sysctl values at boot.
    type: path
    default: /etc/sysctl.d/90-quorum-redis.conf
  tmpfiles_file:
    description: The file by which systemd-tmpfiles sets transparent huge pages at boot.
    type: path
    default: /etc/tmpfiles.d/90-quorum-redis.conf
  memory_needed:
    description: Bytes that the instances of this host may come to use; more than it has is an error.
    type: int
    default: 0
  packages:
    description: Packages to look for, by name or as V(name=version). They are not installed, only RV(packages_missing)
      tells; asking the package database is many times cheaper than asking the package manager. A missing one that
      no package source has fails the task before anything is changed.
    type: list
    elements: str
    default: []
  program:
    description: The program file that the units of this collection shall run. When it is given, RV(running) and
      RV(other_program) tell what they run now.
    type: path
  units:
    description: The units of this collection that are declared. The module warns of a server that runs beside them.
    type: list
    elements: str
  authorities:
    description: A file with certificates of CAs, for RV(authorities_sha256).
    type: path
  certificate:
    description: The certificate that servers and Sentinels of this host will show. One that O(authorities) do not prove
      for O(address), that has ended, or whose key is not O(key), fails the task before anything is changed.
    type: path
  key:
    description: The key of O(certificate).
    type: path
  address:
    description: The address by which others know this host.
    type: str
  data:
    description: Where the data directories are, or will be.
    type: path
    default: /var/lib/redis
extends_documentation_fragment:
  - quorum.redis.attributes
"""

EXAMPLES = r"""
- name: Set the kernel
  quorum.redis.host:
    overcommit_memory: 1
    somaxconn: 1024
    transparent_hugepages: madvise
    memory_needed: "{{ redis_topology.memory_needed }}"
"""

RETURN = r"""
unsettable:
  description: Settings that differ and cannot be set here.
  returned: success
  type: list
  elements: str
  sample: [overcommit_memory]
memory:
  description: Bytes of memory of this host, or of the container that it is.
  returned: success
  type: int
memory_free:
  description: Bytes of memory that are available now.
  returned: success
  type: int
disk_free:
  description: Bytes that are free where O(data) is.
  returned: success
  type: int
authorities_sha256:
  description: What tells one content of O(authorities) from another; empty when it cannot be read.
  returned: success
  type: str
firewalls:
  description: Names of the servers and Sentinels of this host with a firewall, see M(quorum.redis.firewall).
  returned: success
  type: list
  elements: str
running:
  description: The units of servers and Sentinels that run, with the program file of each.
  returned: success
  type: dict
  sample: {"redis-server@main.service": /usr/bin/redis-check-rdb}
other_program:
  description: Those of RV(running) whose program file is not O(program).
  returned: success
  type: list
  elements: str
packages:
  description: Those of O(packages) that are installed in any version, with that version.
  returned: success
  type: dict
  sample: {redis-server: "5:7.0.15-1~deb12u5"}
packages_missing:
  description: Those of O(packages) that are not installed in this version; all of them where there is no dpkg.
  returned: success
  type: list
  elements: str
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.reconcile import Reconciler, Step
from ..module_utils._host import files as host_files
from ..module_utils._host.capacity import disk_free, memory_free
from ..module_utils._host.certificates import check, digest
from ..module_utils._host.kernel import View, check_memory, observe, put
from ..module_utils._host.packages import check_candidates
from ..module_utils._host.services import other_programs, running_programs, undeclared_servers
from ..module_utils._module.runner import MaskedModule, run
from ..module_utils._redis.tls import Tls

OPTIONS: dict[str, Any] = {
    "overcommit_memory": {"type": "int"},
    "somaxconn": {"type": "int"},
    "swappiness": {"type": "int"},
    "transparent_hugepages": {"type": "str", "choices": ["never", "madvise", "always"]},
    "sysctl_file": {"type": "path", "default": "/etc/sysctl.d/90-quorum-redis.conf"},
    "tmpfiles_file": {"type": "path", "default": "/etc/tmpfiles.d/90-quorum-redis.conf"},
    "memory_needed": {"type": "int", "default": 0},
    "packages": {"type": "list", "elements": "str", "default": []},
    "program": {"type": "path"},
    "units": {"type": "list", "elements": "str"},
    "authorities": {"type": "path"},
    "certificate": {"type": "path"},
    "key": {"type": "path", "no_log": False},
    "address": {"type": "str"},
    "data": {"type": "path", "default": "/var/lib/redis"},
}


class Host(Reconciler[View]):
    """The kernel of this host."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the options."""
        super().__init__()
        self.module = module

    def observe(self) -> View:
        """Look, and refuse at once what the memory cannot hold and certificates that will not do."""
        given = self.module.params
        if given["certificate"]:
            check(Tls(given["authorities"], given["certificate"], given["key"]), given["address"] or "", "TLS")
        view = observe(self.module.params)
        check_memory(view, self.module.params["memory_needed"])
        check_candidates(view.packages_missing, update=not self.module.check_mode)
        return view

    def plan(self, obs: View) -> list[Step]:
        """One step for each file and each value that differs and can be set."""
        steps = [Step(host_files.describe(*pair), {"file": pair}) for pair in obs.files]
        for setting in obs.settings:
            if setting.differs and setting.writable:
                text = f"set {setting.name} from {setting.now or 'nothing'} to {setting.wanted}"
                steps.append(Step(text, {"setting": setting}))
        return steps

    def apply(self, step: Step) -> None:
        """Write a file or a value."""
        if "file" in step.data:
            seen, want = step.data["file"]
            host_files.put(seen, want, lambda path: self.module.set_default_selinux_context(path, False))
        else:
            put(step.data["setting"])

    def settle(self, before: View, steps: list[Step]) -> View:
        """A written value is as it was written."""
        return before

    def result(self, obs: View, steps: list[Step]) -> dict[str, Any]:
        """Name what this host does not let us set."""
        program = self.module.params["program"]
        programs = running_programs() if program else {}
        fixed = [item for item in obs.settings if item.differs and not item.writable]
        self.warnings += [
            f"{item.name} is {item.now or 'unknown'} and cannot be set to {item.wanted} here" for item in fixed
        ]
        if self.module.params["units"] is not None:
            self.warnings += undeclared_servers(programs, self.module.params["units"])
        return {
            "unsettable": [item.name for item in fixed],
            "memory": obs.memory,
            "memory_free": memory_free(),
            "disk_free": disk_free(self.module.params["data"]),
            "authorities_sha256": digest(self.module.params["authorities"] or ""),
            "firewalls": sorted(path.stem for path in Path("/etc/quorum-redis").glob("*.nft")),
            "running": programs,
            "other_program": other_programs(programs, program) if programs else [],
            "packages": obs.packages,
            "packages_missing": obs.packages_missing,
        }

    def diff(self, before: View, after: View | None, steps: list[Step]) -> list[dict[str, str]]:
        """The files, then the values."""
        found = [host_files.diff(seen, want) for seen, want in before.files]
        items = [step.data["setting"] for step in steps if "setting" in step.data]
        if items:
            found.append(
                {
                    "before_header": "kernel",
                    "after_header": "kernel",
                    "before": "".join(f"{item.name} {item.now}\n" for item in items),
                    "after": "".join(f"{item.name} {item.wanted}\n" for item in items),
                }
            )
        return found


def main() -> None:
    """Run the module."""
    run(MaskedModule(OPTIONS, supports_check_mode=True), Host, needs_library=False)


if __name__ == "__main__":
    main()
