#!/bin/bash
# runc 1.1.5 (Debian 12: runc 1.1.5+ds1-1+deb12u1): one kind of hook begins in another directory than the others.
#
# Guess: every hook that runs outside of the container begins in the bundle, as those of crun 1.8.1 and 1.28 do.
# Seen: prestart, createRuntime, poststart and poststop do; createContainer begins in the rootfs. The specification
# (runtime-spec 1.0.2, config.md, "POSIX-platform Hooks") names no directory.
#
# usage: findings/runc-hook-directory.sh    as a user who may make user namespaces; needs apt-get, dpkg-deb, network
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 . && apt-get download -qq runc=1.1.5+ds1-1+deb12u1 busybox-static libseccomp2 >/dev/null
for package in *.deb; do dpkg-deb -x "$package" tools; done
export LD_LIBRARY_PATH=$work/tools/usr/lib/x86_64-linux-gnu
mkdir -p bundle/rootfs/{bin,dev,proc,sys}
cp tools/bin/busybox bundle/rootfs/bin/ && ln -s busybox bundle/rootfs/bin/true
cd bundle
"$work/tools/usr/sbin/runc" spec --rootless
python3 - "$work" <<'P'
import json, sys
c = json.load(open("config.json"))
c["process"].update(terminal=False, args=["/bin/true"])
c["hooks"] = {
    kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >/dev/null; echo {kind} ${{PWD##*/}} >>{sys.argv[1]}/seen"]}]
    for kind in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
}
json.dump(c, open("config.json", "w"))
P
"$work/tools/usr/sbin/runc" --root "$work/state" run "finding-$$"
seen=$(tr '\n' ' ' <"$work/seen")
wanted="prestart bundle createRuntime bundle createContainer rootfs poststart bundle poststop bundle "
[ "$seen" = "$wanted" ] || { echo "changed: $seen"; exit 1; }
echo "as found: $seen"
