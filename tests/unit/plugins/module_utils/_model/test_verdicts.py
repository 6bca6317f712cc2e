# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells programs: the names are ours alone, documented, and known to a job that gets them back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._model.options import find_unknown
from ansible_collections.quorum.redis.plugins.module_utils._model.status_verdict import known_primaries
from ansible_collections.quorum.redis.plugins.module_utils._model.verdicts import VERDICTS, tell_verdict

ROOT = Path(__file__).resolve().parents[5]
YAML = [*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/**/*.yml")]


def test_a_verdict_is_merged_and_belongs_to_no_host() -> None:
    assert tell_verdict("redis_moved", {"main": {"to": "db2"}}) == {
        "ansible_stats": {"data": {"redis_moved": {"main": {"to": "db2"}}}, "per_host": False, "aggregate": True}
    }
    with pytest.raises(ValueError, match="no verdict"):
        tell_verdict("redis_said", {})


@pytest.mark.parametrize("name", VERDICTS)
def test_no_variable_has_the_name_of_a_verdict(name: str) -> None:
    """The next job of a workflow gets it as an extra variable, which would win over ours."""
    texts = [path.read_text(encoding="utf-8") for path in YAML]
    assert not any(re.search(rf"register: {name}$", text, re.MULTILINE) for text in texts)
    keys = sum(len(re.findall(rf"^ *{name}:", text, re.MULTILINE)) for text in texts)
    assert keys == sum(len(re.findall(rf"set_stats:\n +data:\n +{name}:", text)) for text in texts)


@pytest.mark.parametrize("name", VERDICTS)
def test_every_verdict_is_documented(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "awx.md").read_text(encoding="utf-8")


def test_every_verdict_is_told_by_somebody() -> None:
    texts = [path.read_text(encoding="utf-8") for path in [*YAML, *ROOT.glob("plugins/**/*.py")]]
    told = {name for text in texts for name in re.findall(r'tell_verdict\(\s*"(\w+)"', text)}
    told |= {name for text in texts for name in re.findall(r"set_stats:\n +data:\n +(\w+):", text)}
    assert told == set(VERDICTS)


def test_a_verdict_of_an_earlier_job_is_no_misspelt_variable() -> None:
    assert find_unknown(VERDICTS, ["redis_status_fail", *VERDICTS], VERDICTS) == []


def test_a_primary_is_named_where_exactly_one_says_so() -> None:
    members = [{"host": "db1"}, {"host": "db2"}, {"host": "db3"}]
    model = {"instances": [{"name": "main", "members": members}, {"name": "two", "members": members}]}
    primary, replica = {"reachable": True, "role": "primary"}, {"reachable": True, "role": "replica"}
    silent = {"reachable": False, "error": "gone"}
    servers = {
        "db1": {"main": primary, "two": primary},
        "db2": {"main": replica, "two": primary},
        "db3": {"main": silent},
    }
    assert known_primaries(model, servers) == {"main": "db1", "two": ""}
    assert known_primaries(model, {}) == {"main": "", "two": ""}
