#!/bin/bash
# podman 4.3.1 (Debian 12: podman 4.3.1+ds1-8+deb12u1+b3) and its containers.conf(5) (golang-github-containers-common
# 0.50.1+ds1-4): the key by which a runtime is said to run without control groups is not the documented one.
#
# Guess: `runtime_supports_nocgroups` of containers.conf(5) names the runtimes that `--cgroups disabled` may use.
# Seen: that key changes nothing, and no word is said of it; `runtime_supports_nocgroup`, without the "s", does it.
#
# usage: findings/podman-nocgroup-key.sh    as a user with id ranges; needs apt-get, dpkg-deb, newuidmap, the network
set -euo pipefail
work=$(mktemp -d)
trap 'podman system migrate >/dev/null 2>&1; rm -rf "$work"' EXIT
cd "$work"
chmod 755 . && apt-get download -qq podman=4.3.1+ds1-8+deb12u1+b3 golang-github-containers-common=0.50.1+ds1-4 \
  conmon crun libgpgme11 libassuan0 libsubid4 libyajl2 >/dev/null
for package in *.deb; do dpkg-deb -x "$package" tools; done
zgrep -q runtime_supports_nocgroups tools/usr/share/man/man5/containers.conf.5.gz || { echo "changed: manual"; exit 1; }
export LD_LIBRARY_PATH=$work/tools/usr/lib/x86_64-linux-gnu XDG_RUNTIME_DIR=$work HOME=$work
cp tools/usr/bin/crun other && mkdir -p rootfs/bin .config/containers
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >.config/containers/policy.json
podman() {
  "$work/tools/usr/bin/podman" --cgroup-manager cgroupfs --storage-driver vfs --root "$work/storage" \
    --runroot "$work/run" --tmpdir "$work/tmp" --events-backend none --conmon "$work/tools/usr/bin/conmon" "$@"
}
# tried KEY: whether a container without control groups may be made.
tried() {
  printf '[engine]\n%s = ["other"]\n[engine.runtimes]\nother = ["%s"]\n' "$1" "$work/other" >conf
  local said
  if said=$(CONTAINERS_CONF=$work/conf podman --runtime other create --cgroups disabled --network none \
    --rootfs "$work/rootfs" /bin/true 2>&1); then
    echo made
  else
    case $said in *"not compatible with NoCgroups"*) echo refused ;; *) echo "$said" ;; esac
  fi
}
seen="$(tried runtime_supports_nocgroups) $(tried runtime_supports_nocgroup)"
[ "$seen" = "refused made" ] || { echo "changed: $seen"; exit 1; }
echo "as found: $seen"
