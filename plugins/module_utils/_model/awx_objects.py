# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that AWX needs to run the verbs, as the modules of awx.awx take it, from one variable. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence

from .awx_survey import QUESTIONS, survey_of

Object = Dict[str, Any]
# Who may start a template: those who look, those who operate from day to day, those who change the deployment. Each
# may what the ones before may.
TEAMS = ("look", "operate", "change")
RIGHTS = {
    **dict.fromkeys(("status", "notify_test"), "look"),
    **dict.fromkeys(("failover", "rebalance", "restart", "backup"), "operate"),
    **dict.fromkeys(("site", "repair", "upgrade", "restore", "rotate", "certificates", "retire", "remove"), "change"),
    **dict.fromkeys(("endpoint", "monitoring", "notify"), "change"),
}
SECRETS = {
    "redis_password": "Password of the servers",
    "redis_password_previous": "Previous password of the servers, while quorum.redis.rotate has not ended it",
    "redis_sentinel_password": "Password of the Sentinels",
    "redis_sentinel_password_previous": "Previous password of the Sentinels",
}
# What the inventory plugin and the lookups read; an inventory update gets no extra variables of a credential.
ENVIRONMENT = {
    "QUORUM_REDIS_PASSWORD": "redis_password",
    "QUORUM_REDIS_SENTINEL_PASSWORD": "redis_sentinel_password",
}
CHECK = {"site": "check", "restore": "plan"}  # verbs with a second template, in check mode: how it is called
TYPE = "Redis passwords"


@dataclass
class Deployment:
    """What the definitions are made of: the variable redis_awx, and what specs and inventory say."""

    settings: Mapping[str, Any]
    specs: Mapping[str, Mapping[str, Any]]
    sets: Sequence[str] = ()
    hosts: Sequence[str] = ()

    @property
    def verbs(self) -> List[str]:
        """Return the verbs that get a template, in the order of the questions."""
        asked = self.settings["verbs"]
        return [verb for verb in QUESTIONS if not asked or verb in asked]

    def name_object(self, *words: str) -> str:
        """Return the name of an object."""
        return " ".join([self.settings["prefix"], *words]).replace("_", " ")

    def build_survey(self, verb: str, without: str = "") -> Object:
        """Return the survey of a verb."""
        return survey_of(verb, self.specs, self.sets, self.hosts, without)


def awx_objects(deployment: Deployment) -> Dict[str, Any]:
    """Return the objects by kind, each with the arguments of its module."""
    given, flows = deployment.settings, build_workflows(deployment)
    templates = [template for verb in deployment.verbs for template in templates_of(deployment, verb)]
    return {
        "organization": {"name": given["organization"], "galaxy_credentials": given["galaxy_credentials"]},
        "credential_types": [credential_type()],
        "execution_environments": [
            {
                "name": deployment.name_object("environment"),
                "organization": given["organization"],
                "image": given["image"],
                "pull": given["pull"],
            }
        ],
        "projects": [build_project(deployment)],
        "inventories": [
            {
                "name": deployment.name_object("inventory"),
                "organization": given["organization"],
                "variables": given["inventory_variables"],
            }
        ],
        "inventory_sources": [build_source(deployment)] if given["inventory_path"] else [],
        "job_templates": [template["arguments"] for template in templates],
        "workflows": flows,
        "schedules": build_schedules(deployment, flows),
        "roles": build_permissions(deployment, templates, flows),
    }


def credential_type() -> Object:
    """Return the type of the credential with the passwords: secret fields, given to jobs and to inventory updates."""
    fields = [{"id": name, "label": label, "type": "string", "secret": True} for name, label in SECRETS.items()]
    required = ["redis_password", "redis_sentinel_password"]
    return {
        "name": TYPE,
        "kind": "cloud",
        "description": "Passwords of a deployment by quorum.redis",
        "inputs": {"fields": fields, "required": required},
        "injectors": {
            "extra_vars": {name: inject_field(name) for name in SECRETS},
            "env": {name: inject_field(field) for name, field in ENVIRONMENT.items()},
        },
    }


def inject_field(field: str) -> str:
    """Return the template that AWX fills with a field of the credential."""
    return f"{{{{ {field} }}}}"


def build_project(deployment: Deployment) -> Object:
    """Return the project."""
    given = deployment.settings
    optional = {"scm_branch": given["project_branch"], "credential": given["project_credential"]}
    return {
        "name": deployment.name_object("project"),
        "organization": given["organization"],
        "scm_type": "git",
        "scm_url": given["project_url"],
        **{key: value for key, value in optional.items() if value},
    }


def build_source(deployment: Deployment) -> Object:
    """Return the source of the inventory: a file of the project, read again before each job."""
    return {
        "name": deployment.name_object("hosts"),
        "inventory": deployment.name_object("inventory"),
        "organization": deployment.settings["organization"],
        "source": "scm",
        "source_project": deployment.name_object("project"),
        "source_path": deployment.settings["inventory_path"],
        "execution_environment": deployment.name_object("environment"),
        "overwrite": True,
        "overwrite_vars": True,
        "update_on_launch": True,
        "update_cache_timeout": 0,
    }


