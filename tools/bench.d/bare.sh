#!/bin/bash
# What site.yml does, by hand: packages, units, configuration, server and Sentinel, REPLICAOF, SENTINEL MONITOR,
# each step on all hosts at once. The limit that tools/bench compares with.
# Run again, it looks at the same things and changes nothing.
#
#     bare.sh SSH_CONFIG PASSWORD "HOST ADDRESS PRIMARY WITH_SENTINEL" ...
set -eu
config=$1 password=$2
shift 2
hosts=("$@")

# shellcheck source=tools/bench.d/everywhere.sh
. "${0%/*}/everywhere.sh"

everywhere <<'EOF'
address=$1
changed=false
unit redis-server /var/lib/redis/%i/redis.conf ""
unit redis-sentinel /var/lib/redis/%i/redis.conf --sentinel
put /etc/sysctl.d/90-redis.conf 0644 root <<<"vm.overcommit_memory = 1"
put /etc/redis/main.conf 0640 redis <<CONF
bind $address 127.0.0.1
port 6379
dir /var/lib/redis/main
supervised systemd
appendonly yes
requirepass $password
masterauth $password
CONF
put /etc/redis/sentinel.conf 0640 redis <<CONF
bind $address 127.0.0.1
port 26379
dir /var/lib/redis/sentinel
supervised systemd
requirepass $password
CONF
for name in main sentinel; do
    file=/var/lib/redis/$name/redis.conf
    [ ! -e $file ] || continue
    install -d -o redis -g redis ${file%/*}
    install -o redis -g redis -m 0640 /etc/redis/$name.conf $file
done
! $changed || systemctl daemon-reload
EOF

everywhere <<'EOF'
address=$1 sentinel=$3
units="redis-server@main"
[ "$sentinel" = no ] || units+=" redis-sentinel@sentinel"
for unit in $units; do
    systemctl --quiet is-enabled $unit 2>/dev/null && systemctl --quiet is-active $unit && continue
    systemctl --quiet enable --now $unit
    echo "changed: $unit"
done
export REDISCLI_AUTH=$password
redis-cli -h "$address" config get appendonly | grep -qx yes
EOF

everywhere <<'EOF'
address=$1 primary=$2
export REDISCLI_AUTH=$password
[ "$address" != "$primary" ] || return 0
if ! redis-cli -h "$address" role | grep -qx "$primary"; then
    redis-cli -h "$address" replicaof "$primary" 6379 >/dev/null
    redis-cli -h "$address" config rewrite >/dev/null
    echo "changed: replicaof"
fi
EOF

everywhere <<'EOF'
address=$1 primary=$2 sentinel=$3
export REDISCLI_AUTH=$password
[ "$sentinel" = yes ] || return 0
if [ -z "$(redis-cli -h "$address" -p 26379 sentinel get-master-addr-by-name main)" ]; then
    redis-cli -h "$address" -p 26379 >/dev/null <<COMMANDS
sentinel monitor main $primary 6379 2
sentinel set main auth-pass $password
sentinel set main down-after-milliseconds 5000
COMMANDS
    echo "changed: sentinel monitor"
fi
EOF
