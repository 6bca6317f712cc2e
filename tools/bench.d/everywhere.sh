# shellcheck shell=bash
# What the scripts that tools/bench compares with have in common. Before this is read, `config` is the SSH configuration,
# `password` that of the servers, and `hosts` a line for each host: its name and the arguments of the scripts there.

# Run the script on standard input on all hosts at once; a password travels inside it, not in an argument.
everywhere() {
    local script pids=() line name arguments
    script=$(cat)
    for line in "${hosts[@]}"; do
        read -r name arguments <<<"$line"
        # shellcheck disable=SC2086 # three words
        ssh -F "$config" "$name" bash -eu -s -- $arguments <<<"password=$password; main() { $script"$'\n''}; main "$@" </dev/null' &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

everywhere <<'EOF'
ln -sf /dev/null /etc/systemd/system/redis-server.service
[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_InRelease' -mtime -1)" ] || apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq --no-install-recommends install redis-server python3-redis >/dev/null
EOF