def templates_of(deployment: Deployment, verb: str) -> List[Object]:
    """Return the templates of a verb with who may start them: to run it, and for some to see before what it would do.

    AWX would give each slice of a job a part of the hosts: there is one slice, and nobody is asked for more.
    """
    given = deployment.settings
    common = {
        "organization": given["organization"],
        "project": deployment.name_object("project"),
        "inventory": deployment.name_object("inventory"),
        "playbook": "/".join(filter(None, [given["playbooks"].strip("/"), f"{verb}.yml"])),
        "execution_environment": deployment.name_object("environment"),
        "credentials": [given["machine_credential"], given["passwords_credential"]],
        "allow_simultaneous": False,
        "job_slice_count": 1,
        "ask_job_slice_count_on_launch": False,
        "ask_limit_on_launch": verb in ("site", "status", "notify_test"),
        "ask_variables_on_launch": False,
    }

    def template(word: str, kind: str, survey: Object, extra: Object, right: str) -> Object:
        asked = {"survey_spec": survey} if survey else {}
        arguments = {
            "name": deployment.name_object(*filter(None, [verb, word])),
            "description": f"quorum.redis.{verb}{', in check mode' * (kind == 'check')}",
            "job_type": kind,
            "diff_mode": kind == "check",
            **common,
            "survey_enabled": bool(survey),
            **asked,
            "extra_vars": extra,
        }
        return {"right": right, "arguments": arguments}

    templates = [template("", "run", deployment.build_survey(verb), {}, RIGHTS[verb])]
    if verb in CHECK:
        templates.append(
            template(CHECK[verb], "check", deployment.build_survey(verb, "redis_restore_confirm"), {}, "look")
        )
    if verb == "backup":
        drill = {"redis_backup_drill": True}
        templates.append(template("drill", "run", deployment.build_survey(verb), drill, "operate"))
    return templates


def build_workflows(deployment: Deployment) -> List[Object]:
    """Return the workflows whose verbs all have a template; one ends where a set is not healthy, before it asks."""
    ways = {
        "move": ("failover", ["status", "approve", "failover", "status"]),
        "upgrade": ("upgrade", ["status", "backup", "approve", "upgrade", "status"]),
        "restore": ("restore", ["restore plan", "approve", "restore", "status"]),
        "drill": ("backup", ["backup drill", "status"]),
    }
    return [
        build_workflow(deployment, name, verb, steps)
        for name, (verb, steps) in ways.items()
        if {step.split()[0] for step in steps} - {"approve"} <= set(deployment.verbs)
    ]


def build_workflow(deployment: Deployment, name: str, verb: str, steps: Sequence[str]) -> Object:
    """Return one workflow, which asks what its verb asks: each step when the one before has succeeded.

    Its nodes have the shape of infra.aap_configuration, which is that of the module for one node. Given to the module
    for the workflow, an approval would be written again in each run.
    """
    labels = [f"{number} {step}" for number, step in enumerate(steps, 1)]
    nodes = []
    for number, step in enumerate(steps):
        job: Object = {"unified_job_template": deployment.name_object(step)}
        if step == "approve":
            about = f"Read what the job before says, then let {verb} go on or end it here"
            timeout = deployment.settings["approval_timeout"]
            job = {
                "approval_node": {"name": deployment.name_object(name, step), "description": about, "timeout": timeout}
            }
        nodes.append({"identifier": labels[number], **job, "success_nodes": labels[number + 1 : number + 2]})
    survey = deployment.build_survey(verb) if name != "drill" else {}
    return {
        "name": deployment.name_object("workflow", name),
        "organization": deployment.settings["organization"],
        "description": ", then ".join(steps),
        "allow_simultaneous": False,
        "ask_variables_on_launch": False,
        "survey_enabled": bool(survey),
        **({"survey_spec": survey} if survey else {}),
        "simplified_workflow_nodes": nodes,
    }


def build_schedules(deployment: Deployment, flows: Sequence[Object]) -> List[Object]:
    """Return the schedules that are asked for, of what there is."""
    given = deployment.settings["schedules"] or {}
    of = {"status": deployment.name_object("status"), "drill": deployment.name_object("workflow", "drill")}
    there = [flow["name"] for flow in flows] + [deployment.name_object(verb) for verb in deployment.verbs]
    return [
        {
            "name": deployment.name_object(word),
            "unified_job_template": template,
            "organization": deployment.settings["organization"],
            "rrule": given[word],
        }
        for word, template in of.items()
        if given.get(word) and template in there
    ]


def build_permissions(deployment: Deployment, templates: Sequence[Object], flows: Sequence[Object]) -> List[Object]:
    """Return who may start what. Whoever changes also approves; nobody needs a right to a credential for it."""
    permissions: List[Object] = []
    where = {"lookup_organization": deployment.settings["organization"]}
    for number, level in enumerate(TEAMS):
        teams = (deployment.settings["teams"] or {}).get(level) or []
        names = [each["arguments"]["name"] for each in templates if TEAMS.index(each["right"]) <= number]
        ways = {"look": (), "operate": ("move", "drill"), "change": ("move", "drill", "upgrade", "restore")}[level]
        started = [
            flow["name"] for flow in flows if flow["name"] in {deployment.name_object("workflow", way) for way in ways}
        ]
        if teams:
            permissions.append({"role": "execute", "teams": teams, "job_templates": names, **where})
        if teams and started:
            permissions.append({"role": "execute", "teams": teams, "workflows": started, **where})
        if teams and started and level == "change":
            permissions.append({"role": "approval", "teams": teams, "workflows": started, **where})
    return permissions
