/// A program of the host that a plan needs inside the sandbox.
package struct LocatedTool: Sendable, Equatable {
  /// The name it is called by.
  package var name: String
  /// Its path inside the sandbox.
  package var path: String
  /// What `--version` says, without the program's name; nil when it said nothing usable.
  package var version: String?
  /// The host directory to be bound for it, when it lives outside the system's directories.
  package var hostPrefix: String?
  /// Where that directory appears inside the sandbox.
  package var sandboxPrefix: String?
  /// Where its own shared libraries are inside the sandbox: a moved program's RUNPATH leads nowhere.
  package var libraryPath: String?

  package init(
    name: String, path: String, version: String? = nil, hostPrefix: String? = nil,
    sandboxPrefix: String? = nil, libraryPath: String? = nil
  ) {
    self.name = name
    self.path = path
    self.version = version
    self.hostPrefix = hostPrefix
    self.sandboxPrefix = sandboxPrefix
    self.libraryPath = libraryPath
  }
}
