# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards are those that the generator writes, and nothing in them is of one Grafana alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.quorum.redis.plugins.module_utils._model.facts import HELP, PREFIX

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "roles" / "redis_monitoring" / "files"
DASHBOARDS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FILES.glob("*.json"))]
IDS = [found["uid"] for found in DASHBOARDS]


def expressions(found: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in found["panels"] for target in panel["targets"]]


def test_they_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "dashboards.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_they_are_told_apart() -> None:
    assert IDS == ["quorum-redis-cluster", "quorum-redis-deployment", "quorum-redis-set"]
    assert len({found["title"] for found in DASHBOARDS}) == len(DASHBOARDS)


@pytest.mark.parametrize("found", DASHBOARDS, ids=IDS)
def test_panels_have_numbers_of_their_own_and_lie_side_by_side(found: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in found["panels"]]
    assert len(set(numbers)) == len(numbers)
    cells: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        place = panel["gridPos"]
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not own & cells and max(x for x, _y in own) < 24, panel["title"]
        cells |= own
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("found", DASHBOARDS, ids=IDS)
def test_the_reader_chooses_the_source(found: dict[str, Any]) -> None:
    sources = [one["datasource"] for one in found["panels"]]
    sources += [target["datasource"] for panel in found["panels"] for target in panel["targets"]]
    assert {source["uid"] for source in sources} == {"${datasource}"}
    variables = [one["name"] for one in found["templating"]["list"]]
    used = set(re.findall(r"\$([a-z_]\w*)", " ".join(expressions(found))))
    assert used - {"__rate_interval"} == set(variables) - {"datasource"}


@pytest.mark.parametrize("found", DASHBOARDS, ids=IDS)
def test_own_metrics_are_written_or_recorded(found: dict[str, Any]) -> None:
    groups = yaml.safe_load((FILES / "quorum-redis.rules.yml").read_text(encoding="utf-8"))["groups"]
    known = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    known |= {f"{PREFIX}{name}" for name in HELP}
    assert set(re.findall(r"quorum_redis[:_]\w+", " ".join(expressions(found)))) <= known


def test_the_readme_counts_dashboards_and_alerts() -> None:
    groups = yaml.safe_load((FILES / "quorum-redis.rules.yml").read_text(encoding="utf-8"))["groups"]
    alerts = sum("alert" in rule for group in groups for rule in group["rules"])
    words = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    number = {2: "two", 3: "three", 4: "four"}[len(DASHBOARDS)]
    assert f"{number} dashboards, and {alerts} alerts" in words
