# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of an inventory: why one cannot be worked out, and what other hosts have."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError

from ..module_utils._model.options import convert_value


def explain_value(name: str, raw: Any, problem: Exception) -> str:
    """Return why a variable has no value: most often it uses facts, which cost each run and are not gathered."""
    why = str(problem).splitlines()[0].rstrip(".")
    if "ansible_" not in str(raw):
        return f"{name} has no value: {why}."
    return (
        f"{name} is made from facts, which are not gathered: {why}. Gather those of all members in a play before this "
        "one, as docs/topology.md shows, or write the value."
    )


def see_endpoint(hostvars: Any, host: str) -> tuple[str, bool] | None:
    """Return the deployment of a host, and whether its variables have an endpoint; None where they cannot be read."""
    try:
        given = convert_value(hostvars[host].get("redis_instances"), "list", "dict")
        group = str(hostvars[host].get("redis_group") or "redis")
    except (AnsibleError, ValueError):
        return None
    return group, any(data_set.get("endpoint") for data_set in given or [])
