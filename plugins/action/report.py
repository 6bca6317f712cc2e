# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of quorum.redis.report: prints the topology on the screen of the person who runs the play."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils._model.client_page import FILES, client_code
from ..module_utils._model.cluster_status import judge_clusters
from ..module_utils._model.facts_text import facts_of_set
from ..module_utils._model.status_html import render_html
from ..module_utils._model.status_page import render_page
from ..module_utils._model.status_verdict import known_primaries
from ..module_utils._model.verdicts import tell_verdict
from ..plugin_utils.page_file import save_page
from ..plugin_utils.screen import show

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clients.md"


class ActionModule(ActionBase):
    """Needs the controller's screen, so it is an action; what it prints is decided by _model/status_page."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Collect what each host of the deployment registered, print the page, return the verdict."""
        result = super().run(tmp, task_vars)
        _spec, options = self.validate_argument_spec(
            {
                "fail": {"type": "bool", "default": True},
                "print": {"type": "bool", "default": True},
                "client": {"type": "str", "default": "", "choices": ["", *FILES]},
                "html": {"type": "path", "default": ""},
            }
        )
        task_vars = task_vars or {}
        model = task_vars["redis_topology"]
        servers: dict[str, dict[str, Any]] = {}
        sentinels: dict[str, Any] = {}
        for host in _hosts(model):
            seen = task_vars["hostvars"][host]
            looked = seen.get("redis_status_seen") or {}
            for instance in looked.get("instances", []):
                if "instance" in instance:
                    servers.setdefault(host, {})[instance["name"]] = {
                        **instance["instance"],
                        "cluster": instance["cluster"],
                        "rotating": instance["rotating"],
                        "promotions": instance["promotions"],
                        "facts": facts_of_set(instance["facts"], instance["name"]),
                        "units": looked.get("units"),
                    }
                else:
                    sentinels[host] = {
                        **instance["sentinel"],
                        "rotating": instance["rotating"],
                        "moves": instance["moves"],
                        "units": looked.get("units"),
                    }
        asked = task_vars.get("ansible_play_hosts_all")
        fronts = _fronts(model, task_vars["hostvars"])
        page, problems = render_page(model, servers, sentinels, asked, fronts)
        if options["client"]:
            page += client_code(PAGE.read_text(encoding="utf-8"), options["client"], model)
        if options["print"]:
            show("\n" + "\n".join(page))
        failed = bool(problems and options["fail"])
        shards = {cluster.declared["name"]: cluster.shards for cluster in judge_clusters(model, servers, asked)}
        verdict = {"healthy": not problems, "problems": problems, "primaries": known_primaries(model, servers)}
        verdict.update({"shards": shards} if shards else {})
        result.update(changed=False, healthy=not problems, **tell_verdict("redis_status", verdict))
        if options["html"]:
            drawn = render_html(model, servers, sentinels, asked, time.time(), fronts)
            result.update(save_page(options["html"], drawn, self._task.check_mode, self._task.diff))
        if failed and options["print"]:
            # What is on the screen already does not come a second and a third time.
            what = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            result.update(failed=True, msg=f"Not as declared: {what}, see the page above.")
        else:
            result.update(problems=problems, lines=page)
            result.update({"failed": True, "msg": "\n".join(problems)} if failed else {})
        return result


def _fronts(model: dict[str, Any], hostvars: Any) -> dict[str, dict[str, Any]]:
    """Return what the endpoint hosts have registered in this run."""
    answers = {host: hostvars[host].get("redis_endpoint_seen") for host in model["endpoint"]["hosts"]}
    return {host: answer for host, answer in answers.items() if answer}


def _hosts(model: dict[str, Any]) -> list[str]:
    sets = [*model["instances"], *model["clusters"]]
    members = [m for data_set in sets for m in data_set["members"]] + model["sentinel"]["members"]
    return list(dict.fromkeys(member["host"] for member in members))
