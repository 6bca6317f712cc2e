# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup connection_info: how an application reaches a data set."""

from __future__ import annotations

DOCUMENTATION = r"""
name: connection_info
short_description: Return how an application reaches a data set
version_added: 0.1.0
author: quorum.redis contributors (@quorum)
description:
  - For the play of an application, on hosts that are no members. Reads what the inventory declares for the members of
    the data set, and returns Sentinels, name, TLS and endpoint of a data set, as a dictionary and as URLs.
  - No server is asked, and no password is read or returned. The play that writes them into a file of the application
    takes them from its vault.
options:
  _terms:
    description: Names of data sets, as in C(redis_instances).
    required: true
  group:
    description: Group of the members, C(redis_group) of their deployment.
    type: str
    default: redis
notes:
  - The variables are those of the first host in O(group). Where C(redis_instances) holds templates with passwords, the
    play of the application must know these too.
seealso:
  - plugin: quorum.redis.primary
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Write the environment of the application
  ansible.builtin.template:
    src: app.env.j2
    dest: /etc/app/redis.env
    mode: "0640"
  vars:
    redis_info: "{{ lookup('quorum.redis.connection_info', 'main') }}"

# app.env.j2
# {% for name, value in redis_info.environment.items() %}
# {{ name }}={{ value }}
# {% endfor %}
# REDIS_PASSWORD={{ vault_app_password }}
# REDIS_SENTINEL_USERNAME=client
# REDIS_SENTINEL_PASSWORD={{ vault_sentinel_client }}
"""

RETURN = r"""
_list:
  description: A dictionary for each data set.
  type: list
  elements: dict
  contains:
    name:
      description: Name of the data set, which libraries call the master name.
      type: str
      sample: main
    sentinels:
      description: All Sentinels as V(host:port), with the port for TLS where TLS is on; none for a set without.
      type: list
      elements: str
      sample: ["192.0.2.11:26379", "192.0.2.12:26379", "192.0.2.13:26379"]
    members:
      description: All members in the same form. Which of them is primary changes.
      type: list
      elements: str
    tls:
      description:
        - C(enabled) where clients are led to ports with TLS, which they are from C(redis_tls=peers) on, and
          C(ca_file), which is C(redis_tls_ca_file), a path on the hosts of the members.
      type: dict
      sample: {"enabled": false, "ca_file": ""}
    endpoint:
      description:
        - Where the endpoint of the set listens for this host, with C(address), C(port), C(read_port), C(tls) and
          whether it is C(local). Empty where the set has none, or one on loopback and this host is not in
          C(redis_endpoint_group).
      type: dict
    environment:
      description: What docs/clients.md reads from the environment, without the logins. Empty without Sentinels.
      type: dict
      sample: {"REDIS_NAME": "main", "REDIS_SENTINELS": "192.0.2.11:26379,192.0.2.12:26379,192.0.2.13:26379"}
    urls:
      description:
        - C(celery), to which C(master_name) comes among the transport options; C(django_redis), with C(sentinels) in
          its own setting; C(lettuce), for Java; C(redis_sentinel), the spelling of several Python libraries such as
          limits; C(symfony), for PHP; C(endpoint) and C(endpoint_read), for any client.
      type: dict
      sample:
        celery: sentinel://192.0.2.11:26379/0;sentinel://192.0.2.12:26379/0
        lettuce: redis-sentinel://192.0.2.11:26379,192.0.2.12:26379/0?sentinelMasterId=main
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._model.connection_info import connection_info
from ..plugin_utils.declared import declared_model


class LookupModule(LookupBase):
    """Reads the inventory, calls the pure model."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """Return a dictionary for each name."""
        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        try:
            model = declared_model(
                known["inventory_hostname"], self.get_option("group"), known["groups"], known["hostvars"]
            )
            return [connection_info(model, str(term)) for term in terms]
        except ValueError as problem:
            raise AnsibleLookupError(str(problem)) from problem
