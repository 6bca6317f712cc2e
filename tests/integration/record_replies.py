# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the replies of an engine as a fixture of the unit tests.

Usage: PYTHONPATH=tests python -m integration.record_replies NAME=/path/of/redis-server ...
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict

from .conftest import Engine, Lab, Server, wait_until

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "unit" / "plugins" / "module_utils" / "_redis" / "fixtures"


def info(server: Server) -> str:
    """Return INFO without what tells about the machine."""
    text = str(server.call("INFO"))
    return re.sub(r"(?m)^(executable|config_file|os|gcc_version):[^\r]*", r"\1:removed", text)


def record(lab: Lab) -> Dict[str, Any]:
    """Return the replies of a primary, a replica, a parked member and a Sentinel."""
    primary, replica, parked = lab.server("r1"), lab.server("r2"), lab.server("r3", parked=True)
    primary.call("MSET", "a", "1", "b", "2")
    primary.call("PUBLISH", "nowhere", "x")
    replica.call("REPLICAOF", "127.0.0.1", str(primary.port))
    wait_until("link up", lambda: replica.info()["master_link_status"] == "up" and "lag" in primary.info()["slave0"])
    sentinel, other = lab.sentinel("s1"), lab.sentinel("s2")
    for one in (sentinel, other):
        one.call("SENTINEL", "MONITOR", "main", "127.0.0.1", str(primary.port), "2")

    def linked(what: str) -> bool:
        reply = sentinel.call("SENTINEL", what, "main")
        return bool(reply) and "disconnected" not in str(reply[0])

    wait_until("the other Sentinel", lambda: linked("SENTINELS"))
    wait_until("the replica", lambda: linked("REPLICAS"))
    wait_until("its first INFO", lambda: "master-link-status" in sentinel.call("SENTINEL", "REPLICAS", "main")[0])
    return {
        "ports": {"primary": primary.port, "replica": replica.port, "parked": parked.port, "other": other.port},
        "info_primary": info(primary),
        "info_replica": info(replica),
        "info_parked": info(parked),
        "info_sentinel": info(sentinel),
        "masters": sentinel.call("SENTINEL", "MASTERS"),
        "replicas": sentinel.call("SENTINEL", "REPLICAS", "main"),
        "sentinels": sentinel.call("SENTINEL", "SENTINELS", "main"),
    }


def main() -> None:
    """Record every engine that is named."""
    FIXTURES.mkdir(exist_ok=True)
    for name, binary in (item.split("=", 1) for item in sys.argv[1:]):
        with tempfile.TemporaryDirectory() as directory:
            lab = Lab(Path(directory), ROOT / "collections", Engine(name, binary))
            try:
                text = json.dumps(record(lab), indent=1, sort_keys=True)
            finally:
                lab.close()
        (FIXTURES / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
