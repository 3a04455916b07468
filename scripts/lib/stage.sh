# Puts what the tests need where the user who runs them can read it, and runs them there. Sourced by scripts/test.

test_user=isolate-test

# Builds the test bundle, and preflight for them, and sets `bundle` to its name; returns at once if nothing has changed.
build_tests() {
  local stamp=$scratch/tests-are-current
  bundle=isolatePackageTests.xctest
  if is_current "$stamp" "${built_folders[@]}" Tests && [ -x "$scratch/debug/$bundle" ]; then return; fi
  begin_build "$stamp"
  # Without what a debugger reads, which takes an eighth of the compiler's time, and with no more of an index than the
  # tests are found by: that of the modules from elsewhere takes a fifth.
  quietly "Building preflight and the tests" swift_build --build-tests -debug-info-format none \
    -Xswiftc -index-ignore-system-modules -Xswiftc -index-ignore-clang-modules
  end_build "$stamp"
}

# Makes the unprivileged user, with ranges of subordinate ids where useradd does not give any.
make_test_user() {
  if ! id "$test_user" >/dev/null 2>&1; then
    say "Making the user $test_user, as whom the tests run."
    useradd --create-home --shell /bin/bash "$test_user"
  fi
  local kind
  for kind in uid gid; do
    grep -q "^$test_user:" "/etc/sub$kind" 2>/dev/null ||
      usermod "--add-sub${kind}s" 165536-231071 "$test_user"
  done
}

# Fills `work`: bin (programs and tests), repository (what tests read), results, home and tmp of the run.
stage_files() {
  local user name
  user=$(id -un)
  mkdir -p "$work/bin" "$work/repository" "$work/results" "$work/tmp"
  chmod 755 "$work"
  cp "$scratch/release/isolate" "$scratch/${preflight_build:-debug}/preflight" "$scratch/debug/$bundle" "$work/bin"
  for name in "$scratch"/debug/*.resources; do
    [ ! -e "$name" ] || cp -a "$name" "$work/bin"
  done
  for name in Tests examples images docs deploy signatures action.yml CHANGELOG.md; do
    [ ! -e "$root/$name" ] || cp -a --no-preserve=ownership "$root/$name" "$work/repository"
  done
  chmod -R a+rX "$work/bin" "$work/repository"
  if [ "$user" = root ]; then
    make_test_user
    user=$test_user
    chown -R "$user:" "$work/repository"
  fi
  chmod 1777 "$work/results" "$work/tmp"
  bring_swift_libraries "$user"
  minimal_root=
  if [ "$(id -u)" = 0 ]; then
    cache=/var/cache/isolate-test
  else
    cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/isolate-test
  fi
  if command -v mmdebstrap >/dev/null; then
    mkdir -p "$cache"
    if [ -e "$cache/minimal-root/.complete" ] ||
      quietly "Making a minimal Debian root (once)" "$root/Tests/Harness/minimal-root" make "$cache/minimal-root"; then
      minimal_root=$cache/minimal-root
    fi
  fi
  emulated_kernel=
  if command -v qemu-system-x86_64 >/dev/null && [ "$(uname -m)" = x86_64 ]; then
    mkdir -p "$cache"
    if [ -e "$cache/emulated-kernel/vmlinuz" ] ||
      quietly "Fetching a kernel with Linux security modules and resctrl (once)" \
        "$root/Tests/Harness/emulated-kernel" make "$cache/emulated-kernel"; then
      emulated_kernel=$cache/emulated-kernel
    fi
  fi
}

# The tests load Swift's libraries from where the toolchain is. If the user cannot read them there, as below
# another's home folder, they go beside the tests, where the loader looks too.
bring_swift_libraries() {
  local user=$1
  if ! run_as "$user" ldd "$work/bin/$bundle" | grep -q 'not found'; then return; fi
  local libraries
  libraries=$(ldd "$work/bin/$bundle" | awk '$3 ~ /\/swift\/linux\// { print $3 }')
  say "Copying the Swift libraries to where $user can read them."
  # shellcheck disable=SC2086 # one word for each file
  cp $libraries "$work/bin"
  chmod a+r "$work/bin"/*.so
}

# run_as USER COMMAND...: runs COMMAND in the staged repository with the environment of the tests. Many tests at a time
# hold more files than the usual 1024, which runuser(1) sets anew by pam_limits(8): the limit is raised after it.
run_as() {
  local user=$1 home become=() path='' folder colours=()
  shift
  [ -t 1 ] || colours=(NO_COLOR=1)
  home=$(getent passwd "$user" | cut -d: -f6)
  if [ "$(id -un)" != "$user" ]; then become=(runuser -u "$user" --); fi
  # Folders that the user cannot enter make some programs stop their search.
  while IFS= read -r -d : folder; do
    if "${become[@]}" test -x "$folder"; then path+=${path:+:}$folder; fi
  done <<<"$PATH:"
  (
    cd "$work/repository"
    # A shell gives what it runs in the background no interrupt; tests send some.
    "${become[@]}" env --default-signal=INT,QUIT -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME \
      -u SUDO_USER -u SUDO_UID -u SUDO_GID -u SUDO_COMMAND \
      HOME="$home" USER="$user" LOGNAME="$user" PATH="$path" TMPDIR="$work/tmp" \
      ISOLATE_REPOSITORY="$work/repository" ISOLATE_PROGRAM="$work/bin/isolate" \
      PREFLIGHT_PROGRAM="$work/bin/preflight" ISOLATE_MINIMAL_ROOT="${minimal_root:-}" \
      ISOLATE_EMULATED_KERNEL="${emulated_kernel:-}" \
      ISOLATE_TEST_RUN="$marker" ${ISOLATE_TEST_TURNS:+ISOLATE_TEST_TURNS="$ISOLATE_TEST_TURNS"} "${colours[@]}" \
      bash -c 'ulimit -Sn 4096 2>/dev/null; exec "$@"' run_as "$@"
  )
}

# list_marked MARKER: the processes whose environment holds the marker, one line each.
list_marked() {
  local process
  for process in $(grep -lsF "ISOLATE_TEST_RUN=$1" /proc/[0-9]*/environ | cut -d/ -f3); do
    [ "$process" != $$ ] || continue
    printf '%s (%s) ' "$process" "$(tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null)"
  done
}

stop_marked() {
  local process
  for process in $(grep -lsF "ISOLATE_TEST_RUN=$1" /proc/[0-9]*/environ | cut -d/ -f3); do
    kill -KILL "$process" 2>/dev/null || true
  done
}
