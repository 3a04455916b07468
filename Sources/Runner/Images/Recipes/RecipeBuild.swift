import CShims
package import Formats
import Glibc
import Isolate

/// Makes a base image from a recipe: Debian's packages become a root filesystem, that a layer which is always the
/// same, and that an image in the store, by the same way as any image from a file.
package struct RecipeBuild {
  /// What was built.
  package struct Result: Sendable {
    package var references: [ImageReference]
    package var digest: Digest
    /// Of the runtime the recipe is for; nil when it is for none.
    package var runtimeVersion: String?
    package var packages: Int
    /// Bytes of the layer.
    package var size: Int64
  }

  package struct Options: Sendable {
    /// What the image is called instead of the recipe's own names.
    package var name: ImageReference?
    /// Mirrors instead of the machine's own.
    package var mirrors: [String] = []
    /// A folder that gets the image as an OCI layout; it must not be there.
    package var output: String?
    /// Of the caller: TMPDIR, SOURCE_DATE_EPOCH and proxies are read.
    package var environment: [String: String] = [:]
    package init() {}
  }

  private let store: ImageStore
  private let recipe: Recipe
  private let options: Options

  package init(_ recipe: Recipe, in store: ImageStore, _ options: Options) {
    (self.recipe, self.store, self.options) = (recipe, store, options)
  }

  /// Builds the image.
  ///
  /// - Throws: `Failure`; of kind `transient` when no mirror answers.
  package func run(observer: (any BuildObserver)?) throws(Failure) -> Result {
    BuildFolder.removeStale(in: store)
    try DebianBootstrap.check()
    if let output = options.output, Files.exists(output) {
      throw Failure(.usage, "\(output) is there already", remedy: "name a folder that is not there")
    }
    let temporary = options.environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/var/tmp"
    let folder = try BuildFolder(in: store, temporary: temporary)
    defer { folder.remove() }
    // Times of files lag behind by less than a second.
    let begin = Int64(time(nil)) - 2
    let bootstrap = try DebianBootstrap(
      recipe, mirrors: options.mirrors, environment: options.environment)
    let archive = try bootstrap.run(in: folder, observer: observer)
    observer?.step("making the layer")
    let layout = "\(folder.path)/layout"
    let made = try image(archive, begin, in: layout)
    unsafe unlink(archive)
    if observer?.isCancelled == true { throw Failure(.system, "interrupted") }
    observer?.step("adding it to the store")
    var result = made
    result.references = try add(layout)
    if let output = options.output { try copy(layout, to: output, folder) }
    return result
  }

  /// Makes an OCI layout of the root filesystem's archive.
  private func image(_ archive: String, _ begin: Int64, in layout: String) throws(Failure) -> Result {
    let selection = FileSelection(recipe)
    let survey = try RootfsSurvey(
      archive, selection, onlySome: !recipe.only.isEmpty, begin: begin, store.limits)
    let epoch =
      try options.environment["SOURCE_DATE_EPOCH"].map { text throws(Failure) in
        guard let seconds = Int64(text), (0...8_589_934_591).contains(seconds) else {
          throw Failure(
            .usage, "SOURCE_DATE_EPOCH: \"\(text.prefix(40))\" is no number of seconds since 1970")
        }
        return seconds
      } ?? survey.epoch
    let version = try runtimeVersion(survey.packages)
    let packages = survey.packages.packages.filter { package in
      recipe.only.isEmpty || survey.owners.contains(package.name) || recipe.packages.contains(package.name)
    }
    let bill = BillOfMaterials.document(
      name: recipe.name, version: version ?? recipe.suite, distribution: recipe.suite, packages: packages,
      licensed: survey.licensed, time: epoch)
    for folder in [layout, "\(layout)/blobs", "\(layout)/blobs/sha256"] where unsafe mkdir(folder, 0o755) != 0
    {
      throw Failure(image: SystemError("mkdir", folder, code: errno))
    }
    let unnamed = "\(layout)/layer"
    let layer = try ReproducibleLayer(recipe, selection, survey, epoch: epoch, store.limits)
      .write(from: archive, to: unnamed, adding: [Recipe.billOfMaterials: bill])
    let blob = "\(layout)/blobs/sha256/\(layer.digest.hex)"
    if unsafe rename(unnamed, blob) != 0 { throw Failure(image: SystemError("rename", blob, code: errno)) }
    let digest = try describe(layout, layer.digest, layer.size, version: version, epoch: epoch)
    return Result(
      references: [], digest: digest, runtimeVersion: version, packages: packages.count, size: layer.size)
  }

  /// The version of the runtime's package, which must be what the recipe promises.
  private func runtimeVersion(_ list: PackageList) throws(Failure) -> String? {
    guard let runtime = recipe.runtime else { return nil }
    let package = list.packages.first { FileSelection.matches($0.name, runtime.package) }
    guard let package else {
      throw Failure(
        .usage, "the image has no package \(runtime.package), from which the recipe takes its version",
        remedy: "correct Runtime in the recipe")
    }
    let version = PackageList.upstream(package.version)
    guard "\(version).".hasPrefix("\(runtime.version).") else {
      throw Failure(
        .usage,
        "the recipe says \(runtime.ecosystem) \(runtime.version), but the package \(package.name) is \(package.version)",
        remedy: "correct Runtime in the recipe")
    }
    return version
  }

  /// Writes the configuration, the manifest and the index of an OCI layout (image-layout.md).
  private func describe(
    _ layout: String, _ layer: Digest, _ size: Int64, version: String?, epoch: Int64
  ) throws(Failure) -> Digest {
    var labels = [
      "org.opencontainers.image.title": recipe.title, Recipe.Label.version: version ?? recipe.suite,
      "org.opencontainers.image.created": UniversalTime.text(epoch), Recipe.Label.recipe: recipe.name,
    ]
    if !recipe.description.isEmpty { labels["org.opencontainers.image.description"] = recipe.description }
    if let runtime = recipe.runtime { labels[Recipe.Label.ecosystem] = runtime.ecosystem }
    labels.merge(recipe.labels) { $1 }
    var configuration = ImageConfiguration(architecture: Platform.host.architecture, layers: [layer])
    configuration.created = UniversalTime.text(epoch)
    configuration.variant = Platform.host.variant
    var settings = ImageConfiguration.Settings()
    settings.user = recipe.user
    settings.environment =
      [RuntimeSpec.standardPath] + recipe.environment
    settings.entrypoint = recipe.entrypoint.isEmpty ? nil : recipe.entrypoint
    settings.command = recipe.command.isEmpty ? nil : recipe.command
    settings.workingDirectory = recipe.workingDirectory
    settings.stopSignal = recipe.stopSignal
    settings.labels = labels
    if !recipe.ports.isEmpty {
      settings.exposedPorts = Dictionary(recipe.ports.map { ($0, .init()) }) { $1 }
    }
    configuration.config = settings
    let config = try put(ImageAssembly.encode(configuration), layout)
    var manifest = ImageManifest(
      config: Descriptor(mediaType: ImageManifest.ociConfiguration, digest: config.digest, size: config.size),
      layers: [Descriptor(mediaType: ImageManifest.ociLayer, digest: layer, size: size)])
    manifest.annotations = labels
    let described = try put(ImageAssembly.encode(manifest), layout)
    var index = manifest
    (index.config, index.layers, index.annotations) = (nil, nil, nil)
    index.mediaType = ImageManifest.ociIndex
    index.manifests = [
      Descriptor(
        mediaType: ImageManifest.ociManifest, digest: described.digest, size: described.size,
        annotations: ["org.opencontainers.image.ref.name": recipe.tags[0]])
    ]
    try write(ImageAssembly.encode(index), "\(layout)/index.json")
    try write(Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8), "\(layout)/oci-layout")
    return described.digest
  }

  private func put(_ bytes: [UInt8], _ layout: String) throws(Failure) -> (digest: Digest, size: Int64) {
    let digest = Digest(of: bytes)
    try write(bytes, "\(layout)/blobs/sha256/\(digest.hex)")
    return (digest, Int64(bytes.count))
  }

  private func write(_ bytes: [UInt8], _ path: String) throws(Failure) {
    try Failure.guarding(.ofImages) { () throws(SystemError) in
      try Files.write(bytes, to: path, flags: O_WRONLY | O_CREAT | O_EXCL)
    }
  }

  /// Brings the layout into the store, with the guards that every image passes, and gives it its names.
  private func add(_ layout: String) throws(Failure) -> [ImageReference] {
    var names: [ImageReference] = []
    if let name = options.name {
      names = [name]
    } else {
      for tag in recipe.tags { names.append(try recipe.reference(tag: tag)) }
    }
    guard let first = names.first else { return [] }
    _ = try ImageImporter(store).add(layout, name: first)
    guard let image = try store.image(first) else {
      throw Failure(.system, "\(first.familiar) was removed while it was made", remedy: "try again")
    }
    for name in names.dropFirst() { try store.name(name, image.digest) }
    return names
  }

  /// Puts the layout where the caller wants it, all at once.
  private func copy(_ layout: String, to output: String, _ folder: BuildFolder) throws(Failure) {
    let part = "\(output).\(String(isl_random(), radix: 36)).part"
    guard let parent = Files.real(output.contains("/") ? Self.parent(output) : ".") else {
      throw Failure(.usage, "\(output): its folder is not there", remedy: "make it first")
    }
    try folder.note("\(parent)/\(part.split(separator: "/").last ?? "part")")
    for place in ["", "/blobs", "/blobs/sha256"] where unsafe mkdir(part + place, 0o755) != 0 {
      throw Failure(image: SystemError("mkdir", part + place, code: errno))
    }
    var files = ["oci-layout", "index.json"]
    files += ((try? Files.names(in: "\(layout)/blobs/sha256")) ?? []).map { "blobs/sha256/\($0)" }
    for file in files {
      let from = unsafe open("\(layout)/\(file)", O_RDONLY | O_CLOEXEC)
      if from < 0 { throw Failure(image: SystemError("open", "\(layout)/\(file)", code: errno)) }
      let input = OwnedDescriptor(owning: from)
      let to = unsafe open("\(part)/\(file)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      if to < 0 { throw Failure(image: SystemError("open", "\(part)/\(file)", code: errno)) }
      let target = OwnedDescriptor(owning: to)
      let code = isl_copy_contents(input.number, target.number)
      if code < 0 { throw Failure(image: SystemError("write", "\(part)/\(file)", code: -code)) }
    }
    if unsafe rename(part, output) != 0 { throw Failure(image: SystemError("rename", output, code: errno)) }
  }

  private static func parent(_ path: String) -> String {
    let parts = path.split(separator: "/").dropLast().joined(separator: "/")
    return path.hasPrefix("/") ? "/\(parts)" : parts.isEmpty ? "." : parts
  }
}
