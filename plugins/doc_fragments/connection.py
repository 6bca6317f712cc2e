# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules get in to servers and Sentinels, and whom they ask: one, or all of a set; specs: _module/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The option `connection`, the same everywhere, and beside it where it leads to."""

    DOCUMENTATION = r"""
options:
  connection:
    description:
      - How to get in, the same for all servers that the module asks. Where they listen is said by other options.
    type: dict
    suboptions:
      username:
        description:
          - ACL user. Without it the default user is used.
        type: str
      password:
        description:
          - Password of the user. Without it no authentication is done.
          - While one takes the place of another a list of both; each is tried where the one before it is not known.
        type: raw
      fallback_password:
        description:
          - Password of the default user, or a list, tried where a server does not know the user or its password yet.
        type: raw
      timeout:
        description:
          - Seconds to wait for a connection and for each reply. There are no retries.
          - M(quorum.redis.config) gives the process that it configures 10 s at least, because it runs on the same host.
        type: float
        default: 2.0
      tls:
        description:
          - Connect with TLS. The certificate of the other side is always verified, by its CA, dates and name; the name
            is the address of the connection.
        type: bool
        default: false
      tls_ca_file:
        description:
          - Certificates of the CAs that may have issued that certificate. Without it those of the system.
        type: path
      tls_cert_file:
        description:
          - Certificate to show where one is asked for.
        type: path
      tls_key_file:
        description:
          - Its key. It is required with C(tls_cert_file).
        type: path
requirements:
  - redis-py 3.5 or later on the host where the module runs
"""

    SERVER = r"""
options:
  host:
    description:
      - Address or name of the server or Sentinel, as seen from the host where the module runs.
    type: str
    default: 127.0.0.1
  port:
    description:
      - Its TCP port.
    type: int
    default: 6379
  socket:
    description:
      - Path of its Unix socket. When it is set, O(host) and O(port) are not used for the connection.
    type: path
"""

    MEMBERS = r"""
options:
  name:
    description:
      - Name of the data set, which is also the name that Sentinels monitor it by.
    type: str
    required: true
  members:
    description:
      - All servers of the data set.
    type: list
    elements: dict
    required: true
    suboptions: &member
      host:
        description: Name for messages and results.
        type: str
        required: true
      address:
        description: Address under which all hosts reach it.
        type: str
        required: true
      port:
        description: Its TCP port.
        type: int
        required: true
      other_port:
        description:
          - Its port for TLS beside the plain one, or the other way round. The module M(quorum.redis.replication) moves
            whoever uses it to C(port).
        type: int
  sentinels:
    description:
      - All Sentinels that monitor or shall monitor the data set; none when it is without.
    type: list
    elements: dict
    default: []
    suboptions: *member
  sentinel_username:
    description:
      - ACL user on every Sentinel; TLS and time-out are those of O(connection).
    type: str
  sentinel_password:
    description:
      - Password of the Sentinels themselves. While one takes the place of another a list of both.
    type: raw
"""

    CLUSTER = r"""
options:
  name:
    description:
      - Name of the cluster.
    type: str
    required: true
  members:
    description:
      - All servers of the cluster. When it is created, their order decides who is primary first.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Name of its host for messages and results. Several members may be on one.
        type: str
        required: true
      address:
        description: Address under which all hosts reach it.
        type: str
        required: true
      port:
        description: Its TCP port. That of the cluster bus is asked from the server.
        type: int
        required: true
      zone:
        description: What fails at once with it, such as a rack. The default is its host. A backup does not use it.
        type: str
  replicas:
    description:
      - Replicas for each primary. With V(0) the loss of one primary stops the cluster, and primaries are backed up.
    type: int
    default: 1
"""
