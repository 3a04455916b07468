# Sourced by the clients' scripts: one line of output for each behaviour, "ok   WHAT" or "FAIL WHAT (why)".

work=$(mktemp -d)
failures=0
input=/dev/null # what the commands of prints and ends_with read
log=$work/container.log # where the client keeps what the container wrote, where it does (conmon's k8s-file format)

# check WHAT COMMAND...: runs COMMAND, its output goes to $work/out and $work/err.
check() {
  local what=$1
  shift
  if "$@" >"$work/out" 2>"$work/err"; then
    echo "ok   $what"
  else
    echo "FAIL $what (status $?: $(tail -n 1 "$work/err" | cut -c1-300))"
    failures=$((failures + 1))
  fi
}

# prints TEXT COMMAND...: COMMAND succeeds and its standard output is TEXT. podman now and then shows nothing of what a
# short container wrote (containers/podman issue 7195); then the container's log answers.
prints() {
  local text=$1 found
  shift
  rm -f "$log"
  found=$("$@" <"$input") || return
  if [ -z "$found" ] && [ -s "$log" ]; then found=$(sed -n 's/^[^ ]* stdout [FP] //p' "$log"); fi
  [ "$found" = "$text" ] || { echo "printed \"$found\" instead of \"$text\"" >&2 && return 1; }
}

# ends_with STATUS COMMAND...
ends_with() {
  local expected=$1 status=0
  shift
  "$@" <"$input" || status=$?
  [ "$status" = "$expected" ] || { echo "ended with $status instead of $expected" >&2 && return 1; }
}

# eventually COMMAND...: COMMAND succeeds within ten seconds.
eventually() {
  local attempt
  for attempt in $(seq 50); do
    if "$@"; then return 0; fi
    sleep 0.2
  done
  echo "not within ten seconds (attempt $attempt): $*" >&2
  return 1
}

# A root filesystem of one static program, as a folder and as an archive.
make_root() {
  mkdir -p "$work/volume" && touch "$work/volume/file"
  mkdir -p "$work/root/bin" "$work/root/etc" "$work/root/tmp" "$work/root/dev" "$work/root/proc" "$work/root/sys"
  cp "$(command -v busybox)" "$work/root/bin/busybox"
  # One process makes all the links: in User-Mode Linux each process takes a tenth of a second and more.
  (cd "$work/root/bin" && ./busybox --list | python3 -c '
import os, sys
for name in set(sys.stdin.read().split()) - {"busybox"}: os.symlink("busybox", name)')
  echo 'root:x:0:0:root:/:/bin/sh' >"$work/root/etc/passwd"
  echo 'root:x:0:' >"$work/root/etc/group"
  chmod 1777 "$work/root/tmp"
  tar -C "$work/root" -cf "$work/root.tar" .
}

finish() {
  # Files of other ids remain to the machine, which is thrown away.
  rm -rf "$work" 2>/dev/null
  exit $((failures > 0))
}
