# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an application connects to a set: the values for its environment, and the code of docs/clients.md. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence

# The files of the page that belong to one client, in the order in which one writes them.
FILES: Mapping[str, Sequence[str]] = {
    "python": ("redis_set.py", "app.py"),
    "asyncio": ("redis_set.py", "app_asyncio.py"),
    "celery": ("redis_set.py", "tasks.py"),
    "rq": ("redis_set.py", "rq_settings.py", "app_rq.py"),
    "django": ("redis_set.py", "app_django.py"),
    "flask": ("redis_set.py", "app_flask.py"),
    "ioredis": ("redis_set.mjs", "app_ioredis.mjs"),
    "node-redis": ("redis_set.mjs", "app_node_redis.mjs"),
    "bullmq": ("redis_set.mjs", "app_bullmq.mjs"),
    "connect-redis": ("redis_set.mjs", "app_session.mjs"),
    # These two are not run by a test, and say so.
    "java": ("RedisSet.java",),
    "go": ("redis_set.go",),
}
NO_SENTINEL = ": no Sentinel names its primary, so this code does not serve it; an endpoint does"
BLOCK = re.compile(r"^```(?:python|javascript|java|go)\n(?:#|//) (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> Dict[str, str]:
    """Return the files that the page shows, by name."""
    return dict(BLOCK.findall(page))


def describe_connection(declared: Mapping[str, Any], model: Mapping[str, Any]) -> List[str]:
    """Return the values that an application of one set needs, none of them a secret; nothing without Sentinels."""
    if not declared["sentinel"]:
        return []
    # An IPv6 address has colons too; the port is what follows the last one.
    places = ",".join(f"{place['address']}:{place['port']}" for place in model["sentinel"]["members"])
    values = [f"REDIS_NAME={declared['name']}", f"REDIS_SENTINELS={places}"]
    access = model.get("tls") or {}
    return [*values, f"REDIS_CA={access['ca']}"] if access.get("on") else values


def client_code(page: str, client: str, model: Mapping[str, Any]) -> List[str]:
    """Return the code for one client, with the values of each set before it."""
    lines = []
    for declared in model["instances"]:
        values = describe_connection(declared, model)
        lines += [f"# data set {declared['name']}" + ("" if values else NO_SENTINEL)]
        lines += [f"export {value}" for value in values]
    lines += [
        "# REDIS_USERNAME, REDIS_PASSWORD, REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD: from your vault",
        "",
    ]
    shown = files_of(page)
    for name in FILES[client]:
        comment = "#" if name.endswith("py") else "//"
        lines += [f"{comment} {name}", *shown[name].rstrip("\n").splitlines(), ""]
    return lines
