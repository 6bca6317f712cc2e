# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions for AWX: every verb has a template, every question a spec, every argument its module."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.quorum.redis.plugins.lookup import awx_objects as lookup
from ansible_collections.quorum.redis.plugins.module_utils._model.awx_objects import (
    RIGHTS,
    SECRETS,
    Deployment,
    awx_objects,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.awx_survey import (
    MEMBERS,
    QUESTIONS,
    REQUIRED,
    SETS,
    UNASKED,
    build_question,
    survey_of,
)
from ansible_collections.quorum.redis.plugins.module_utils._model.options import read_options

ROOT = Path(__file__).resolve().parents[5]
SPECS = {name: spec for role in sorted(ROOT.glob("roles/*")) for name, spec in lookup.read_specs(role).items()}
PLAYBOOKS = {path.stem for path in ROOT.glob("playbooks/*.yml")} - {"awx"}
ARGUMENTS = yaml.safe_load((ROOT / "tests" / "unit" / "roles" / "awx_arguments.yml").read_text(encoding="utf-8"))
TASKS = [task for path in sorted(ROOT.glob("roles/redis_awx/tasks/*.yml")) for task in yaml.safe_load(path.read_text())]
KINDS = {"text", "textarea", "multiplechoice", "multiselect", "integer", "float"}
GIVEN = {
    "project_url": "https://git.example.org/redis.git",
    "image": "registry.example.org/redis:1",
    "machine_credential": "SSH",
    "inventory_path": "hosts.yml",
    "schedules": {"status": "DTSTART:20260101T000000Z RRULE:FREQ=HOURLY;INTERVAL=1", "drill": "DTSTART:..."},
    "teams": {"look": ["support"], "operate": ["on call"], "change": ["dba"]},
}


def objects(**more: Any) -> dict[str, Any]:
    settings = lookup.settings_of({**GIVEN, **more}, SPECS)
    return awx_objects(Deployment(settings, SPECS, ["main"], ["db2", "db1"]))


def by_name(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in found}


def test_every_verb_has_a_template_and_every_template_a_playbook() -> None:
    assert set(QUESTIONS) == set(RIGHTS) == PLAYBOOKS
    assert set(SPECS["redis_awx"]["options"]["verbs"]["choices"]) == PLAYBOOKS
    found = objects()["job_templates"]
    assert {one["playbook"] for one in found} == {f"playbooks/{verb}.yml" for verb in PLAYBOOKS}
    assert len(by_name(found)) == len(found)


@pytest.mark.parametrize("verb", QUESTIONS)
def test_every_question_has_a_spec_and_no_variable_of_a_verb_is_forgotten(verb: str) -> None:
    assert set(QUESTIONS[verb]) <= set(SPECS)
    folder = ROOT / "roles" / f"redis_{verb}"
    if verb in ("failover", "status", "restore", "remove", "retire"):
        assert set(lookup.read_specs(folder)) == {*QUESTIONS[verb], *UNASKED} & set(lookup.read_specs(folder))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("verb", QUESTIONS)
def test_a_survey_is_one_that_awx_takes(verb: str, known: bool) -> None:
    survey = survey_of(verb, SPECS, ["main"] if known else [], ["db1"] if known else [])
    assert bool(survey) == bool(QUESTIONS[verb])
    for one in survey.get("spec", []):
        spec, kind, default = SPECS[one["variable"]], one["type"], one.get("default")
        assert kind in KINDS
        assert one["question_name"] and one["variable"] in one["question_description"]
        assert not re.search(r"[CVOP]\(", one["question_name"] + one["question_description"])
        assert one["required"] is (one["variable"] in REQUIRED)
        assert bool(one.get("choices")) == kind.startswith("multi")
        assert spec["type"] != "bool" or (kind, one["choices"]) == ("multiplechoice", ["true", "false"])
        assert default is None or not one.get("choices") or default in one["choices"]
        assert default is None or isinstance(default, int) is (kind == "integer")
        assert "password" not in one["variable"]
        assert not spec.get("no_log")
        # An answer is text, and so is one that is not given.
        for answer in [default, "", *one.get("choices", [])]:
            if answer not in ("controller", "main", "db1"):
                assert read_options({one["variable"]: spec}, {one["variable"]: answer})[1] == []


def test_answers_that_the_inventory_knows_are_chosen() -> None:
    survey = {one["variable"]: one for one in survey_of("failover", SPECS, ["main"], ["db2", "db1"])["spec"]}
    assert survey["redis_failover_to"]["choices"] == ["db1", "db2"]
    assert (survey["redis_failover_avoid"]["type"], survey["redis_failover_to"]["type"]) == (
        "multiselect",
        "multiplechoice",
    )
    assert survey["redis_failover_zones"]["type"] == "textarea"
    assert build_question("redis_restore_on", SPECS["redis_restore_on"], ["db1"])["choices"] == ["db1", "controller"]
    assert {*SETS, *MEMBERS} <= {name for names in QUESTIONS.values() for name in names}


def test_a_confirmation_is_typed_and_only_where_something_is_done() -> None:
    found = by_name(objects()["job_templates"])
    asked = {one["variable"]: one for one in found["Redis restore"]["survey_spec"]["spec"]}
    assert (asked["redis_restore_confirm"]["type"], asked["redis_restore_confirm"]["required"]) == ("text", True)
    plan = found["Redis restore plan"]
    assert plan["job_type"] == "check"
    assert "redis_restore_confirm" not in json.dumps(plan)


def test_no_template_is_split_or_runs_twice() -> None:
    for one in objects()["job_templates"]:
        assert (one["job_slice_count"], one["ask_job_slice_count_on_launch"]) == (1, False)
        assert not one["allow_simultaneous"] and not one["ask_variables_on_launch"]
    assert not any(one["allow_simultaneous"] for one in objects()["workflows"])


def test_passwords_are_secret_fields_given_to_jobs_and_updates() -> None:
    (kind,) = objects()["credential_types"]
    assert all(field["secret"] for field in kind["inputs"]["fields"])
    assert set(kind["injectors"]["extra_vars"]) == set(SECRETS) <= set(SPECS)
    assert kind["injectors"]["extra_vars"]["redis_password"] == "{{ redis_password }}"
    assert kind["injectors"]["env"]["QUORUM_REDIS_PASSWORD"] == "{{ redis_password }}"
    plugin = (ROOT / "plugins" / "inventory" / "topology.py").read_text(encoding="utf-8")
    fragment = (ROOT / "plugins" / "doc_fragments" / "live.py").read_text(encoding="utf-8")
    assert all(name in plugin + fragment for name in kind["injectors"]["env"])


def test_a_workflow_goes_on_after_success_alone_and_asks_a_person_before_it_changes() -> None:
    found = objects()
    templates = by_name(found["job_templates"])
    for flow in found["workflows"]:
        nodes = flow["simplified_workflow_nodes"]
        assert [node["success_nodes"] for node in nodes] == [*([node["identifier"]] for node in nodes[1:]), []]
        jobs = [node.get("unified_job_template", "approve") for node in nodes]
        assert set(jobs) <= {*templates, "approve"}
        changes = [job for job in jobs if job in ("Redis failover", "Redis upgrade", "Redis restore")]
        assert all("approve" in jobs[: jobs.index(job)] for job in changes)
    assert sorted(by_name(found["workflows"])) == [
        f"Redis workflow {name}" for name in ("drill", "move", "restore", "upgrade")
    ]


def test_verbs_that_are_left_out_take_their_workflows_with_them() -> None:
    found = objects(verbs=["status", "failover"])
    assert [one["name"] for one in found["workflows"]] == ["Redis workflow move"]
    assert [one["name"] for one in found["schedules"]] == ["Redis status"]
    assert {one["name"] for one in found["job_templates"]} == {"Redis status", "Redis failover"}


def test_each_team_may_what_the_ones_before_may() -> None:
    started = {
        (one["role"], one["teams"][0], kind): set(one[kind])
        for one in objects()["roles"]
        for kind in ("job_templates", "workflows")
        if kind in one
    }
    look, operate, change = (started["execute", team, "job_templates"] for team in ("support", "on call", "dba"))
    assert look == {"Redis status", "Redis notify test", "Redis site check", "Redis restore plan"}
    assert look < operate < change
    assert "Redis site" not in operate and "Redis failover" in operate
    assert [key for key in started if key[0] == "approval"] == [("approval", "dba", "workflows")]
    assert objects(teams={})["roles"] == []


def test_no_argument_is_unknown_to_its_module() -> None:
    used = [(name, set(task[name])) for task in TASKS for name in task if name.startswith("awx.awx.")]
    assert len(used) == 13
    assert [(name, names - set(ARGUMENTS[name])) for name, names in used if names - set(ARGUMENTS[name])] == []


def test_lint_knows_the_modules_of_the_other_collection() -> None:
    mocked = yaml.safe_load((ROOT / ".ansible-lint").read_text(encoding="utf-8"))["mock_modules"]
    assert sorted(mocked) == sorted({name for task in TASKS for name in task if name.startswith("awx.awx.")})


def test_what_is_wrong_in_the_variable_is_said() -> None:
    with pytest.raises(Exception, match="image"):
        lookup.settings_of({"project_url": "x", "machine_credential": "y"}, SPECS)
    with pytest.raises(Exception, match="colour"):
        lookup.settings_of({**GIVEN, "colour": "red"}, SPECS)
