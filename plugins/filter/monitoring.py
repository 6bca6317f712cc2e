# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter monitoring: what exporters and Prometheus are told."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from ..module_utils._model import monitoring as model

DOCUMENTATION = r"""
name: monitoring
short_description: Return what exporters and Prometheus are told
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Puts together the exporters of a host and the targets of Prometheus from what M(quorum.redis.topology) and
    P(quorum.redis.access#filter) return.
  - For the role P(quorum.redis.redis_monitoring#role).
positional: _input
options:
  _input:
    description: What M(quorum.redis.topology) returns on this host.
    type: dict
    required: true
  options:
    description: By host of the deployment, the C(options) that M(quorum.redis.topology) returns there.
    type: dict
    required: true
  access:
    description: What P(quorum.redis.access#filter) returns. Without it there are no exporters in the result.
    type: dict
  sentinel:
    description: C(password) of the Sentinels, and C(clients), the passwords of its user for clients.
    type: dict
  host:
    description: The name of this host.
    type: str
    default: ""
  prometheus:
    description: Hosts on which Prometheus runs.
    type: list
    elements: str
  timer:
    description: Whether this host carries the timer that makes backups.
    type: bool
    default: false
  fronts:
    description: For each host with endpoints its name, and address and port of their metrics.
    type: list
    elements: list
"""

EXAMPLES = r"""
- name: Show where Prometheus finds the servers and the Sentinels
  ansible.builtin.debug:
    msg: "{{ (redis_topology | quorum.redis.monitoring(options)).targets }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems), a sentence for each reason why this cannot work; C(processes), the exporters of this host, with
      C(name), C(of), C(passwords), C(copies) and C(arguments); C(targets) for C(file_sd) of Prometheus; and C(facts)
      with C(settings) and C(secrets) of the program that writes the facts of this host, empty without exporters.
  type: dict
"""


def monitoring(
    topology: Mapping[str, Any],
    options: Mapping[str, Mapping[str, Any]],
    access: Optional[Mapping[str, Any]] = None,
    sentinel: Optional[Mapping[str, Any]] = None,
    host: str = "",
    prometheus: Sequence[str] = (),
    timer: bool = False,
    fronts: Sequence[Sequence[Any]] = (),
) -> Dict[str, Any]:
    """Return exporters and targets."""
    exporters: Dict[str, Any] = {"problems": [], "processes": []}
    facts: Dict[str, Any] = {}
    if access is not None:
        watch = sentinel or {"password": "", "clients": []}
        exporters = model.build_exporters(topology, access, watch, host)
        facts = model.facts_settings(topology, access, watch, host, timer) if exporters["processes"] else {}
    return {
        "problems": [*exporters["problems"], *model.find_unreachable(options, prometheus, fronts)],
        "processes": exporters["processes"],
        "facts": facts,
        "targets": model.list_targets(topology, options, fronts),
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"monitoring": monitoring}
