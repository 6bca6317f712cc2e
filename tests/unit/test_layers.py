# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom in plugins/module_utils, how long a file may be, how things are named: as in CONTRIBUTING."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
UTILS = PLUGINS / "module_utils"
FLOORS = {
    "_core": 0,
    "_model": 1,
    "_redis": 2,
    "_host": 3,
    "_engine": 4,
    "_replication": 5,
    "_membership": 6,
    **dict.fromkeys(
        (
            "_acl",
            "_backup",
            "_cluster",
            "_config",
            "_endpoint",
            "_failover",
            "_inventory",
            "_lifecycle",
            "_notify",
            "_sentinel",
        ),
        7,
    ),
    **dict.fromkeys(("_cluster_backup", "_monitoring", "_restore"), 8),
    "_module": 9,
}
MODULE_MAY = {"_core", "_model", "_redis"}
# What thinks: it reaches none of WORLD, not by a detour either.
PURE_PACKAGES = {"_core", "_model"}
PURE_FILES = {
    *("census.py", "damage.py", "diff.py", "election.py", "identity.py", "interrupted.py", "ownerless.py", "plan.py"),
    *("preflight.py", "schedule.py", "steps.py"),
}
WORLD = {"ansible", "os", "redis", "socket", "subprocess", "_redis/client.py"}
ALONE = {"ansible": "_module/runner.py", "redis": "_redis/client.py", "subprocess": "_host/commands.py"}
LINES = 300  # of a util
# Public functions that have one word for a name. All others say with two or three what is done to what.
ONE_WORD = {
    *("apply", "diff", "observe", "plan", "result", "settle"),  # the parts of each reconciler, see _core/reconcile
    *("call", "close", "connect"),  # a connection, as redis-py has it
    *("start", "stop"),  # a process
    *("main", "run"),  # what a program, a module and a thread begin with
    "log",  # of AnsibleModule
}
# They say that there is something, and not what: a variable has the noun of the field that it is.
SAYS_NOTHING = {"found", "one", "said", "told"}
# Edges against the rule that are still there, and files that should be pure and are not; both only ever shrink.
UPWARD: set[tuple[str, str]] = set()
IMPURE: set[str] = set()


def imports(path: Path) -> Iterator[str]:
    """Yield what a file imports: files of module_utils by their path there, anything else by its first word."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            names = [base / f"{name.name}.py" for name in node.names] if base.is_dir() else [base.with_suffix(".py")]
            yield from (str(name.relative_to(UTILS)) for name in names if UTILS in name.parents)


GRAPH = {str(path.relative_to(UTILS)): set(imports(path)) for path in sorted(UTILS.rglob("*.py"))}


def reached(file: str) -> set[str]:
    """Return everything that a file imports, directly or not."""
    known: set[str] = set()
    waiting = [file]
    while waiting:
        new = GRAPH.get(waiting.pop(), set()) - known
        known |= new
        waiting += new
    return known


def allowed(file: str, other: str) -> bool:
    room, theirs = Path(file).parts[0], Path(other).parts[0]
    if room == "_module":
        return theirs in {room, *MODULE_MAY}
    return room == theirs or FLOORS[theirs] < FLOORS[room]


def test_every_file_has_a_floor() -> None:
    assert {Path(file).parts[0] for file in GRAPH} == set(FLOORS)
    assert {other for others in GRAPH.values() for other in others if other.endswith(".py")} <= set(GRAPH)


def test_an_import_goes_down_or_stays_in_its_package() -> None:
    edges = {(file, other) for file, others in GRAPH.items() for other in others if other.endswith(".py")}
    assert {edge for edge in edges if not allowed(*edge)} == UPWARD


def test_what_thinks_reaches_neither_ansible_nor_servers_nor_the_system() -> None:
    thinking = {file for file in GRAPH if Path(file).parts[0] in PURE_PACKAGES or Path(file).name in PURE_FILES}
    assert {file for file in thinking if WORLD & reached(file)} == IMPURE


def test_one_file_ends_modules_one_opens_connections_and_one_runs_programs() -> None:
    users = {word: {file for file, others in GRAPH.items() if word in others} for word in ALONE}
    assert users == {word: {file} for word, file in ALONE.items()}
    others = [path for path in PLUGINS.rglob("*.py") if "_module/runner.py" in imports(path)]
    assert {path.parent for path in others} == {PLUGINS / "modules"}


def test_a_util_can_be_read_in_one_sitting() -> None:
    long = {file for file in GRAPH if len((UTILS / file).read_text(encoding="utf-8").splitlines()) > LINES}
    assert long == set()


def test_what_runs_on_hosts_names_types_as_python_3_8_can() -> None:
    """`dict[str, int]` is for annotations, which are never evaluated; a name for a type is."""
    builtin = {"dict", "frozenset", "list", "set", "tuple", "type"}
    for path in [*sorted(UTILS.rglob("*.py")), *sorted((PLUGINS / "modules").glob("*.py"))]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            values = node.bases if isinstance(node, ast.ClassDef) else [getattr(node, "value", None)]
            words = [
                part.value for value in values if value for part in ast.walk(value) if isinstance(part, ast.Subscript)
            ]
            assert not builtin & {word.id for word in words if isinstance(word, ast.Name)}, (path.name, node.lineno)


def test_a_thread_has_no_method_of_a_name_that_python_keeps_for_itself() -> None:
    """An attribute of `threading.Thread` would be there in its place, in one version of Python and not in another."""
    newer = {"_handle", "_os_thread_handle", "_context"}  # 3.13, 3.14
    kept = {*dir(threading.Thread()), *newer} - {"__init__", "run"}
    for path in sorted(UTILS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Thread") for base in node.bases):
                names = {method.name for method in node.body if isinstance(method, ast.FunctionDef)}
                assert not names & kept, (path.name, names & kept)


def public_functions(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Yield the names of functions and methods; what is read like a value is named like one."""
    for part in node.body:
        if isinstance(part, ast.ClassDef):
            yield from public_functions(part)
        elif isinstance(part, ast.FunctionDef) and "property" not in map(ast.unparse, part.decorator_list):
            yield from [] if part.name.startswith("_") else [part.name]


def test_functions_are_named_by_what_they_do_to_what() -> None:
    named = {file: public_functions(ast.parse((UTILS / file).read_text(encoding="utf-8"))) for file in GRAPH}
    assert [(file, name) for file, names in named.items() for name in {*names} - ONE_WORD if "_" not in name] == []


def variables(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names of variables, arguments, attributes and classes, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, (ast.ClassDef, ast.ExceptHandler)) and node.name:
            yield node.name, node.lineno


def test_variables_are_named_by_what_they_are() -> None:
    paths = [*PLUGINS.rglob("*.py"), *ROOT.glob("roles/*/files/*.py")]
    trees = {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(paths)}
    named = [(file, line, name) for file, tree in trees.items() for name, line in variables(tree)]
    assert len(named) > 5000
    assert [each for each in named if each[2].lower() in SAYS_NOTHING] == []
