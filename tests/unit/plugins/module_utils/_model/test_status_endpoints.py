# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom endpoints lead to, on the page and in the verdict."""

from __future__ import annotations

from typing import Any

from ansible_collections.quorum.redis.plugins.module_utils._model.status_html import render_html
from ansible_collections.quorum.redis.plugins.module_utils._model.status_page import render_page
from observed_sets import gone, model, primary, replica, servers

MODEL = model(sentinel=False)
MODEL["instances"][0]["endpoint"] = {"port": 7379, "read_port": 7380}
MODEL["endpoint"] = {"hosts": ["app1", "app2"]}
HEALTHY = servers(primary(), replica(), replica())
READS = {"main": ["10.0.0.2-6379", "10.0.0.3-6379"]}
WELL = {"writes": {"main": ["10.0.0.1-6379"]}, "reads": READS}


def told(seen: Any, **fronts: Any) -> tuple[str, list[str]]:
    page, problems = render_page(MODEL, seen, {}, None, fronts)
    return "\n".join(" ".join(line.split()) for line in page), problems


def test_an_endpoint_that_leads_to_the_primary_is_a_row() -> None:
    page, problems = told(HEALTHY, app1=WELL)
    assert "app1 r1 r2, r3 leads to the primary" in page and problems == []
    drawn = render_html(MODEL, HEALTHY, {}, None, 0.0, {"app1": WELL})
    assert "leads to the primary" in drawn and "Endpoints are declared on app1, app2" in drawn
    assert "leads to the primary" not in render_html(MODEL, HEALTHY, {}, None, 0.0)


def test_one_that_leads_elsewhere_or_to_nobody_is_a_problem() -> None:
    page, problems = told(HEALTHY, app1={"writes": {"main": ["10.0.0.2-6379"]}}, app2={"writes": {}, "reads": READS})
    assert "app1 r2 - leads writes to r2, and r1 is primary" in page
    assert "app2 nobody r2, r3 refuses writes, and r1 is primary" in page
    assert [problem.split(".")[0] for problem in problems] == [
        "main: the endpoint on app1 leads writes to r2, and r1 is primary",
        "main: the endpoint on app2 refuses writes, and r1 is primary",
    ]


def test_one_that_refuses_while_nobody_is_primary_is_right() -> None:
    page, problems = told(servers(gone(), replica(), replica()), app1={"writes": {"main": []}, "reads": {}})
    assert "app1 nobody - refuses writes, and nobody knows the primary" in page
    assert not [problem for problem in problems if "endpoint" in problem]


def test_one_that_could_not_be_asked_is_a_problem_with_its_reason() -> None:
    page, problems = told(HEALTHY, app1={"unreachable": True, "msg": "Failed to connect.\nmore"}, app2={"failed": True})
    assert "app1 ? ? Failed to connect" in page
    assert problems == [
        "main: the endpoint on app1 is not known: Failed to connect.",
        "main: the endpoint on app2 is not known: it does not answer.",
    ]
