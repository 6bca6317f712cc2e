#!/bin/bash
# What site.yml does for a cluster, by hand: packages, a unit, configuration and two servers on each host, and
# `redis-cli --cluster create` on one of them. The limit that tools/bench compares with.
# Run again, it looks at the same things and changes nothing.
#
#     bare_cluster.sh SSH_CONFIG PASSWORD "HOST ADDRESS" ...
set -eu
config=$1 password=$2
shift 2
hosts=("$@")
# shellcheck source=tools/bench.d/everywhere.sh
. "${0%/*}/everywhere.sh"

everywhere <<'EOF'
address=$1
changed=false
unit redis-server /etc/redis/%i.conf ""
put /etc/sysctl.d/90-redis.conf 0644 root <<<"vm.overcommit_memory = 1"
for port in 7000 7001; do
    put /etc/redis/cart-$port.conf 0640 redis <<CONF
bind $address 127.0.0.1
port $port
dir /var/lib/redis/cart-$port
supervised systemd
appendonly yes
requirepass $password
masterauth $password
cluster-enabled yes
cluster-node-timeout 5000
cluster-announce-ip $address
CONF
done
! $changed || systemctl daemon-reload
EOF

everywhere <<'EOF'
address=$1
export REDISCLI_AUTH=$password
for port in 7000 7001; do
    unit=redis-server@cart-$port
    if ! { systemctl --quiet is-enabled $unit 2>/dev/null && systemctl --quiet is-active $unit; }; then
        systemctl --quiet enable --now $unit
        echo "changed: $unit"
    fi
    redis-cli -h "$address" -p $port config get appendonly | grep -qx yes
done
EOF

# One host creates, with the addresses of all.
members=()
for line in "${hosts[@]}"; do members+=("${line#* }:7000" "${line#* }:7001"); done
first=${hosts[0]%% *}
hosts=("$first ${members[*]}")
everywhere <<'EOF'
export REDISCLI_AUTH=$password
ask() { redis-cli -h "${1%:*}" -p "${1#*:}" cluster info | tr -d '\r'; }
if [ "$(ask "$1" | sed -n 's/^cluster_known_nodes://p')" = 1 ]; then
    redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes >/dev/null
    echo "changed: cluster create"
fi
for member in "$@"; do until ask "$member" | grep -qx cluster_state:ok; do sleep 0.2; done; done
EOF
