# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup primary: who is primary of a data set now."""

from __future__ import annotations

DOCUMENTATION = r"""
name: primary
short_description: Return the address of the server that is primary now
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - Asks the running Sentinels, or the members of a set without Sentinel, who is primary, and fails with a table of who
    says what where they disagree. Nothing is changed on any server.
  - Who is primary is judged as by M(quorum.redis.replication).
  - The answer is true when it is given. An application that is to follow a failover asks the Sentinels itself, see
    P(quorum.redis.connection_info#lookup).
extends_documentation_fragment:
  - quorum.redis.live
options:
  _terms:
    description: Names of data sets.
    required: true
  field:
    description: What of the address is wanted.
    type: str
    choices: [address, host, port]
    default: address
  default:
    description:
      - What to return while nobody answers or no Sentinel monitors the set, as before a first deployment. It is not
        used where there is a dispute, or a password or certificate is refused.
    type: raw
"""

EXAMPLES = r"""
- name: Show the primary
  ansible.builtin.debug:
    msg: "{{ lookup('quorum.redis.primary', 'main', sentinels=['192.0.2.11', '192.0.2.12'],
             password=redis_password, sentinel_password=redis_sentinel_password) }}"

- name: Look at the log of the primary of a set without Sentinel
  ansible.builtin.command: journalctl --unit redis-server@main --lines 20
  changed_when: false
  delegate_to: "{{ lookup('quorum.redis.primary', 'main', members=['db1', 'db2'], field='host', password=secret) }}"
"""

RETURN = r"""
_raw:
  description:
    - For each data set V(host:port), an IPv6 address in brackets, or the part that O(field) names.
  type: list
  elements: raw
"""

from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._core.errors import QuorumError, Unreachable
from ..module_utils._inventory.observer import Question, ask_sets, question_of
from ..module_utils._inventory.plan import problems_of
from ..module_utils._model.addresses import split_address


class LookupModule(LookupBase):
    """Asks for each of the sets."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """Return an answer for each name."""
        self.set_options(var_options=variables, direct=kwargs)
        names = [str(term) for term in terms]
        if not names:
            raise AnsibleLookupError("The lookup quorum.redis.primary wants the name of a data set.")
        try:
            question = question_of(self.get_options().get)
            return [self._answer(replace(question, name=name, sets=[name])) for name in names]
        except QuorumError as problem:
            raise AnsibleLookupError(str(problem)) from problem

    def _answer(self, question: Question) -> Any:
        default = self.get_option("default")
        try:
            (live,) = ask_sets(question)
        except Unreachable as problem:
            if default is None or problem.kind in ("auth", "tls"):
                raise
            return default
        if live["primary"]:
            host, port = split_address(live["primary"], 0)
            return {"address": live["primary"], "host": host, "port": port}[self.get_option("field")]
        shut = any(process["error_kind"] in ("auth", "tls") for process in [*live["members"], *live["sentinels"]])
        if default is not None and not live["disputed"] and not shut:
            return default
        raise AnsibleLookupError("\n".join(problems_of(live)))
