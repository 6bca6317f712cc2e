# shellcheck shell=bash
# What the scripts that tools/bench compares with have in common. Before this is read, `config` is the SSH configuration,
# `password` that of the servers, and `hosts` a line for each host: its name and the arguments of the scripts there.

# What every script there can call.
tools=$(
    cat <<'EOF'
put() { # FILE MODE GROUP, its content on standard input
    cat >/run/bare.new
    cmp -s /run/bare.new "$1" && return
    mkdir -p "${1%/*}"
    install -m "$2" -g "$3" /run/bare.new "$1"
    echo "changed: $1"
    changed=true
}
unit() { # NAME CONFIGURATION OPTION
    put "/etc/systemd/system/$1@.service" 0644 root <<UNIT
[Unit]
After=network-online.target
[Service]
Type=notify
User=redis
Group=redis
ExecStart=/usr/bin/redis-server $2 $3
StateDirectory=redis/%i
RuntimeDirectory=redis/%i
Restart=always
LimitNOFILE=16384
NoNewPrivileges=true
PrivateTmp=true
ProtectSystem=strict
ProtectHome=true
[Install]
WantedBy=multi-user.target
UNIT
}
EOF
)

# Run the script on standard input on all hosts at once; a password travels inside it, not in an argument.
everywhere() {
    local script pids=() line name arguments
    script="password=$password"$'\n'"$tools"$'\n'"main() { $(cat)"$'\n''}; main "$@" </dev/null'
    for line in "${hosts[@]}"; do
        read -r name arguments <<<"$line"
        # shellcheck disable=SC2086 # three words
        ssh -F "$config" "$name" bash -eu -s -- $arguments <<<"$script" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

everywhere <<'EOF'
ln -sf /dev/null /etc/systemd/system/redis-server.service
[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_InRelease' -mtime -1)" ] || apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq --no-install-recommends install redis-server python3-redis >/dev/null
EOF
