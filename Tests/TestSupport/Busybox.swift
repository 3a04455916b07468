public import Foundation

/// The host's busybox.
public enum Busybox {
  /// The program's bytes.
  public static let contents = Result<Data, any Error> {
    guard let program = Program(onPath: "busybox") else { throw CocoaError(.fileNoSuchFile) }
    return try Data(contentsOf: URL(filePath: program.path))
  }
}

extension MachineRequirement {
  /// A busybox that needs no library (Debian package busybox-static), the whole of the tests' rootfs.
  public static let busybox = MachineRequirement("busybox-static") {
    guard let contents = try? Busybox.contents.get() else {
      return "no busybox on PATH (install busybox-static)"
    }
    // A dynamic program names its loader.
    return contents.range(of: Data("/ld-linux".utf8)) == nil ? nil : "the busybox on PATH is not static"
  }
}
