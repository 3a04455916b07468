#!/bin/bash
# crun 1.8.1 (Debian 12: crun 1.8.1-1+deb12u1): a hook whose configuration has no "env" gets the environment of crun's
# caller.
#
# Guess: a hook has the environment that its "env" lists, so one without has none (runtime-spec, config.md,
# "POSIX-platform Hooks": env has the semantics of environ).
# Seen: a variable of the caller's is there in a hook without "env", and is not where "env" lists another.
#
# usage: findings/crun-hook-environment.sh    on a host with cgroup v2 alone, as a user who may make user namespaces;
# needs
#        apt-get, dpkg-deb and the network
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 . && apt-get download -qq crun=1.8.1-1+deb12u1 busybox-static libyajl2 libseccomp2 libcap2 >/dev/null
for package in *.deb; do dpkg-deb -x "$package" tools; done
export LD_LIBRARY_PATH=$work/tools/usr/lib/x86_64-linux-gnu:$work/tools/lib/x86_64-linux-gnu
mkdir -p bundle/rootfs/{bin,dev,proc,sys}
cp tools/bin/busybox bundle/rootfs/bin/ && ln -s busybox bundle/rootfs/bin/true
cd bundle
"$work/tools/usr/bin/crun" spec --rootless
configure() {
  python3 - "$@" <<'P'
import json, sys
c = json.load(open("config.json"))
c["process"].update(terminal=False, args=["/bin/true"])
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"]
c["mounts"] = [m for m in c["mounts"] if m["type"] != "cgroup" and m["destination"] != "/sys"]
hook = {"path": "/bin/sh", "args": ["sh", "-c", "echo ${OF_THE_CALLER:-none} >>" + sys.argv[1]]}
if sys.argv[2:]:
    hook["env"] = sys.argv[2:]
c["hooks"] = {"prestart": [hook]}
json.dump(c, open("config.json", "w"))
P
}
for environment in '' OTHER=1; do
  configure "$work/seen" $environment
  OF_THE_CALLER=there "$work/tools/usr/bin/crun" --cgroup-manager disabled --root "$work/state" run "finding-$$" </dev/null
done
seen=$(cat "$work/seen")
[ "$seen" = $'there\nnone' ] || { echo "changed: $seen"; exit 1; }
echo "as found: $seen"
