import Glibc
import Images
import Isolate

/// The root filesystem of an image in the store, and whom its programs run as: its layers read-only below one
/// writable layer of the run's own.
final class StoredRootfs {
  let image: ImageStore.Image
  let user: ImageUser
  private(set) var overlay: ContainerOptions.RootOverlay
  /// Why what programs write is kept in memory and not on disk, when it is.
  private(set) var memoryReason: String?
  /// Files of ours that are shown in the image, by the path they are shown at.
  private var files: [String: String] = [:]
  // Layers stay as long as this does.
  private let lease: ImageStore.Lease

  /// Prepares the folders of the run for an image.
  init(_ image: ImageStore.Image, of store: ImageStore, in run: RunDirectory, hostname: String)
    throws(RunnerError)
  {
    self.image = image
    var lease = ImageStore.Lease()
    var trees: [String] = []
    var names: [String] = []
    do throws(ImageError) {
      for layer in image.layers {
        guard try store.hold(layer, with: &lease), let tree = store.tree(of: layer) else {
          throw ImageError(
            .invalid, "\(image.reference.familiar): the layer \(layer) is missing",
            remedy: "import or pull the image again")
        }
        trees.append(tree)
      }
      user = try ImageUser(image.configuration.config?.user ?? "", in: MergedLayers(trees))
      store.touch(image.reference)
    } catch { throw RunnerError(error) }
    self.lease = lease
    do throws(SystemError) {
      for (index, tree) in trees.enumerated() {
        names.append("l\(index)")
        if unsafe symlink(tree, "\(run.path)/l\(index)") != 0 {
          throw SystemError("symlink", tree, code: errno)
        }
      }
      // An overlay has at least one layer below.
      if names.isEmpty {
        try Directories.make("\(run.path)/l0")
        names = ["l0"]
      }
      for folder in ["root-upper", "root-work", "etc"] { try Directories.make("\(run.path)/\(folder)") }
      overlay = .init(directory: run.path, layers: names, upper: "root-upper", work: "root-work")
      for (name, text) in SandboxNetwork.files(hostname: hostname) {
        try Files.write(text, to: "\(run.path)/etc/\(name)", flags: O_WRONLY | O_CREAT | O_TRUNC)
        files["/etc/\(name)"] = "\(run.path)/etc/\(name)"
      }
      try addPackageManagerSettings(trees, run)
    } catch { throw RunnerError(error) }
  }

  /// apt gives its downloads to a user of their own, which there is not under a single id.
  private func addPackageManagerSettings(_ trees: [String], _ run: RunDirectory) throws(SystemError) {
    guard trees.contains(where: { Directories.kind(of: "\($0)/etc/apt/apt.conf.d") == S_IFDIR }) else {
      return
    }
    try Files.write(
      "APT::Sandbox::User \"root\";\n", to: "\(run.path)/etc/apt.conf", flags: O_WRONLY | O_CREAT | O_TRUNC)
    files["/etc/apt/apt.conf.d/99preflight"] = "\(run.path)/etc/apt.conf"
  }

  /// Goes on without a writable layer on disk.
  func keepChangesInMemory(why: String) {
    memoryReason = why
    overlay.keepsChangesInMemory = true
    (overlay.upper, overlay.work) = ("rootfs/upper", "rootfs/work")
  }

  /// Adds a file of ours that programs in the image read.
  func show(_ file: String, at path: String) { files[path] = file }

  /// What is shown of ours in the image.
  var mounts: [RuntimeSpec.Mount] {
    files.sorted { $0.key < $1.key }.map { path, file in
      RuntimeSpec.Mount(
        destination: path, type: "bind", source: file, options: ["bind", "ro", "nosuid", "nodev"])
    }
  }

  /// Variables of the image, the later ones of a name winning.
  var environment: [String: String] {
    var environment: [String: String] = [:]
    for entry in image.configuration.config?.environment ?? [] {
      guard let equals = entry.firstIndex(of: "="), equals != entry.startIndex else { continue }
      environment[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
    }
    return environment
  }

  /// ENTRYPOINT and CMD.
  var command: [String] {
    (image.configuration.config?.entrypoint ?? []) + (image.configuration.config?.command ?? [])
  }

  var workingDirectory: String {
    let directory = image.configuration.config?.workingDirectory ?? ""
    return directory.hasPrefix("/") ? directory : "/\(directory)"
  }
}
