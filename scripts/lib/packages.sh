# Debian packages: what is missing is collected with its reason, announced, and installed once.
# Sourced by the scripts; all messages go to stderr.

say() { printf '%s\n' "$*" >&2; }

missing=() reasons=() indispensable=0

# want PACKAGE WHY CHECK...: notes PACKAGE as missing unless the command CHECK succeeds.
want() {
  local package=$1 why=$2
  shift 2
  if "$@" >/dev/null 2>&1; then return; fi
  missing+=("$package")
  reasons+=("$why")
}

# need: the same for a package without which there is no going on.
need() {
  local before=${#missing[@]}
  want "$@"
  if [ ${#missing[@]} -gt "$before" ]; then indispensable=1; fi
}

has() { command -v "$1" || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }

# install_missing: says what is missing and why, then installs it. Where it may not, it gives the command that
# would, and fails if something indispensable is missing.
install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  local i status=0
  say "Missing on this machine:"
  for i in "${!missing[@]}"; do say "  ${missing[i]}: ${reasons[i]}"; done
  install_packages "${missing[@]}" || status=$indispensable
  if [ "$status" = 0 ] && [ ${#refused} -gt 0 ]; then say "Going on without: $refused"; fi
  missing=() reasons=() indispensable=0
  return "$status"
}

# install_packages PACKAGE...: with apt-get, as root or through sudo; `refused` names them if that is impossible.
install_packages() {
  local log become=()
  refused="$*"
  if ! command -v apt-get >/dev/null; then
    say "These are Debian packages, and there is no apt-get here. Install their equivalents."
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    become=(sudo)
    [ -t 0 ] || become=(sudo -n)
    if ! command -v sudo >/dev/null || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
      say "Not root, and sudo is not possible here. As root, the command is:"
      say "  apt-get install -y --no-install-recommends $*"
      return 1
    fi
  fi
  log=$(mktemp)
  say "Installing with: ${become[*]:+${become[*]} }apt-get install -y --no-install-recommends $*"
  # The package lists are fetched only if the ones at hand do not do.
  if ! apt_install "$@" >"$log" 2>&1; then
    say "  (package lists are missing or old: apt-get update first)"
    if ! { "${become[@]}" apt-get update && apt_install "$@"; } >"$log" 2>&1; then
      cat "$log" >&2
      rm -f "$log"
      say "apt-get failed; its output is above."
      return 1
    fi
  fi
  rm -f "$log"
  refused=
}

apt_install() {
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "$@" </dev/null
}

# What compiling and linking needs, and what both programs need to run.
need_to_build() {
  need g++ "the linker's start files, the C library and the C++ library that Swift's archives use" has_compiler
  need libseccomp-dev "system call filters, linked into both programs" test -e /usr/include/seccomp.h
  need zlib1g-dev "decompression of image layers, linked into preflight" test -e /usr/include/zlib.h
  need libzstd-dev "the same for zstd" test -e /usr/include/zstd.h
  need liblzma-dev "the same for xz, of projects' archives" test -e /usr/include/lzma.h
  need libxxhash-dev "checksums of files in the image store, compiled into preflight" test -e /usr/include/xxhash.h
  want libisal-dev "the header of a faster decompressor for gzip; zlib does without" test -e /usr/include/isa-l/igzip_lib.h
  need git "fetches the Swift packages" has git
  need ca-certificates "trusted certificates, for that and for package registries" has_certificates
  need libcurl4 "a library of the Swift tools" has_library libcurl.so.4
  need libxml2 "a library of the Swift tools" has_library libxml2.so.2
  need libsqlite3-0 "a library of the Swift tools" has_library libsqlite3.so.0
  need libncurses6 "a library of the Swift tools" has_library libncurses.so.6
}

want_to_run() {
  want python3 "the interpreter of the Python projects that are checked" has python3
  want python3-venv "virtual environments for them" python3 -c 'import venv, ensurepip'
  want uidmap "id ranges in user namespaces" has newuidmap
  want libisal2 "that decompressor, opened where it is there: a pull of a gzip image takes less time" has_library libisal.so.2
}

# What the tests use beyond that.
want_to_test() {
  want nodejs "the Node examples" has node
  want golang-go "the Go example and its tests" has go
  want busybox-static "the root filesystem of the runtime's own tests" has_static_busybox
  want user-mode-linux "a kernel with cgroup v2, for the tests of limits" has linux.uml
  want systemd "scopes for containers, in that kernel" test -x /lib/systemd/systemd
  want dbus-user-session "a user's bus to it" test -e /usr/lib/systemd/user/dbus.socket
  want podman "a container engine that drives the runtime in the tests" has podman
  want buildah "another one" has buildah
  want runc "a runtime in whose containers a check is run" has runc
  want bubblewrap "the same for its sandboxes" has bwrap
  want crun "another runtime, which ours is compared with" has crun
  want containerd "and a third" has containerd
  want docker-registry "a registry that images are pulled from" has docker-registry
  want skopeo "pushes images to it" has skopeo
  want umoci "unpacks images too: its trees are compared with ours" has umoci
  want libarchive-tools "bsdtar, the same for archives" has bsdtar
  want openssl "makes its certificates" has openssl
  want strace "counts the system calls of a start, and of our own count" has strace
  want qemu-system-x86 "a machine with a Linux security module or the resctrl filesystem" has qemu-system-x86_64
  want lz4 "the compression of its kernel" has lz4
  want cpio "what that machine starts from" has cpio
  want apparmor "its policy for AppArmor" has apparmor_parser
  want secilc "its policy for SELinux" has secilc
  want mmdebstrap "base images, and a minimal root without Swift, in which both programs are run" has mmdebstrap
  want fuse-overlayfs "an image where no overlay can be mounted" has fuse-overlayfs
}

has_library() { /sbin/ldconfig -p | grep -F "$1"; }
has_compiler() { has gcc && has ar && test -e /usr/include/stdio.h && compgen -G '/usr/lib/gcc/*/*/libstdc++.a'; }
has_certificates() { test -s "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"; }
# The program of the package busybox has no place without libraries.
has_static_busybox() { has busybox && ! grep -q -a -F /ld-linux "$(command -v busybox)"; }
