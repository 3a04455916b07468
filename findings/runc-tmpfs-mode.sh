#!/bin/bash
# runc 1.1.5 (Debian 12: runc 1.1.5+ds1-1+deb12u1): the mode of a tmpfs that names none depends on who made its
# destination.
#
# Guess: a tmpfs without "mode=" among its options has the mode of the folder that it covers, or the kernel's default.
# Seen: over a folder that the rootfs has (mode 712) it is 712; over one that runc makes for it (mode 755) it is 1777.
#
# usage: findings/runc-tmpfs-mode.sh    as a user who may make user namespaces; needs apt-get, dpkg-deb and the network
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 . && apt-get download -qq runc=1.1.5+ds1-1+deb12u1 busybox-static libseccomp2 >/dev/null
for package in *.deb; do dpkg-deb -x "$package" tools; done
export LD_LIBRARY_PATH=$work/tools/usr/lib/x86_64-linux-gnu
mkdir -p bundle/rootfs/{bin,dev,proc,sys,there} && chmod 712 bundle/rootfs/there
cp tools/bin/busybox bundle/rootfs/bin/ && ln -s busybox bundle/rootfs/bin/stat
cd bundle
"$work/tools/usr/sbin/runc" spec --rootless
python3 - <<'P'
import json
c = json.load(open("config.json"))
c["process"].update(terminal=False, args=["/bin/stat", "-c", "%n %a", "/there", "/made"])
c["root"]["readonly"] = False
for name in "/there", "/made":
    c["mounts"].append({"destination": name, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid"]})
json.dump(c, open("config.json", "w"))
P
seen=$("$work/tools/usr/sbin/runc" --root "$work/state" run "finding-$$")
[ "$seen" = $'/there 712\n/made 1777' ] || { echo "changed: $seen"; exit 1; }
echo "as found: $seen"
