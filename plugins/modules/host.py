#!/usr/bin/python
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host
version_added: 0.1.0
short_description: Write the small files of a host, set its kernel as servers need it, and find what is in their way
author: quorum.redis contributors (@quorum)
description:
  - Writes unit files, programs, masks and the like, each file at once or not at all.
  - Sets the kernel's values now, and writes the files that set them again at each boot.
  - Where the kernel cannot be set, as in most containers, the module warns and goes on, on every run alike.
  - Something that is not ours and holds a port of O(listens) fails the task before anything is changed. What a package
    has started, what holds no key and has no client, is stopped without being asked for.
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
    description: Packages to look for. They are not installed, only RV(packages_missing) tells; asking the package
      database is many times cheaper than asking the package manager. A missing one that no package source has fails
      the task before anything is changed; in check mode only where apt has lists that could have it.
    type: list
    elements: str
    default: []
  engine:
    description: The engine that is declared, for messages. When it is given, a server or Sentinel that runs another
      program than O(program), or while the first of O(pinned) is not installed in O(version), fails the task before
      anything is changed.
    type: str
    default: ''
  pinned:
    description: Those of O(packages) that are the engine.
    type: list
    elements: str
    default: []
  version:
    description: Version that O(pinned) shall have, whole or its first parts. One that is not installed and that no
      package source has fails the task before anything is changed.
    type: str
    default: ''
  upgrade:
    description: Whether O(pinned) may take the place of another version, and of an older build of the same one.
    type: bool
    default: false
  program:
    description: The program file that the units of this collection shall run. When it is given, RV(running) and
      RV(other_program) tell what they run now.
    type: path
  units:
    description: The units of this collection that are declared. The module warns of a server that runs beside them,
      and of a drop-in that changes how a unit of this collection starts.
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
    description: The address by which others know this host. One that is not of this host fails the task before anything
      is changed, when nothing answers there while units of O(listens) run, or another machine does.
    type: str
  data:
    description: Where the data directories are, or will be.
    type: path
    default: /var/lib/redis
  listens:
    description: The ports that each unit of this host listens on.
    type: dict
    default: {}
  bind:
    description: The addresses that they listen on; empty for all. O(address) must be one of them, and each must be an
      address of this host.
    type: list
    elements: str
    default: []
  packaged:
    description: Units of packages whose place the units of this collection take. One that runs has to go too.
    type: list
    elements: str
    default: []
  replace_foreign:
    description:
      - Whether a server or Sentinel that is not ours is stopped and does not start again. It saves its data before
        that, and its directory is kept.
      - Containers, and what is no server of this family, are never stopped.
    type: bool
    default: false
  config:
    description: Options of M(quorum.redis.config) with C(processes), as JSON. Whether it would find nothing to do is in
      RV(converged), and what it refuses fails the task. Only looked at where the host itself needs nothing.
    type: jsonarg
  acl:
    description: A list of options of M(quorum.redis.acl), as JSON, likewise. Only looked at where O(config) is
      converged.
    type: jsonarg
  sentinel:
    description: Options of M(quorum.redis.sentinel), as JSON, likewise. Only looked at where the others are converged.
    type: jsonarg
  membership:
    description:
      - Options of M(quorum.redis.membership), as JSON. What it refuses is refused before this host is looked at, and
        RV(membership) is what it returns.
    type: jsonarg
  apply:
    description: Whether the steps are done. When V(false), they are reported as in check mode, for a decision that
      concerns other hosts too; a later execution does them.
    type: bool
    default: true
extends_documentation_fragment:
  - quorum.redis.attributes
  - quorum.redis.files
  - quorum.redis.files.host
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
program_exists:
  description: Whether O(program) is there.
  returned: success
  type: bool
other_program:
  description: Those of RV(running) whose program file is not O(program).
  returned: success
  type: list
  elements: str
pin:
  description: The newest build of O(version) that the package sources have, when they were asked.
  returned: success
  type: str
  sample: 5:7.0.15-1~deb12u5
packages_missing:
  description: Those of O(packages) that are to be installed, where RV(pin) is known as C(name=version); all of them
    where there is no dpkg.
  returned: success
  type: list
  elements: str
lists_empty:
  description: Whether packages are missing in check mode, and apt has no lists yet that could tell whether a source has
    them. A warning says so; a run renews the lists first.
  returned: success
  type: bool
