# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys of AWX from argument specs: what a person is asked before a verb runs. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

Spec = Mapping[str, Any]
# By verb the variables that are asked for, in this order. An answer wins over the inventory, so what is at home there
# is asked for by no survey: only what belongs to one run is.
QUESTIONS: Dict[str, Sequence[str]] = {
    "site": ("redis_trust", "redis_replace_foreign", "redis_allow_dangerous", "redis_firewall_ignore_clients"),
    "status": ("redis_status_fail", "redis_status_client"),
    "failover": (
        *("redis_failover_instance", "redis_failover_to", "redis_failover_avoid", "redis_failover_zones"),
        "redis_failover_dead_primary",
    ),
    "rebalance": ("redis_rebalance_instance",),
    "repair": ("redis_repair_instance", "redis_repair_gone", "redis_repair_confirm"),
    "restart": (),
    "upgrade": ("redis_upgrade_without_backup",),
    "backup": ("redis_backup_sets", "redis_backup_member", "redis_backup_trial_host", "redis_backup_fresh"),
    "restore": (
        *("redis_restore_instance", "redis_restore_from", "redis_restore_on", "redis_restore_set", "redis_restore_end"),
        "redis_restore_confirm",
    ),
    "rotate": ("redis_rotate_ignore_clients",),
    "certificates": (),
    "retire": ("redis_retire_hosts",),
    "remove": ("redis_remove_set", "redis_remove_data", "redis_remove_backups", "redis_remove_confirm"),
    "endpoint": (),
    "monitoring": (),
    "notify": (),
    "notify_test": (),
}
# What a verb has a variable for and no survey asks: a file of the controller is thrown away with the job's container.
UNASKED = ("redis_status_html",)
REQUIRED = ("redis_restore_confirm", "redis_remove_confirm", "redis_retire_hosts")
# Whose answers the inventory knows; where it is not at hand they are texts.
SETS = ("redis_failover_instance", "redis_restore_instance", "redis_backup_sets")
MEMBERS = (
    *("redis_trust", "redis_replace_foreign", "redis_failover_to", "redis_failover_avoid", "redis_backup_member"),
    *("redis_restore_on", "redis_retire_hosts"),
)
SEVERAL = ("redis_replace_foreign", "redis_retire_hosts")  # lists, though their specs say raw
LONGEST = 1024
MARKUP = re.compile(r"\b[CVOIBMP]\(([^)#]*)[^)]*\)")


def survey_of(
    verb: str, specs: Mapping[str, Spec], sets: Sequence[str] = (), hosts: Sequence[str] = (), without: str = ""
) -> Dict[str, Any]:
    """Return the survey of a verb as AWX takes it; empty when nothing is asked. `without` is a variable left out.

    An empty answer is not given. There is no free text for a truth, and no default but that of the spec.
    """
    known = {**dict.fromkeys(SETS, sets), **dict.fromkeys(MEMBERS, hosts)}
    names = [name for name in QUESTIONS[verb] if name != without]
    if not names:
        return {}
    asked = [build_question(name, specs[name], known.get(name, ())) for name in names]
    return {"name": "", "description": f"Variables of quorum.redis.{verb}", "spec": asked}


def build_question(name: str, spec: Spec, known: Sequence[str]) -> Dict[str, Any]:
    """Return one question. An answer that the inventory knows is chosen, another one is typed."""
    title, _dot, more = strip_markup(spec["description"]).partition(". ")
    kind, choices = answer_kind(name, spec, known)
    question: Dict[str, Any] = {
        "question_name": title.rstrip("."),
        "question_description": f"{more} Sets {name}.".strip(),
        "required": name in REQUIRED,
        "type": kind,
        "variable": name,
    }
    question.update({"choices": choices} if choices else {})
    question.update({"min": 0, "max": LONGEST} if kind in ("text", "textarea") else {})
    default = default_text(spec)
    if default is not None:
        question["default"] = default
    return question


def answer_kind(name: str, spec: Spec, known: Sequence[str]) -> tuple[str, List[str]]:
    """Return the type of a question, and its choices."""
    several = spec["type"] == "list" or name in SEVERAL
    if known:
        also = ["controller"] if name == "redis_restore_on" else []
        return "multiselect" if several else "multiplechoice", [*sorted(known), *also]
    if spec["type"] == "bool":
        return "multiplechoice", ["true", "false"]
    if spec.get("choices"):
        return "multiplechoice", [str(choice) for choice in spec["choices"] if choice != ""]
    if spec["type"] in ("int", "float"):
        return {"int": "integer"}.get(spec["type"], "float"), []
    return "textarea" if several or spec["type"] == "dict" else "text", []


def default_text(spec: Spec) -> Optional[str | int]:
    """Return the default as a survey holds it; None when nothing, or an empty value, is it."""
    default = spec.get("default")
    if isinstance(default, bool):
        return str(default).lower()
    if default in (None, "", [], {}):
        return None
    return default if isinstance(default, int) else str(default)


def strip_markup(words: str | Sequence[str]) -> str:
    """Return a description without the markup of Ansible's documentation."""
    joined = " ".join([words] if isinstance(words, str) else words)
    return re.sub(r"\s+", " ", MARKUP.sub(r"\1", joined)).strip()
