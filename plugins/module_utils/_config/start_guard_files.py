# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the start guard of a server must know, as the files from which it reads that; pure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping

from .._host.files import parse_file
from .._model.file_changes import Wanted


def guard_files(params: Mapping[str, Any], file: Mapping[str, Any]) -> list[Wanted]:
    """Return the files beside the configuration; that of the users only where it must go."""
    facts = {key: params[key] for key in ("name", "port")}
    facts.update(params["guard"], **(params["guard_secrets"] or {}))
    users, place = (str(Path(file["path"]).with_suffix(end)) for end in (".acl", ".json"))
    absent = [] if facts.pop("acl") else [parse_file({"path": users, "state": "absent", "holds": "rules"})]
    facts = {
        key: value
        for key, value in facts.items()
        if value or key not in ("username", "other_port", "users_absent", "cluster")
    }
    for peers in ("members", "sentinels"):
        facts[peers] = [{key: value for key, value in peer.items() if value is not None} for peer in facts[peers]]
    connection = params["connection"]
    files = {part: connection[f"tls_{part}_file"] for part in ("ca", "cert", "key")}
    facts.update({"tls": files} if connection["tls"] else {})
    return [
        *absent,
        parse_file({**file, "path": place, "content": json.dumps(facts, indent=4) + "\n", "holds": "json"}),
    ]
