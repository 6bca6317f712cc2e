# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness of the modules: where redis-py is missing or broken, and what it notes in the journal."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Reconciler
from ansible_collections.quorum.redis.plugins.module_utils._module.runner import MaskedModule, run
from ansible_collections.quorum.redis.plugins.module_utils._redis import client


class EndError(Exception):
    """The module has ended with this answer."""


def end(**answer: Any) -> NoReturn:
    raise EndError(answer)


def answer(check: bool) -> Any:
    """Run a module that would look at a server."""
    module: Any = SimpleNamespace(check_mode=check, exit_json=end, fail_json=end, _diff=False)

    def build(_module: Any) -> Reconciler[Any]:
        raise AssertionError("nobody is asked without the library")

    with pytest.raises(EndError) as caught:
        run(module, build)
    return caught.value.args[0]


@pytest.mark.parametrize("there", [True, False])
def test_a_library_that_cannot_be_used_is_named_at_once(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be there and broken: then the members would all be taken for silent."""
    monkeypatch.setattr(client, "HAS_REDIS", there)
    monkeypatch.setitem(sys.modules, "redis", None)
    assert ("cannot be used" if there else "is missing") in answer(check=False)["msg"]
    assert "has installed redis-py" in answer(check=True)["steps"][0]


@pytest.mark.parametrize("secret", ["plain-Kq7x", 'q"Kq7x"', "b\\Kq7x", "'Kq7x\"", "n\nKq7x", "\u00e9Kq7x"])
def test_no_argument_in_the_journal_is_a_secret(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible writes lists and dictionaries as Python does, which escapes a secret before it is looked for."""
    noted: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, msg, log_args=None: noted.append(f"{msg} {log_args}"))
    module = MaskedModule.__new__(MaskedModule)
    module.no_log_values = {secret}
    module.argument_spec, module.aliases = {"logins": {"type": "dict"}, "name": {"type": "str"}}, {}
    module.params = {"name": "main", "logins": {"operator": {"username": "our-operator", "password": secret}}}
    module._log_invocation()
    assert len(noted) == 1 and "our-operator" in noted[0] and "Kq7x" not in noted[0]
