#!/usr/bin/env python3
# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/set.svg, the README's picture: the set of its example, as `status` draws it; --check compares instead."""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.quorum.redis.plugins.module_utils._model.markup import make_tag  # noqa: E402
from ansible_collections.quorum.redis.plugins.module_utils._model.observed import (  # noqa: E402
    Downstream,
    Observed,
    SentinelView,
    Upstream,
    WatchedMaster,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.status_drawing import (  # noqa: E402
    DRAWING_STYLE,
    drawing_of,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.status_verdict import judge_sets  # noqa: E402

PLACE = ROOT / "docs" / "set.svg"
HOSTS = {"db1": "192.0.2.11", "db2": "192.0.2.12", "db3": "192.0.2.13"}
HEAD, *REPLICAS = HOSTS.values()


def member(address: str) -> dict[str, object]:
    """Return what a server of the example says of itself."""
    seen = Observed(reachable=True, engine="redis", version="7.0.15", offset=1000, key_count=7)
    if address == HEAD:
        seen.role, seen.replicas = "primary", [Downstream(other, 6379, "online", 1000, 0) for other in REPLICAS]
    else:
        seen.role, seen.primary = "replica", Upstream(HEAD, 6379, "up", False, 0)
    return seen.to_dict()


def sentinel(address: str) -> dict[str, object]:
    """Return what a Sentinel of the example says."""
    seen = WatchedMaster(HEAD, 6379, flags=["master"], quorum=2)
    seen.replicas = [{"address": other, "port": 6379, "myid": other, "flags": ["slave"]} for other in REPLICAS]
    seen.sentinels = [
        {"address": other, "port": 26379, "myid": other, "flags": ["sentinel"]}
        for other in HOSTS.values()
        if other != address
    ]
    return SentinelView(reachable=True, masters={"main": seen}).to_dict()


def draw_example() -> str:
    """Return the picture as a file of its own, which brings its style and its ground."""
    places = {
        port: [{"host": host, "address": address, "port": port} for host, address in HOSTS.items()]
        for port in (6379, 26379)
    }
    declared = {"name": "main", "members": places[6379], "sentinel": True, "port": 6379}
    servers = {host: {"main": member(address)} for host, address in HOSTS.items()}
    views = {host: sentinel(address) for host, address in HOSTS.items()}
    model = {"instances": [declared], "sentinel": {"members": places[26379]}}
    sets, left = judge_sets(model, servers, views, None)
    if left or sets[0].problems:
        raise SystemExit(f"the example is not healthy: {left or sets[0].problems}")
    drawing = drawing_of(sets[0], places[26379])
    drawing.set("xmlns", "http://www.w3.org/2000/svg")
    drawing.insert(0, make_tag("style", DRAWING_STYLE))
    drawing.insert(1, make_tag("rect", width="100%", height="100%", fill="#fff"))
    return ET.tostring(drawing, encoding="unicode")


def main() -> int:
    """Write it, or say that it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    made = draw_example()
    if not parser.parse_args().check:
        PLACE.write_text(made, encoding="utf-8")
    elif not PLACE.exists() or PLACE.read_text(encoding="utf-8") != made:
        print("docs/set.svg is out of date: tools/picture.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
