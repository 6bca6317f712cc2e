# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which metrics of the exporters alert rules and dashboards read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Set

import yaml

FILES = Path(__file__).resolve().parents[1] / "roles" / "redis_monitoring" / "files"


def names_needed() -> Set[str]:
    """Return them, without facts of the hosts, recorded series and those that Prometheus makes itself."""
    groups = yaml.safe_load((FILES / "quorum-redis.rules.yml").read_text(encoding="utf-8"))["groups"]
    asked = [rule["expr"] for group in groups for rule in group["rules"]]
    for path in FILES.glob("*.json"):
        panels = json.loads(path.read_text(encoding="utf-8"))["panels"]
        asked += [target["expr"] for panel in panels for target in panel["targets"]]
    return set(re.findall(r"(?<![\w:])redis_\w+", " ".join(re.sub(r'"[^"]*"', "", text) for text in asked)))
