# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move that Valkey 9 coordinates itself, while clients wait; on loopback, with the server that a host has built."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

from deployment.matrix import HOSTS
from integration.conftest import Engine
from integration.conftest import Lab as Loopback
from integration.test_blocked import move_under
from lab import SETTINGS, Lab
from ledger.scene import Scene


def test_blocked_clients_are_cut_off_by_a_coordinated_move(lab: Lab, tmp_path: Path) -> None:
    """But for readers: XREAD cannot be paused, and the engine may be quicker than who cuts it off."""
    (host,) = HOSTS["source_valkey"]
    program = tmp_path / "valkey-server"
    packed = lab.sh(host, "gzip -1c $(ls /opt/quorum-redis/*/bin/valkey-server) | base64 --wrap 0")
    program.write_bytes(gzip.decompress(base64.b64decode(packed)))
    program.chmod(0o755)
    own = Loopback(tmp_path, Path(SETTINGS["ANSIBLE_COLLECTIONS_PATH"]), Engine("valkey-9", str(program)))
    try:
        move_under(Scene.build(own), "coordinated", moves=2, readers=False)
    finally:
        own.close()
