# Finds the Swift toolchain and builds. Sourced by the scripts after packages.sh; `root` is the repository.

tested_swift=6.3.1
least_swift=6.3
# What both programs are built from, beside Package.swift.
built_folders=(Sources images signatures scripts/lib/link)

# The places where a toolchain may be, those that exist.
swift_candidates() {
  local candidate
  for candidate in "$(command -v swift || true)" /opt/swift/usr/bin/swift /usr/libexec/swift/bin/swift \
    "${SWIFTLY_BIN_DIR:-${HOME:-/root}/.local/share/swiftly/bin}/swift" /usr/local/swift/usr/bin/swift; do
    if [ -x "$candidate" ]; then echo "$candidate"; fi
  done
}

# Sets `swift` to the first toolchain that is new enough, or explains how to get one and fails.
find_swift() {
  local candidate version unusable=
  for candidate in $(swift_candidates); do
    version=$("$candidate" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -1)
    if [ -n "$version" ] && [ "$(printf '%s\n' $least_swift "$version" | sort -V | head -1)" = $least_swift ]; then
      swift=$candidate
      return
    fi
    unusable+=" $candidate (${version:-does not run})"
  done
  explain_swift
  if [ -n "$unusable" ]; then say "Found, but not usable:$unusable"; fi
  return 1
}

explain_swift() {
  say "A Swift toolchain is needed to build: version $least_swift or newer, tested with $tested_swift."
  say "Get it from https://www.swift.org/install/linux/ , for example with swiftly:"
  say "  curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz"
  say "  tar xzf swiftly-$(uname -m).tar.gz && ./swiftly init && swiftly install $tested_swift"
  say "or unpack the tarball for your system at /opt/swift. Then call this script again."
}

# Installs what building and running need, and finds the toolchain: nothing is installed where there is none.
prepare_to_build() {
  if [ -z "$(swift_candidates)" ]; then
    explain_swift
    return 1
  fi
  need_to_build
  want_to_run
  install_missing
  find_swift
}

# Sets `scratch`, the build folder: .build of a clone that the caller owns, otherwise one in the caller's cache,
# so that root does not leave files in a user's clone, nor a user need to write into root's.
# Sets `source`, the package that is built: the clone, or a copy of it where the clone cannot be written.
choose_scratch() {
  source=$root scratch=$root/.build
  if [ -O "$root" ] && { [ ! -e "$scratch" ] || [ -O "$scratch" ]; }; then return; fi
  local cache
  cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/isolate/build-$(printf %s "$root" | sha256sum | cut -c1-12)
  scratch=$cache/scratch
  [ -O "$root" ] || source=$cache/source
}

# Copies what a build reads. Times are kept, so an unchanged file is not compiled again.
refresh_source() {
  [ "$source" != "$root" ] || return 0
  say "This clone belongs to $(stat -c %U "$root"): building in $(dirname "$source")."
  mkdir -p "$source"
  (cd "$source" && rm -rf "${built_folders[@]}" Tests docs)
  (cd "$root" && cp -a --parents --no-preserve=ownership Package.swift "${built_folders[@]}" Tests docs "$source")
}

# is_current STAMP FOLDER...: whether nothing that the build reads is newer than STAMP. A folder's own time
# tells of files that were added, removed or renamed.
is_current() {
  local stamp=$1
  shift
  [ -e "$stamp" ] && [ -z "$(cd "$root" && find Package.swift "$@" -newer "$stamp" -print -quit)" ]
}

# quietly WHAT COMMAND...: runs COMMAND with its progress on stderr and its output only if it fails.
quietly() {
  local what=$1 log begin=$SECONDS status=0 job
  shift
  log=$(mktemp)
  say "$what ..."
  "$@" </dev/null >"$log" 2>&1 &
  job=$!
  if [ -t 2 ]; then
    while kill -0 $job 2>/dev/null; do
      printf '\r\033[K  %ds %s' $((SECONDS - begin)) "$(tail -n 1 "$log" | cut -c1-70)" >&2
      sleep 0.5
    done
    printf '\r\033[K' >&2
  fi
  wait $job || status=$?
  if [ $status = 0 ]; then
    say "  done in $((SECONDS - begin)) s"
  else
    cat "$log" >&2
    say "$what failed (status $status); the output is above."
  fi
  rm -f "$log"
  return $status
}

swift_build() { "$swift" build --package-path "$source" --scratch-path "$scratch" "$@"; }

# begin_build STAMP: what a build has before it begins; the stamp is made by `end_build`.
begin_build() {
  if [ -z "${swift:-}" ]; then prepare_to_build; fi
  mkdir -p "$scratch"
  touch "$1-begins"
  refresh_source
}

# Not "now": a file that was changed during the build is newer than its beginning.
end_build() { mv "$1-begins" "$1"; }

# Builds isolate in release; returns at once if nothing has changed.
build_isolate() {
  local stamp=$scratch/isolate-is-current
  if is_current "$stamp" "${built_folders[@]}" && [ -x "$scratch/release/isolate" ]; then return; fi
  begin_build "$stamp"
  quietly "Building isolate (release)" swift_build -c release --product isolate
  end_build "$stamp"
}

# Builds both programs in release; returns at once if nothing has changed.
build_release() {
  local stamp=$scratch/release-is-current
  build_isolate
  if is_current "$stamp" "${built_folders[@]}" && [ -x "$scratch/release/preflight" ]; then return; fi
  begin_build "$stamp"
  # Without what a debugger reads: a third of the program, and an eighth of the compiler's time.
  quietly "Building preflight (release; some minutes the first time)" \
    swift_build -c release --product preflight -debug-info-format none
  end_build "$stamp"
}
