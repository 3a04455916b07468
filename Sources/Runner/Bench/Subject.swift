/// Something that starts programs in isolation, or, to compare with, without any.
package struct Subject: Sendable, Equatable {
  /// What kind of program it is: that says how it is called and what it lacks.
  package enum Kind: String, Sendable, CaseIterable, Codable {
    case bare, isolate, bubblewrap, crun, runc, podman, unshare

    /// Those that `--against` may name.
    package static let peers: [Kind] = [.bubblewrap, .crun, .runc, .podman, .unshare]

    /// Its program's name on PATH.
    package var program: String {
      switch self {
      case .bare: ""
      case .bubblewrap: "bwrap"
      default: rawValue
      }
    }

    /// Whether it reads an OCI bundle.
    var takesBundle: Bool { self == .isolate || self == .crun || self == .runc }
    /// Whether it has a way into a running container.
    var hasExec: Bool { takesBundle || self == .podman }

    /// What a reader must know beside its figures, in a few words.
    package var remark: String {
      switch self {
      case .bare: "no isolation"
      case .isolate, .crun, .runc: ""
      case .bubblewrap: "no filter, no masks"
      case .podman: "an engine with its runtime"
      case .unshare: "namespaces only"
      }
    }

    /// What is not done by it that the others do.
    package var lacks: [String] {
      switch self {
      case .bare: ["any isolation"]
      case .isolate, .crun, .runc: []
      case .bubblewrap:
        [
          "system call filter", "masked and read-only paths", "/sys, /dev/mqueue",
          "containers with a state, exec",
        ]
      case .podman: []
      case .unshare:
        [
          "system call filter", "masked and read-only paths", "any mount (chroot only)",
          "dropped capabilities",
          "containers with a state, exec",
        ]
      }
    }

    /// What is done by it that the others do not do.
    package var adds: [String] {
      switch self {
      case .podman:
        [
          "an engine's bookkeeping, its own monitor process, its own mounts, a range of ids; runs its own runtime"
        ]
      default: []
      }
    }
  }

  package let kind: Kind
  /// The program's path; empty for the bare process.
  package let program: String
  /// What it says its version is.
  package var version: String
  /// Options that make it work here, found by trying.
  var options: [String] = []
  /// Why it is not measured.
  package var failure: String?

  package init(kind: Kind, program: String, version: String = "", failure: String? = nil) {
    self.kind = kind
    self.program = program
    self.version = version
    self.failure = failure
  }

  /// The name it has in tables.
  package var name: String { kind.rawValue }

  /// What to try in turn until a start succeeds. A runtime that makes a cgroup for each container where one is
  /// delegated to the caller is preferred over the same without.
  var variants: [[String]] {
    switch kind {
    case .crun: [["--cgroup-manager=cgroupfs"], ["--cgroup-manager=disabled"]]
    case .podman:
      [
        ["--cgroup-manager=cgroupfs"],
        ["--cgroup-manager=cgroupfs", "--runtime-flag", "cgroup-manager=disabled"],
      ]
    default: [[]]
    }
  }
}
