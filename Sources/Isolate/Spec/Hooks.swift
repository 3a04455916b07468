extension RuntimeSpec {
  /// Programs of the host that accompany a container's life (config.md, "POSIX-platform Hooks").
  public struct Hooks: Sendable, Equatable {
    /// Run one after the other while the container is being made, before its root is changed.
    public var prestart: [Hook] = []
    /// Run after `prestart`, at the same place.
    public var createRuntime: [Hook] = []
    /// Run after those, in the container's namespaces, by their paths on the host.
    public var createContainer: [Hook] = []
    /// Run in the container before its process is executed, with what that may do.
    public var startContainer: [Hook] = []
    /// Run after the container's process has been executed.
    public var poststart: [Hook] = []
    /// Run after the container has been deleted.
    public var poststop: [Hook] = []

    public init() {}
  }

  /// One program to run.
  public struct Hook: Sendable, Equatable {
    /// Absolute, on the host.
    public var path: String
    /// As for execv(3), the program's own name first; empty stands for the path alone.
    public var args: [String]
    /// The whole environment, as NAME=VALUE.
    public var env: [String]
    /// Seconds until it is killed; nil waits as long as it takes.
    public var timeout: Int64?

    public init(path: String, args: [String] = [], env: [String] = [], timeout: Int64? = nil) {
      self.path = path
      self.args = args
      self.env = env
      self.timeout = timeout
    }
  }
}

extension RuntimeSpec.Hooks {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    prestart = try Self.hooks(decoder, "prestart")
    createRuntime = try Self.hooks(decoder, "createRuntime")
    createContainer = try Self.hooks(decoder, "createContainer")
    startContainer = try Self.hooks(decoder, "startContainer")
    poststart = try Self.hooks(decoder, "poststart")
    poststop = try Self.hooks(decoder, "poststop")
  }

  private static func hooks(_ decoder: SpecDecoder, _ kind: String) throws(SpecError) -> [RuntimeSpec.Hook] {
    var hooks: [RuntimeSpec.Hook] = []
    for hook in try decoder.objects(kind) {
      hooks.append(
        RuntimeSpec.Hook(
          path: try hook.required("path"), args: try hook.strings("args"), env: try hook.strings("env"),
          timeout: try hook.integer("timeout")))
    }
    return hooks
  }

  var json: JSONValue? {
    if isEmpty { return nil }
    var members = SpecEncoder()
    for (kind, hooks) in lists where !hooks.isEmpty { members.add(kind, .array(hooks.map(\.json))) }
    return members.objectUnlessEmpty
  }

  /// Each list with its name.
  private var lists: [(kind: String, hooks: [RuntimeSpec.Hook])] {
    [
      ("prestart", prestart), ("createRuntime", createRuntime), ("createContainer", createContainer),
      ("startContainer", startContainer), ("poststart", poststart),
      ("poststop", poststop),
    ]
  }

  private var isEmpty: Bool {
    !accompanyCreation && !areRunInside && poststart.isEmpty && poststop.isEmpty
  }

  /// Whether a hook is to be run before the container's root is changed.
  var accompanyCreation: Bool {
    !prestart.isEmpty || !createRuntime.isEmpty || !createContainer.isEmpty
  }

  /// Whether a hook is run by the container's own process.
  var areRunInside: Bool { !createContainer.isEmpty || !startContainer.isEmpty }

  /// A path is absolute, a timeout above zero (config.md, "POSIX-platform Hooks").
  func validate() throws(SpecError) {
    if isEmpty { return }
    for (kind, hooks) in lists {
      for (index, hook) in hooks.enumerated() {
        let path = "hooks.\(kind)[\(index)]"
        guard hook.path.hasPrefix("/") else {
          throw SpecError(path: "\(path).path", message: "\"\(hook.path)\" is not absolute")
        }
        if let timeout = hook.timeout, !(1...Self.longestTimeout).contains(timeout) {
          throw SpecError(
            path: "\(path).timeout", message: "\(timeout) is not between 1 and \(Self.longestTimeout) seconds"
          )
        }
        for (number, entry) in hook.env.enumerated()
        where !entry.utf8.dropFirst().contains(UInt8(ascii: "=")) {
          throw SpecError(path: "\(path).env[\(number)]", message: "\"\(entry)\" is not NAME=VALUE")
        }
      }
    }
  }

  /// What poll(2) takes as milliseconds.
  private static let longestTimeout: Int64 = 2_000_000
}

extension RuntimeSpec.Hook {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("path", .string(path))
    members.add("args", strings: args)
    members.add("env", strings: env)
    members.add("timeout", timeout.map(JSONValue.integer))
    return members.object
  }
}
