/// The OCI runtime specification's config.json: the part this runtime honours.
///
/// Names are the specification's own (config.md, config-linux.md). What is absent stays nil.
public struct RuntimeSpec: Sendable, Equatable {
  /// The newest version of the specification this runtime is built from.
  public static let version = "1.3.0"

  public var ociVersion: String
  public var process: Process?
  public var root: Root
  public var hostname: String?
  public var domainname: String?
  public var mounts: [Mount]
  public var annotations: [String: String]
  public var linux: Linux
  public var hooks = Hooks()

  /// The absolute path of the root filesystem (config.md, "Root").
  func rootPath(in bundle: String) -> String {
    root.path.hasPrefix("/") ? root.path : "\(bundle)/\(root.path)"
  }

  /// Whether its version is 1.`minor` or a later one of version 1.
  func isAtLeast(minor: Int) -> Bool {
    let parts = ociVersion.split(separator: ".")
    return parts.count > 1 && parts[0] == "1" && (Int(parts[1]) ?? 0) >= minor
  }

  public init(
    ociVersion: String = RuntimeSpec.version, process: Process? = nil, root: Root, hostname: String? = nil,
    domainname: String? = nil, mounts: [Mount] = [], annotations: [String: String] = [:],
    linux: Linux = Linux()
  ) {
    self.ociVersion = ociVersion
    self.process = process
    self.root = root
    self.hostname = hostname
    self.domainname = domainname
    self.mounts = mounts
    self.annotations = annotations
    self.linux = linux
  }

  /// The rootfs (config.md, "Root").
  public struct Root: Sendable, Equatable {
    /// Absolute, or relative to the bundle.
    public var path: String
    public var readonly: Bool

    public init(path: String, readonly: Bool = false) {
      self.path = path
      self.readonly = readonly
    }
  }
}

extension RuntimeSpec {
  /// Decodes a config.json.
  ///
  /// - Throws: `SpecError` naming the JSON path of what is malformed or not honoured.
  public init(json: JSONValue) throws(SpecError) {
    guard case .object = json else {
      let isNull = if case .null = json { true } else { false }
      throw SpecError(path: "", message: "expected an object\(isNull ? ", and it is null" : "")")
    }
    let top = SpecDecoder(value: json, path: "")
    try top.refuse("vm", "zos", because: "isolate makes containers of Linux")
    guard let root = try top.object("root") else { throw SpecError(path: "root", message: "is missing") }
    self.init(
      ociVersion: try top.required("ociVersion"),
      process: try top.object("process").map { decoder throws(SpecError) in try Process(decoder) },
      root: Root(path: try root.required("path"), readonly: try root.bool("readonly") ?? false),
      hostname: try top.string("hostname"), domainname: try top.string("domainname"))
    for mount in try top.objects("mounts") { mounts.append(try Mount(mount)) }
    annotations = try top.texts("annotations")
    if let decoder = try top.object("hooks") { hooks = try Hooks(decoder) }
    if let decoder = try top.object("linux") { linux = try Linux(decoder) }
    // Before 1.3.0 "default is no limit" was read as 0, and callers write 0 for it (runtime-spec, pull request 1279).
    if !isAtLeast(minor: 3), linux.resources?.pidsLimit == 0 { linux.resources?.pidsLimit = -1 }
  }
}

extension RuntimeSpec {
  /// The specification as config.json; absent values stay absent.
  public var json: JSONValue {
    var members = SpecEncoder()
    members.add("ociVersion", .string(ociVersion))
    members.add("process", process.map(\.json))
    members.add("root", .object([("path", .string(root.path)), ("readonly", .bool(root.readonly))]))
    members.add("hostname", hostname.map(JSONValue.string))
    members.add("domainname", domainname.map(JSONValue.string))
    members.add("mounts", .array(mounts.map(\.json)))
    if !annotations.isEmpty {
      members.add(
        "annotations",
        .object(annotations.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }
    members.add("hooks", hooks.json)
    members.add("linux", linux.json)
    return members.object
  }
}

extension RuntimeSpec {
  /// Whether the process has the supplementary groups of whoever calls the runtime, and not `additionalGids`: crun's
  /// annotation, which podman writes for `--group-add keep-groups` (crun(1)).
  var keepsCallerGroups: Bool { annotations["run.oci.keep_original_groups"].map { $0 != "0" } ?? false }

  /// Whether its mounts are made in the caller's own mount namespace, as without one it is to be.
  var sharesMountNamespace: Bool { !linux.namespaces.contains { $0.type == "mount" } }
}
