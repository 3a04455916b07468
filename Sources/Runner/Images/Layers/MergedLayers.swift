import CShims
package import Formats
import Glibc
import Isolate

/// Looks into an image's layers as overlay would show them, without mounting anything. What an image has in the
/// place of a well-known file is untrusted: links are not followed, and only regular files of a modest size are read.
package struct MergedLayers {
  let trees: [String]

  /// The folders of the layers, the lowest first.
  package init(_ trees: [String]) { self.trees = trees }

  /// The bytes of a file, or nil when there is none.
  ///
  /// - Throws: `Failure` when something else is there, or more than `limit` bytes.
  package func read(_ path: String, limit: Int) throws(Failure) -> [UInt8]? {
    let components = path.split(separator: "/").map { Array($0.utf8) }
    guard let name = components.last else { return nil }
    for tree in trees.reversed() {
      let place = try find(components.dropLast(), in: tree)
      if let folder = place.folder {
        var information = stat()
        let found = LayerTree.with(name) {
          unsafe fstatat(folder.number, $0, &information, AT_SYMLINK_NOFOLLOW) == 0
        }
        if !found, errno != ENOENT { throw Self.refusal(path, SystemError("fstatat", code: errno).reason) }
        // A whiteout.
        if found, LayerTree.with(name, { unsafe isl_is_whiteout(folder.number, $0) == 1 }) { return nil }
        if found { return try read(name, in: folder.number, path, limit) }
      }
      if place.hidesLower { return nil }
    }
    return nil
  }

  /// A folder of one layer, and whether what lower layers have at its place does not show.
  private struct Place: ~Copyable {
    var folder: OwnedDescriptor?
    var hidesLower = false
  }

  private func find(_ components: ArraySlice<[UInt8]>, in tree: String) throws(Failure) -> Place {
    let root = unsafe isl_open_folder(AT_FDCWD, tree)
    if root < 0 { throw Failure(image: SystemError("open", tree, code: errno)) }
    var current = OwnedDescriptor(owning: root)
    var place = tree
    var hides = false
    for name in components {
      let next = LayerTree.with(name) { unsafe isl_open_folder(current.number, $0) }
      if next < 0 {
        // Something that is no folder, a whiteout among it, hides all that is below.
        return Place(folder: nil, hidesLower: hides || errno != ENOENT)
      }
      current = OwnedDescriptor(owning: next)
      place += "/" + String(decoding: name, as: UTF8.self)
      var value = [UInt8](repeating: 0, count: 8)
      let count = unsafe value.withUnsafeMutableBytes {
        unsafe isl_get_attribute(place, "user.overlay.opaque", $0.baseAddress, $0.count)
      }
      if count == 1, value[0] == UInt8(ascii: "y") { hides = true }
    }
    return Place(folder: current, hidesLower: hides)
  }

  private func read(
    _ name: [UInt8], in folder: Int32, _ path: String, _ limit: Int
  ) throws(Failure) -> [UInt8] {
    let number = LayerTree.with(name) {
      unsafe openat(folder, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    if number < 0 {
      throw Self.refusal(
        path, errno == ELOOP ? "is a symbolic link" : SystemError("open", code: errno).reason)
    }
    let file = OwnedDescriptor(owning: number)
    var information = stat()
    guard unsafe fstat(file.number, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw Self.refusal(path, "is no regular file")
    }
    guard Int(information.st_size) <= limit else {
      throw Self.refusal(path, "has \(information.st_size) bytes; the limit is \(limit)")
    }
    return try FileInput(file, name: path).bytes(atMost: limit)
  }

  private static func refusal(_ path: String, _ why: String) -> Failure {
    Failure(.invalid, "the image's /\(path) \(why)")
  }
}
