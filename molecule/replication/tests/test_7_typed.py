# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, 7: variables as people type them in surveys and on the command line; hosts in parts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from deployment import DataSet, given
from lab import ROOT, Lab

SERIAL = """- hosts: redis
  gather_facts: false
  become: true
  serial: 1
  roles: [quorum.redis.redis, quorum.redis.redis_server]
"""
FACTS = ROOT / "docs" / "topology.md"
STRANGE = "is no variable of this collection and has no effect; is "


def test_an_empty_text_is_not_given_and_every_spelling_is_read(lab: Lab, main: DataSet) -> None:
    """As a survey gives them: each value a text."""
    old = main.settled()
    empty = ("to", "avoid", "zones", "instance", "dead_primary")
    lab.run_playbook("failover", *given(**{f"redis_failover_{name}": "" for name in empty}, redis_wait="")).expect()
    assert main.settled() != old
    others = [host for host in main.hosts if host != old]
    wish = {"redis_failover_avoid": "\n".join(others), "redis_failover_zones": json.dumps({old: "a", others[0]: "b"})}
    lab.run_playbook("failover", *given(**wish, redis_failover_dead_primary="no", redis_wait="120")).expect()
    assert main.settled() == old
    lab.run_playbook("backup", "-e", "redis_backup_sets=main", "-e", "redis_backup_fresh=0").expect()


@pytest.mark.parametrize(
    ("verb", "wrong", "sentence"),
    [
        ("failover", "redis_failover_dead_primary=perhaps", "is 'perhaps'; give true or false."),
        ("failover", "redis_failover_zones=east", "is no JSON that can be read; give a dictionary"),
        ("remove", "redis_remove_data=perhaps", "is 'perhaps'; give true or false."),
        ("failover", "redis_failover_too=p2", STRANGE + "redis_failover_to meant?"),
        ("restart", "redis_move_primry=false", STRANGE + "redis_move_primary meant?"),
        ("remove", "redis_remove_confrim=redis", STRANGE + "redis_remove_confirm meant?"),
        ("restore", "redis_restore_form=latest", STRANGE + "redis_restore_from meant?"),
        ("restore", "redis_restore_end=perhaps", "is 'perhaps'; give true or false."),
        ("restart", "redis_wait=soon", "is 'soon'; give a number."),
        ("backup", "redis_backup_sets=main,othr", "names othr, which is no data set of redis"),
    ],
)
def test_a_value_without_sense_stops_a_verb(lab: Lab, main: DataSet, verb: str, wrong: str, sentence: str) -> None:
    primary, processes = main.settled(), main.run_ids()
    run = lab.run_playbook(verb, "-e", wrong)
    assert not run.ok and run.changed == 0
    assert f"{wrong.partition('=')[0]} {sentence}" in " ".join(run.stdout.split())
    assert main.settled() == primary and main.run_ids() == processes


def test_a_key_that_does_not_exist_is_named(lab: Lab, main: DataSet) -> None:
    sets = [{"name": "main", "appendonlee": True, "endpoint": {"port": "many"}}]
    for verb in ("site", "failover"):
        run = lab.run_playbook(verb, "-e", json.dumps({"redis_instances": sets}))
        said = " ".join(run.stdout.split())
        assert not run.ok and run.changed == 0
        assert "there is no key redis_instances.appendonlee." in said and "argument 'port' is of type str" in said
        assert len(said) < 4000, "not the whole specification"
    main.settled()


def test_site_and_status_only_warn_of_a_misspelt_variable(lab: Lab) -> None:
    for verb in ("site", "status"):
        run = lab.run_playbook(verb, "-e", "redis_pasword=x").expect(changed=0)
        assert "is redis_password meant?" in " ".join(run.stdout.split())


def test_hosts_in_parts_are_refused_at_once(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    (tmp_path / "serial.yml").write_text(SERIAL, encoding="utf-8")
    run = lab.run_playbook(str(tmp_path / "serial.yml"))
    assert not run.ok and run.changed == 0
    assert "run on all hosts of a deployment together" in " ".join(run.stdout.split())
    main.settled()


def test_a_value_made_from_facts_needs_those_of_all_members(lab: Lab, main: DataSet, tmp_path: Path) -> None:
    """Refused in one sentence, and right after the play of docs/topology.md, also in a limited run."""
    sets = [{"name": "main", "config": {"maxmemory": "{{ (ansible_facts.memtotal_mb * 0.01) | int }}mb"}}]
    variables = ["-e", json.dumps({"redis_instances": sets})]
    run = lab.run_playbook("site", *variables)
    assert not run.ok and run.changed == 0
    assert "redis_instances is made from facts, which are not gathered" in " ".join(run.stdout.split())
    shown = re.search(r"```yaml\n(- name: Gather the facts.*?)```", FACTS.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    (tmp_path / "facts.yml").write_text(shown.group(1), encoding="utf-8")
    lab.run_playbook(str(tmp_path / "facts.yml"), *variables, "--limit", "p2").expect()
    limits = [int(main.ask(host, "CONFIG", "GET", "maxmemory")[1]) for host in main.hosts]
    assert [limit > 0 for limit in limits] == [host == "p2" for host in main.hosts]
    lab.run_playbook("site").expect()
