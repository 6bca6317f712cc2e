# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall of one host, with files of the test in place of those of the host, and no kernel."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._host import nftables
from ansible_collections.quorum.redis.plugins.module_utils._host.commands import MISSING
from ansible_collections.quorum.redis.plugins.module_utils._model.firewall import ports_of, read_networks, render_rules

HEAD = "  sl  local_address rem_address   st\n"
PLAIN, SECURE = "   0: 00000000:18EB 00000000:0000 0A\n", "   1: 00000000:3FFB 00000000:0000 0A\n"


def look(folder: Path, monkeypatch: pytest.MonkeyPatch, ports: list[int], before: list[int], tcp: str) -> Any:
    """Look at the one server that is declared with these ports, and had those."""
    (folder / "main.nft").write_text(render_rules("main", before, read_networks(["10.0.0.1"])))
    (folder / "tcp").write_text(HEAD + tcp)
    monkeypatch.setattr(nftables, "FOLDER", folder)
    monkeypatch.setattr(nftables, "TCP", (folder / "tcp",))
    monkeypatch.setattr(nftables, "run_command", lambda *_command, **_more: (MISSING, ""))
    monkeypatch.setattr(nftables, "show_units", lambda *_asked: "")
    params = {"processes": [{"name": "main", "ports": ports}], "peers": ["10.0.0.1"], "clients": [], "ssh_port": 22}
    module: Any = SimpleNamespace(params={**params, "state": "present", "ignore_clients": False}, check_mode=True)
    (wall,) = nftables.Firewall(module).observe()
    return wall


@pytest.mark.parametrize(
    ("ports", "before", "tcp", "kept"),
    [
        ([16379], [6379], PLAIN, [6379, 16379]),
        ([16379], [6379, 16379], PLAIN + SECURE, [6379, 16379]),
        ([16379], [6379, 16379], SECURE, [16379]),
        ([6379, 16379], [6379], PLAIN, [6379, 16379]),
        ([16379], [22, 16379], SECURE + "   2: 00000000:0016 00000000:0000 0A\n", [16379]),
    ],
)
def test_a_port_stays_guarded_until_nobody_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ports: list[int], before: list[int], tcp: str, kept: list[int]
) -> None:
    """The run may be refused later, as from `redis_tls: off` to `only`, and then the server stays where it was."""
    assert sorted(ports_of(look(tmp_path, monkeypatch, ports, before, tcp).want.content.decode())) == kept