foreign:
  description: What is not ours and was stopped, or would be.
  returned: success
  type: list
  elements: str
  sample:
    - "port 6379 is held by redis-server.service (redis 8.0.2, pid 412): primary with 0 replicas, 0 keys"
membership:
  description: What M(quorum.redis.membership) returns, empty without O(membership).
  returned: success
  type: dict
converged:
  description: Which of V(config), V(acl) and V(sentinel) this host can be left without. What fails, warns or would have
    to wait is not among them, and is said by the module itself.
  returned: success
  type: list
  elements: str
unsettled:
  description: Which of them were asked for and are not in RV(converged).
  returned: success
  type: list
  elements: str
steps:
  description: What was done, or would be in check mode, one sentence each.
  returned: always
  type: list
  elements: str
"""

from itertools import takewhile
from typing import Any, Dict, List, Tuple

from ..module_utils._acl.reconciler import Acl
from ..module_utils._config.processes import KnownProcesses
from ..module_utils._host.reconciler import Host
from ..module_utils._membership.reconciler import Declared
from ..module_utils._module.options import FILES_OPTIONS, HOST_OPTIONS
from ..module_utils._module.process_options import ACL_OPTIONS, CONFIG_OPTIONS, MEMBERSHIP_OPTIONS, SENTINEL_OPTIONS
from ..module_utils._module.runner import MaskedModule, is_converged, look_first, run
from ..module_utils._sentinel.reconciler import Sentinel

OPTIONS: dict[str, Any] = {
    "overcommit_memory": {"type": "int"},
    "somaxconn": {"type": "int"},
    "swappiness": {"type": "int"},
    "transparent_hugepages": {"type": "str", "choices": ["never", "madvise", "always"]},
    "sysctl_file": {"type": "path", "default": "/etc/sysctl.d/90-quorum-redis.conf"},
    "tmpfiles_file": {"type": "path", "default": "/etc/tmpfiles.d/90-quorum-redis.conf"},
    "memory_needed": {"type": "int", "default": 0},
    "packages": {"type": "list", "elements": "str", "default": []},
    "engine": {"type": "str", "default": ""},
    "pinned": {"type": "list", "elements": "str", "default": []},
    "version": {"type": "str", "default": ""},
    "upgrade": {"type": "bool", "default": False},
    "program": {"type": "path"},
    "units": {"type": "list", "elements": "str"},
    "authorities": {"type": "path"},
    "certificate": {"type": "path"},
    "key": {"type": "path", "no_log": False},
    "address": {"type": "str"},
    "data": {"type": "path", "default": "/var/lib/redis"},
    "listens": {"type": "dict", "default": {}},
    "bind": {"type": "list", "elements": "str", "default": []},
    "packaged": {"type": "list", "elements": "str", "default": []},
    "replace_foreign": {"type": "bool", "default": False},
    "config": {"type": "jsonarg", "no_log": True},
    "acl": {"type": "jsonarg", "no_log": True},
    "sentinel": {"type": "jsonarg", "no_log": True},
    "membership": {"type": "jsonarg", "no_log": True},
    "apply": {"type": "bool", "default": True},
    **FILES_OPTIONS,
    **HOST_OPTIONS,
}


# What a run can leave out where it is converged, each only where the one before it is; and whether what it refuses is
# refused here: ACL users are made before the configuration is written.
LATER: Dict[str, Tuple[Any, Dict[str, Any], bool]] = {
    "config": (KnownProcesses, CONFIG_OPTIONS, True),
    "acl": (Acl, ACL_OPTIONS, False),
    "sentinel": (Sentinel, SENTINEL_OPTIONS, False),
}


def main() -> None:
    """Run the module."""
    module = MaskedModule(OPTIONS, supports_check_mode=True)
    asked = [name for name in LATER if module.params[name]]

    def find_converged() -> List[str]:
        return list(takewhile(lambda name: is_converged(module, *LATER[name], module.params[name]), asked))

    def compare_members() -> Dict[str, Any]:
        options = module.params["membership"]
        return look_first(module, Declared, MEMBERSHIP_OPTIONS, options) if options else {}

    run(module, lambda given: Host(given, asked, find_converged, compare_members), needs_library=False)


if __name__ == "__main__":
    main()
