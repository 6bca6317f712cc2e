# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository's own rules: what is written in two places says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.quorum.redis.plugins.module_utils._inventory.plan import STATES
from ansible_collections.quorum.redis.plugins.module_utils._model.inventory import Inventory
from ansible_collections.quorum.redis.plugins.module_utils._model.topology import INSTANCE_DEFAULTS, build_topology
from ansible_collections.quorum.redis.plugins.module_utils._model.verdicts import VERDICTS

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
GUIDES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("roles/*/README.md"))]
EXAMPLES = sorted([*ROOT.glob("examples/*.yml"), *ROOT.glob("examples/*/hosts.yml")])
BLOCKS = ("DOCUMENTATION", "EXAMPLES", "RETURN")
MODULES = sorted(path.stem for path in ROOT.glob("plugins/modules/*.py"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def options(role: str) -> dict[str, Any]:
    found: dict[str, Any] = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"][
        "options"
    ]
    return found


def defaults(role: str) -> dict[str, Any]:
    return load(ROOT / "roles" / role / "defaults" / "main.yml") or {}


# --- roles ---


def test_the_roles_are_there() -> None:
    assert {"redis", "redis_server", "redis_sentinel"} <= set(ROLES)
    assert sorted(path.name for path in ROOT.glob("roles/*")) == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_specs_and_defaults_say_the_same(role: str) -> None:
    """An option with a default is in the defaults with that value; a null there is an option without a default."""
    stated = {name: option["default"] for name, option in options(role).items() if "default" in option}
    given = defaults(role)
    assert {name: value for name, value in given.items() if value is not None} == stated
    assert {name for name, value in given.items() if value is None} <= set(options(role)) - set(stated)


@pytest.mark.parametrize("role", ROLES)
def test_defaults_come_in_the_order_of_the_spec(role: str) -> None:
    names = list(defaults(role))
    assert names == [name for name in options(role) if name in names]


@pytest.mark.parametrize("role", ROLES)
def test_a_variable_belongs_to_its_role_and_to_no_other(role: str) -> None:
    others = {name for other in ROLES if other != role for name in options(other)}
    assert not others & set(options(role))
    # Of redis_awx its only variable is it.
    assert all(f"{name}_".startswith(f"{role}_") for name in [*options(role), *defaults(role)])
    derived = load(ROOT / "roles" / role / "vars" / "main.yml") or {}
    assert all(f"{name}_".startswith(f"__{role}_") for name in derived)


def _described(name: str, found: dict[str, Any]) -> list[str]:
    missing = [name] if not found.get("description") or "type" not in found else []
    return missing + [f"{name}.{low}" for key, sub in found.get("options", {}).items() for low in _described(key, sub)]


@pytest.mark.parametrize("role", ROLES)
def test_every_option_has_a_type_and_a_description(role: str) -> None:
    assert [low for name, option in options(role).items() for low in _described(name, option)] == []


def test_the_keys_of_a_data_set_are_those_of_the_model() -> None:
    keys = options("redis")["redis_instances"]["options"]
    assert set(keys) == {*INSTANCE_DEFAULTS, "name", "password", "password_previous"}
    assert [name for name, option in keys.items() if option.get("required")] == ["name"]


def test_the_defaults_of_a_data_set_are_the_documented_ones() -> None:
    guide = (ROOT / "docs" / "topology.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(\w+)` \| `([^|]*)` \|", guide, re.MULTILINE))
    spelled = {True: "true", False: "false"}
    for key, value in INSTANCE_DEFAULTS.items():
        if value is not None:
            assert documented[key] == (spelled[value] if isinstance(value, bool) else str(value)), key


def test_role_readmes_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "role_docs.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def tasks_of(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    inner = [entry.get(key) or [] for entry in entries for key in ("block", "rescue", "always")]
    return [*entries, *(task for each in inner for task in tasks_of(each))]


def test_modules_loop_over_the_names_of_data_sets() -> None:
    """A failed item is printed as it is, and a whole data set is two screens of it."""
    whole = re.compile(r"redis_topology\.(instances|clusters)\b(?!.*map\(attribute='name'\))", re.DOTALL)
    long = [
        f"{name_of(path)}: {task['name']}"
        for path in sorted(ROOT.glob("roles/*/tasks/*.yml"))
        for task in tasks_of(load(path))
        if any(key.startswith("quorum.redis.") for key in task) and whole.search(str(task.get("loop", "")))
    ]
    assert long == []


