/// The name a caller gives a container; it becomes a file name and a cgroup's name.
public enum ContainerIdentifier {
  /// As runc: at most 1024 characters of [A-Za-z0-9_+-.]. The first is no "-", which begins a flag, and no ".", as
  /// "." and ".." are folders that are there.
  public static func isValid(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, text.utf8.count <= 1024 else { return false }
    func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
      ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
    }
    return first != "-" && first != "."
      && text.unicodeScalars.allSatisfy { isAlphanumeric($0) || "_+-.".unicodeScalars.contains($0) }
  }
}
