/// Where a mount is to appear, as the rest of the runtime expects it: from the root on, and without detours.
enum MountDestination {
  /// The same place in the shortest words; nil where these are they.
  ///
  /// ".." is taken by its letters, as other runtimes do, and never leads above the root.
  static func shortened(_ path: String) -> String? {
    let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
    // By bytes, as the kernel splits a path. As a rule there is nothing to do.
    var before: UInt8?
    var isShort = path.utf8.first == slash && (path.utf8.last != slash || path.utf8.count == 1)
    for byte in path.utf8 {
      if before == slash, byte == slash || byte == dot { isShort = false }
      before = byte
    }
    if isShort { return nil }
    var parts: [Substring.UTF8View] = []
    for part in path.utf8.split(separator: slash) {
      if part.elementsEqual([dot, dot]) {
        _ = parts.popLast()
      } else if !part.elementsEqual([dot]) {
        parts.append(part)
      }
    }
    let short = parts.isEmpty ? "/" : parts.map { "/" + (String($0) ?? "") }.joined()
    return short.utf8.elementsEqual(path.utf8) ? nil : short
  }
}

extension RuntimeSpec {
  /// Mounts at destinations from the root on. The specification asks for absolute ones; relative ones were taken by the
  /// runtimes before it did, and are warned about. One that begins with the rootfs' own path, as the host has it, is
  /// taken from the root too, as by runc.
  func withPlainDestinations(rootPath: String, _ warnings: inout [String]) -> RuntimeSpec {
    var spec = self
    for (index, mount) in mounts.enumerated() {
      if rootPath != "/", mount.destination.hasPrefix("\(rootPath)/") {
        let below = "/\(mount.destination.dropFirst(rootPath.count + 1))"
        spec.mounts[index].destination = MountDestination.shortened(below) ?? below
        continue
      }
      guard let short = MountDestination.shortened(mount.destination) else { continue }
      spec.mounts[index].destination = short
      if mount.destination.utf8.first != UInt8(ascii: "/") {
        warnings.append(
          "config.json: mounts[\(index)].destination: \"\(mount.destination)\" is not absolute; it is taken from the root"
        )
      }
    }
    return spec
  }
}
