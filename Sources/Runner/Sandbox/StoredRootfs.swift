package import Formats
import Glibc
package import Images
package import Isolate

/// The root filesystem of an image in the store, and whom its programs run as: its layers read-only below one
/// writable layer of the run's own, or, where no overlay can be mounted, a copy.
package final class StoredRootfs {
  /// How the layers become one tree, the best first; each is tried by the start of a container.
  enum Method: String, CaseIterable {
    /// An overlay whose writable layer is in the run's directory.
    case overlay
    /// An overlay whose writable layer is a tmpfs of each container.
    case memory
    /// fuse-overlayfs(1), with the writable layer in the run's directory.
    case fuse
    /// A copy of the layers in the run's directory.
    case copy
  }

  /// A way that this machine refused, and why.
  struct Refusal {
    var method: Method
    var why: String
  }

  package let image: ImageStore.Image
  package let user: ImageUser
  package let settings: ImageRunSettings
  private(set) var method = Method.overlay
  /// What may be written where the image's changes are kept in memory, in bytes; nil leaves it to the kernel.
  var changesInMemoryLimit: Int64?
  private(set) var refusals: [Refusal] = []
  /// What the copy took, when there is one.
  package internal(set) var copied: (summary: MergedLayers.CopySummary, milliseconds: Int)?
  let run: RunDirectory
  let trees: [String]
  private let layers: [String]
  /// Files of ours that are shown in the image, by the path they are shown at: the highest of the read-only layers,
  /// where an overlay is mounted. A bind mount of each would have a line in the mount table that names the caller's
  /// folder.
  private var files: [String] = []
  static let filesLayer = "files"
  // Layers stay as long as this does.
  private let lease: ImageStore.Lease

  /// Prepares the folders of the run for an image.
  package init(_ image: ImageStore.Image, of store: ImageStore, in run: RunDirectory, hostname: String)
    throws(Failure)
  {
    self.image = image
    self.run = run
    var lease = ImageStore.Lease()
    var trees: [String] = []
    settings = try ImageRunSettings(image.configuration.config)
    for layer in image.layers {
      guard try store.hold(layer, with: &lease), let tree = store.tree(of: layer) else {
        throw Failure(
          .invalid, "\(image.reference.familiar): the layer \(layer) is missing",
          remedy: "import or pull the image again")
      }
      trees.append(tree)
    }
    user = try ImageUser(image.configuration.config?.user ?? "", in: MergedLayers(trees))
    store.touch(image.reference)
    self.lease = lease
    self.trees = trees
    // An overlay has at least one layer below.
    layers = trees.isEmpty ? ["l0"] : trees.indices.map { "l\($0)" }
    try Failure.guarding { () throws(SystemError) in try makeFolders(hostname) }
  }

  private func makeFolders(_ hostname: String) throws(SystemError) {
    for (index, tree) in trees.enumerated() where unsafe symlink(tree, "\(run.path)/\(layers[index])") != 0 {
      throw SystemError("symlink", tree, code: errno)
    }
    if trees.isEmpty { try Directories.make("\(run.path)/\(layers[0])") }
    for folder in ["root-upper", "root-work", Self.filesLayer] {
      try Directories.make("\(run.path)/\(folder)")
    }
    for (name, text) in SandboxNetwork.files(hostname: hostname) { try show(text, at: "/etc/\(name)") }
    // apt gives its downloads to a user of their own, which there is not under a single id.
    if trees.contains(where: { Directories.kind(of: "\($0)/etc/apt/apt.conf.d") == S_IFDIR }) {
      try show("APT::Sandbox::User \"root\";\n", at: "/etc/apt/apt.conf.d/99preflight")
    }
  }

  /// The overlay to be mounted on the root; nil where the root is a copy.
  package var overlay: ContainerOptions.RootOverlay? {
    switch method {
    case .overlay:
      return .init(
        directory: run.path, layers: layers + [Self.filesLayer], upper: "root-upper", work: "root-work")
    case .memory:
      var overlay = ContainerOptions.RootOverlay(
        directory: run.path, layers: layers + [Self.filesLayer], upper: "rootfs/upper", work: "rootfs/work")
      overlay.keepsChangesInMemory = true
      overlay.memorySizeInBytes = changesInMemoryLimit
      return overlay
    case .fuse, .copy: return nil
    }
  }

  /// The folder that becomes the root.
  var rootPath: String {
    switch method {
    case .overlay, .memory: "\(run.path)/rootfs"
    case .fuse: run.fusePath
    case .copy: "\(run.path)/root-copy"
    }
  }

  /// Goes on to the next way after this machine refused one; false when there is none left.
  func goOn(after why: String) throws(Failure) -> Bool {
    refusals.append(Refusal(method: method, why: why))
    switch method {
    case .overlay: method = .memory
    case .memory:
      method = .fuse
      if case .failure(let error) = Result(catching: mountFuse) { return try goOn(after: error.message) }
    case .fuse:
      run.fuse = nil
      method = .copy
      try copy()
    case .copy: return false
    }
    return true
  }

  private func mountFuse() throws(Failure) {
    try Failure.guarding(.ofImages) { () throws(SystemError) in try Directories.make(run.fusePath) }
    run.fuse = try FuseOverlay(
      layers.map { "\(run.path)/\($0)" }, upper: "\(run.path)/root-upper", work: "\(run.path)/root-work",
      at: run.fusePath)
  }

  private func copy() throws(Failure) {
    let started = Clock.milliseconds()
    try Failure.guarding { () throws(SystemError) in
      try Directories.make(rootPath)
    }
    let summary = try MergedLayers(trees).copy(to: rootPath)
    copied = (summary, Clock.milliseconds() - started)
  }

  /// What there is instead of the best way, what it costs, and why; nil when nothing was refused.
  package var degradation: (what: String, why: String, remedy: String)? {
    guard let why = refusals.first?.why else { return nil }
    let remedy = "set XDG_CACHE_HOME to a directory that is not itself on an overlay"
    if method == .fuse {
      return (
        "the image's layers are joined by fuse-overlayfs, which makes every file slower to reach", why, remedy
      )
    }
    guard let copied else {
      return (
        "what programs write to the image's files, each phase for itself, is kept in memory", why,
        remedy
      )
    }
    let size = "\(copied.summary.bytes >> 20) MiB in \(copied.summary.entries) files"
    return (
      "the image was copied, \(size), which took \(copied.milliseconds) ms, since no overlay can be mounted",
      why, remedy
    )
  }

  /// Adds a file of ours that programs in the image read.
  func show(_ text: String, at path: String) throws(SystemError) {
    let file = "\(run.path)/\(Self.filesLayer)\(path)"
    try Directories.make(String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)]))
    try Files.write(text, to: file, flags: O_WRONLY | O_CREAT | O_TRUNC)
    files.append(path)
  }

  /// What is shown of ours in the image where it is no layer.
  var mounts: [RuntimeSpec.Mount] {
    if overlay != nil { return [] }
    return files.sorted().map { path in
      RuntimeSpec.Mount(
        destination: path, type: "bind", source: "\(run.path)/\(Self.filesLayer)\(path)",
        options: ["bind", "ro", "nosuid", "nodev"])
    }
  }

  /// Where a project is shown: the image's WORKDIR, unless files of the system would be hidden there.
  package var projectRoot: String {
    let components = settings.workingDirectory.split(separator: "/")
    guard let first = components.first, !components.contains(".."), !components.contains(".") else {
      return HostImage.projectRoot
    }
    let isSystem = components.count == 1 && Self.systemDirectories.contains(String(first))
    let isKernels = ["proc", "sys", "dev", "etc", "bin", "lib", "sbin", "run", "venv", "cache"].contains(
      first)
    let isPrograms =
      first == "usr" && components.count < 4 && components.dropFirst().first != "src"
    return isSystem || isKernels || isPrograms
      ? HostImage.projectRoot : "/" + components.joined(separator: "/")
  }

  private static let systemDirectories: Set = [
    "bin", "boot", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt", "root", "sbin", "srv",
    "tmp", "usr", "var",
  ]
}