def test_every_module_is_in_the_action_group() -> None:
    groups = load(ROOT / "meta" / "runtime.yml")["action_groups"]
    assert groups["all"] == MODULES
    texts = {name: (ROOT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
    assert groups["connection"] == [name for name, text in texts.items() if "  - quorum.redis.connection\n" in text]


# --- documentation ---


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_is_in_the_guides(role: str) -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in GUIDES)
    assert [name for name in options(role) if not re.search(rf"\b{name}\b", text)] == []


def test_every_key_of_a_data_set_is_in_the_topology_guide() -> None:
    guide = (ROOT / "docs" / "topology.md").read_text(encoding="utf-8")
    assert [key for key in options("redis")["redis_instances"]["options"] if f"| `{key}` |" not in guide] == []


def test_every_test_that_the_threat_model_names_exists() -> None:
    shown = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## Shown by")[2]
    file, found = "", 0
    for word in re.findall(r"`([\w/.]+)`", shown):
        if word.endswith(".py"):
            file = (ROOT / word).read_text(encoding="utf-8")
        elif word.startswith("test_"):
            found += 1
            assert f"def {word}(" in file, word
    assert found > 10


def test_every_variable_in_the_guides_exists() -> None:
    found = [option for role in ROLES for option in options(role).items()]
    # Groups of the inventory are defaults.
    names = {*ROLES, *(name for name, _ in found), *(option["default"] for name, option in found if "_group" in name)}
    # What the inventory plugin makes.
    groups = (f"redis_{of}{state}" for of in ("", "SET_", "main_") for state in (*STATES, "sentinel"))
    names |= {"redis_live", *groups, *VERDICTS}
    for page in PAGES:
        said = set(re.findall(r"`(redis_\w+)[`:=]", page.read_text(encoding="utf-8")))
        assert said <= names, name_of(page)


def anchors(page: Path, level: str = "#+") -> set[str]:
    """Return the anchors of a page, as GitHub makes them from its headings."""
    headings = re.findall(rf"^{level} (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_internal_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=name_of)
def test_the_contents_of_a_guide_have_all_its_chapters(page: Path) -> None:
    contents, _, _rest = page.read_text(encoding="utf-8").partition("\n## ")
    listed = set(re.findall(r"\]\(#([^)]+)\)", contents))
    assert not listed or anchors(page, "##") <= listed


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_is_left_to_do_in_a_page(page: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", page.read_text(encoding="utf-8"))


def test_the_readme_starts_with_the_six_lines() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0]
    assert len(first.splitlines()) == 6
    assert yaml.safe_load(first) == load(ROOT / "examples" / "six_lines.yml")


# --- modules ---


def test_every_action_plugin_has_a_module_that_documents_it() -> None:
    assert {path.stem for path in ROOT.glob("plugins/action/*.py")} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_documents_itself(module: str) -> None:
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    blocks = {block: re.search(rf'^{block} = r"""(.*?)"""', text, re.MULTILINE | re.DOTALL) for block in BLOCKS}
    assert all(blocks.values()), blocks
    parsed = {block: yaml.safe_load(found[1]) for block, found in blocks.items() if found}
    assert parsed["DOCUMENTATION"]["module"] == module
    assert "version_added" in parsed["DOCUMENTATION"]
    assert any(f"quorum.redis.{module}" in task for task in parsed["EXAMPLES"])
    # Ansible reads these itself: a list in `unreachable` takes the host out of the play.
    assert not {"failed", "skipped", "unreachable", "results"} & set(parsed["RETURN"] or {})


def test_every_module_masks_what_it_notes_in_the_journal() -> None:
    """AnsibleModule alone notes secrets in lists and dictionaries whose quotes it has escaped."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("plugins/modules/*.py")}
    assert [name for name, text in texts.items() if re.search(r"(?<!\w)AnsibleModule\(", text)] == []


def test_action_groups_and_redirects_name_modules_that_exist() -> None:
    runtime = load(ROOT / "meta" / "runtime.yml")
    for group in runtime.get("action_groups", {}).values():
        assert {entry for entry in group if isinstance(entry, str)} <= set(MODULES)
    for redirect in runtime.get("plugin_routing", {}).get("modules", {}).values():
        assert redirect["redirect"].removeprefix("quorum.redis.") in MODULES


# --- examples ---


def hosts_of(path: Path) -> tuple[InventoryManager, dict[str, dict[str, Any]]]:
    inventory = InventoryManager(loader=DataLoader(), sources=[str(path)])
    found = {}
    for host in inventory.get_hosts():
        variables: dict[str, Any] = {}
        for group in sorted(host.get_groups(), key=lambda group: (group.depth, group.name)):
            variables.update(group.vars)
        found[host.name] = {**variables, **host.vars}
    return inventory, found


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_is_a_sound_inventory(path: Path) -> None:
    inventory, hosts = hosts_of(path)
    assert len(hosts) >= 3
    groups = {name: [host.name for host in group.get_hosts()] for name, group in inventory.groups.items()}
    public = {name for role in ROLES for name in options(role)}
    keys = set(options("redis")["redis_instances"]["options"])
    for host, variables in hosts.items():
        own = {name: value for name, value in variables.items() if name.startswith("redis_")}
        assert set(own) <= public
        for entry in own.get("redis_instances", []):
            assert set(entry) <= keys
        values = {**defaults("redis"), "redis_password": "word-1", "redis_sentinel_password": "word-2", **own}
        addresses = {name: str(seen.get("ansible_host", f"10.0.0.{n}")) for n, (name, seen) in enumerate(hosts.items())}
        model = build_topology(Inventory(host, groups, values, addresses.__getitem__))
        assert model["warnings"] == []
        local = any(found["local"] for found in model["instances"])
        assert local is (host in groups[values["redis_group"]])


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_holds_no_password(path: Path) -> None:
    assert not re.search(r"password\w*:\s*\S", path.read_text(encoding="utf-8"))


# --- the rest ---


def test_the_execution_environment_names_files_that_are_in_the_tarball() -> None:
    metadata = load(ROOT / "meta" / "execution-environment.yml")
    ignored = load(ROOT / "galaxy.yml")["build_ignore"]
    for path in metadata["dependencies"].values():
        assert (ROOT / path).is_file()
        assert path not in ignored
    assert "redis" in (ROOT / metadata["dependencies"]["python"]).read_text(encoding="utf-8")


def test_the_collection_depends_on_no_other() -> None:
    assert load(ROOT / "galaxy.yml")["dependencies"] == {}


def test_the_licence_is_the_one_that_is_declared() -> None:
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 3" in (ROOT / "LICENSE").read_text(
        encoding="utf-8"
    )
    assert load(ROOT / "galaxy.yml")["license"] == ["GPL-3.0-or-later"]
