# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness of the modules where redis-py is missing or broken."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from ansible_collections.quorum.redis.plugins.module_utils._core.reconcile import Reconciler
from ansible_collections.quorum.redis.plugins.module_utils._module.runner import run
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
