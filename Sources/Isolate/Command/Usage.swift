/// What the program says of itself: a line or more for each verb, and the flags of each.
enum Usage {
  struct Verb {
    var name: String
    /// What follows the name.
    var synopsis: String
    var summary: String
    var flags: [(flag: String, meaning: String)] = []
  }

  static let globalFlags: [(flag: String, meaning: String)] = [
    ("--root DIR", "where containers are kept (/run/isolate, or $XDG_RUNTIME_DIR/isolate for a user)"),
    ("--log FILE", "append errors and warnings to FILE"),
    ("--log-format text|json", "how (text)"),
    ("--cgroup-manager cgroupfs|systemd|disabled", "who makes cgroups (cgroupfs)"),
    ("--systemd-cgroup", "the same as --cgroup-manager systemd"),
    ("--debug, --rootless BOOL", "taken as other runtimes do, and of no effect"),
    ("--version, --help", "print the version, or this"),
  ]

  private static let creation: [(flag: String, meaning: String)] = [
    ("--bundle, -b DIR", "the folder of config.json (the working directory)"),
    ("--config FILE", "the configuration (config.json of the bundle)"),
    ("--pid-file FILE", "write the process's id there"),
    ("--pidfd-socket PATH", "send a pidfd of the process to this UNIX socket"),
    ("--console-socket PATH", "send the master of the process's terminal to this UNIX socket"),
    ("--preserve-fds N", "leave N descriptors from 3 on to the process, after those of LISTEN_FDS"),
    (
      "--min-level LN",
      "start nothing with less isolation, L0 to L6 (L0); L4 and above want a proc of its own"
    ),
    ("--no-pivot", "chroot(2) in place of pivot_root(2), for an initial ramdisk; weaker"),
    ("--no-new-keyring", "stay in the caller's session keyring"),
  ]

  static let verbs = [
    Verb(
      name: "spec", synopsis: "[OPTIONS]", summary: "write a config.json for a rootless container",
      flags: [
        ("--bundle, -b DIR", "the folder to write it to"), ("--rootless", "which it always is"),
        ("--single-id", "map the caller's id alone"),
      ]),
    Verb(
      name: "run", synopsis: "[OPTIONS] ID", summary: "create a container, start it and wait for it",
      flags: creation + [
        ("--detach, -d", "do not wait"), ("--keep", "do not delete it when it has ended"),
      ]),
    Verb(
      name: "create", synopsis: "[OPTIONS] ID", summary: "create a container that waits for start",
      flags: creation),
    Verb(name: "start", synopsis: "ID", summary: "start a created container"),
    Verb(name: "state", synopsis: "ID", summary: "print a container's state"),
    Verb(
      name: "exec", synopsis: "[OPTIONS] ID CMD [ARG...]", summary: "run a further process in a container",
      flags: [
        ("--process, -p FILE", "the process as config.json has it; CMD is left out then"),
        ("--user, -u UID[:GID]", "whose it is"),
        ("--additional-gids, -g GID", "a further group (repeatable)"),
        ("--env, -e NAME=VALUE", "add to its environment (repeatable)"),
        ("--cwd DIR", "its working directory"),
        ("--cap, -c CAP", "a further capability of the container's bounding set (repeatable)"),
        ("--no-new-privs", "set no_new_privs"), ("--tty, -t", "give it a terminal"),
        ("--console-socket PATH", "send the terminal's master to this UNIX socket"),
        ("--pid-file FILE", "write its id there"), ("--pidfd-socket PATH", "send a pidfd of it there"),
        ("--detach, -d", "do not wait for it"), ("--cgroup PATH", "start below the container's cgroup"),
        ("--preserve-fds N", "leave N descriptors from 3 on to it"),
        ("--ignore-paused", "start it in a paused container, where it waits"),
        ("--apparmor PROFILE, --process-label LABEL", "what a security module makes of it"),
      ]),
    Verb(
      name: "kill", synopsis: "[--all] ID [SIGNAL]", summary: "send a signal, SIGTERM unless named",
      flags: [("--all, -a", "to every process of the container")]),
    Verb(
      name: "delete", synopsis: "[OPTIONS] ID", summary: "remove a container that has ended",
      flags: [
        ("--force, -f", "kill it first if it runs"),
        ("--regex", "ID is an extended regular expression: remove all that it is found in"),
      ]),
    Verb(
      name: "list", synopsis: "[OPTIONS]", summary: "list containers",
      flags: [("--format, -f table|json", "how (table)"), ("--quiet, -q", "ids alone")]),
    Verb(
      name: "ps", synopsis: "[OPTIONS] ID [PS-OPTION...]",
      summary: "list a container's processes, by ps(1) when there are options for it",
      flags: [("--format, -f table|json", "how (table)")]),
    Verb(name: "pause", synopsis: "ID", summary: "stop every process of a container"),
    Verb(name: "resume", synopsis: "ID", summary: "let a paused container go on"),
    Verb(
      name: "update", synopsis: "[OPTIONS] ID", summary: "give a container other limits",
      flags: [
        ("--resources, -r FILE", "as linux.resources has them; - is standard input"),
        ("--memory BYTES", "also with a unit, as 64M; -1 takes it away"),
        ("--memory-swap BYTES", "memory and swap together"),
        ("--memory-reservation BYTES", ""), ("--pids-limit N", ""), ("--cpu-quota MICROSECONDS", ""),
        ("--cpu-period MICROSECONDS", ""), ("--cpu-burst MICROSECONDS", ""), ("--cpu-share N", "2 to 262144"),
        ("--cpu-idle 0|1", ""), ("--cpuset-cpus LIST", "0-3,7"), ("--cpuset-mems LIST", ""),
        ("--blkio-weight N", "10 to 1000"), ("--l3-cache-schema TEXT", "a line of resctrl, as L3:0=f"),
        ("--mem-bw-schema TEXT", "the same, as MB:0=50"),
      ]),
    Verb(name: "features", synopsis: "", summary: "print what the runtime does on this host, as JSON"),
    Verb(
      name: "doctor", synopsis: "[OPTIONS]",
      summary: "say what isolation this host gives, what is missing, and what lifts it",
      flags: [("--format, -f text|json", "how (text)")]),
    Verb(
      name: "events", synopsis: "[OPTIONS] ID", summary: "print a container's counters as JSON",
      flags: [("--stats", "once"), ("--interval TIME", "how often otherwise (5s)")]),
  ]

  /// What `isolate --help` prints.
  static var text: String {
    let rows = verbs.map { ("\($0.name) \($0.synopsis)", $0.summary) }
    return "usage: isolate [GLOBAL OPTIONS] VERB ...\n\n\(table(rows))\n\(table(globalFlags))\n"
      + "`isolate VERB --help` tells a verb's options.\n"
  }

  /// What `isolate VERB --help` prints; nil for a verb there is not.
  static func text(of verb: String) -> String? {
    guard let verb = verbs.first(where: { $0.name == verb }) else { return nil }
    let head = "usage: isolate [GLOBAL OPTIONS] \(verb.name) \(verb.synopsis)\n\n\(verb.summary)\n"
    return verb.flags.isEmpty ? head : head + "\n" + table(verb.flags)
  }

  private static func table(_ rows: [(String, String)]) -> String {
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { row in
      let gap = String(repeating: " ", count: width - row.0.count + 3)
      return row.1.isEmpty ? "  \(row.0)\n" : "  \(row.0)\(gap)\(row.1)\n"
    }.joined()
  }
}
