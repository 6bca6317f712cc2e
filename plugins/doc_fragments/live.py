# Copyright (c) 2026, quorum.redis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the plugins that ask Sentinels and servers from the controller."""

from __future__ import annotations


class ModuleDocFragment:
    """Whom to ask, and how to get in."""

    DOCUMENTATION = r"""
options:
  sentinels:
    description:
      - Sentinels to ask, as V(host:port), V([2001:db8::1]:port), or V(host) alone for port 26379. They name the
        members of each set and the other Sentinels, which are asked too.
      - One of O(sentinels) and O(members) is required.
    type: list
    elements: raw
    env:
      - name: QUORUM_REDIS_SENTINELS
    ini:
      - {section: quorum_redis, key: sentinels}
  members:
    description:
      - All members of a set without Sentinel, in the same form; the port is 6379 where none is given.
    type: list
    elements: raw
    env:
      - name: QUORUM_REDIS_MEMBERS
    ini:
      - {section: quorum_redis, key: members}
  username:
    description:
      - ACL user on every member. Without it the default user is used. It needs C(INFO) alone; the address that a
        server announces is read with C(CONFIG GET) where the user may.
    type: str
    env:
      - name: QUORUM_REDIS_USERNAME
    ini:
      - {section: quorum_redis, key: username}
  password:
    description:
      - Password on every member. While one takes the place of another a list of both.
      - Sets with other passwords are asked by a file of their own.
    type: raw
    env:
      - name: QUORUM_REDIS_PASSWORD
  sentinel_username:
    description:
      - ACL user on every Sentinel, such as V(client), which C(redis_sentinel_clients_passwords) makes.
    type: str
    env:
      - name: QUORUM_REDIS_SENTINEL_USERNAME
    ini:
      - {section: quorum_redis, key: sentinel_username}
  sentinel_password:
    description:
      - Password of the Sentinels themselves. While one takes the place of another a list of both.
    type: raw
    env:
      - name: QUORUM_REDIS_SENTINEL_PASSWORD
  timeout:
    description:
      - Seconds to wait for a connection and for each reply. All are asked at once, first the Sentinels, then the
        members and the Sentinels that these have named. So who is silent costs this time once, or twice where a
        Sentinel of O(sentinels) and a member are.
    type: float
    default: 2.0
    env:
      - name: QUORUM_REDIS_TIMEOUT
    ini:
      - {section: quorum_redis, key: timeout}
  tls:
    description:
      - Connect with TLS, to members and Sentinels. Their certificates are always verified, by CA, dates and name; the
        name is the address of the connection.
    type: bool
    default: false
    env:
      - name: QUORUM_REDIS_TLS
    ini:
      - {section: quorum_redis, key: tls}
  tls_ca_file:
    description:
      - Certificates of the CAs that may have issued these certificates. Without it those of the system.
    type: path
    env:
      - name: QUORUM_REDIS_TLS_CA_FILE
    ini:
      - {section: quorum_redis, key: tls_ca_file}
  tls_cert_file:
    description:
      - Certificate to show where one is asked for.
    type: path
    env:
      - name: QUORUM_REDIS_TLS_CERT_FILE
    ini:
      - {section: quorum_redis, key: tls_cert_file}
  tls_key_file:
    description:
      - Its key. It is required with O(tls_cert_file).
    type: path
    env:
      - name: QUORUM_REDIS_TLS_KEY_FILE
    ini:
      - {section: quorum_redis, key: tls_key_file}
requirements:
  - redis-py 3.5 or later for the Python that runs Ansible on the controller
  - the way from the controller to the ports of servers and Sentinels
"""
