import CShims
import Glibc

/// The namespaces that a specification names by their paths, open as long as this lives.
struct NamedNamespaces: ~Copyable {
  /// A user namespace is the first, where there is one.
  private(set) var descriptors: [Int32] = []

  /// Opens them and checks that each is of the type it is said to be.
  ///
  /// - Throws: `SpecError` naming the path in config.json.
  init(_ linux: RuntimeSpec.Linux, changesHostNames: Bool) throws(SpecError) {
    do { try open(linux, changesHostNames) } catch {
      close()
      throw error
    }
  }

  private mutating func open(_ linux: RuntimeSpec.Linux, _ changesHostNames: Bool) throws(SpecError) {
    for (index, namespace) in linux.namespaces.enumerated() {
      guard let file = namespace.path else { continue }
      let path = "linux.namespaces[\(index)].path"
      let number = unsafe Glibc.open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      guard number >= 0 else {
        throw SpecError(path: path, message: "\"\(file)\": \(SystemError.reason(of: errno))")
      }
      descriptors.insert(number, at: namespace.type == "user" ? 0 : descriptors.count)
      let flag = unsafe isl_namespace_flag(namespace.type)
      guard isl_namespace_type(number) == flag else {
        throw SpecError(path: path, message: "\"\(file)\" is no namespace of type \"\(namespace.type)\"")
      }
      // A container's root would become everybody's; and the kernel enters no user namespace twice (setns(2)).
      if ["mount", "user"].contains(namespace.type), Self.isCallers(number, flag) {
        throw SpecError(
          path: path,
          message: "is the caller's own \(namespace.type) namespace, which a container cannot share")
      }
      // What the container may change in a namespace of its own would be changed for the host.
      let changes = linux.sysctl.keys.contains { Sysctl.namespace(of: $0) == namespace.type }
      if changes || namespace.type == "uts" && changesHostNames, Self.isCallers(number, flag) {
        throw SpecError(
          path: path,
          message: "is the caller's own, where a container may set neither names nor kernel parameters")
      }
    }
  }

  private static func isCallers(_ descriptor: Int32, _ flag: UInt64) -> Bool {
    guard let name = unsafe isl_namespace_file(flag) else { return true }
    var own = stat()
    var named = stat()
    guard unsafe stat("/proc/self/ns/\(String(cString: name))", &own) == 0,
      unsafe fstat(descriptor, &named) == 0
    else { return true }
    return own.st_dev == named.st_dev && own.st_ino == named.st_ino
  }

  private func close() { for descriptor in descriptors { _ = Glibc.close(descriptor) } }

  deinit { close() }
}
