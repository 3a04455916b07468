/// Kernel parameters that belong to a namespace, and so to a container that has one of its own.
///
/// All others are the host's: refused, whatever the value (CVE-2022-0811).
enum Sysctl {
  private static let ofIPC: Set<String> = [
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
  ]

  /// The type of the namespace a parameter belongs to, or nil when it is the whole machine's.
  static func namespace(of name: String) -> String? {
    let dotted = name.split(separator: name.contains("/") ? "/" : ".").joined(separator: ".")
    if ofIPC.contains(dotted) || dotted.hasPrefix("fs.mqueue.") { return "ipc" }
    if dotted.hasPrefix("net.") { return "network" }
    return dotted == "kernel.domainname" ? "uts" : nil
  }

  /// Refuses a parameter that is not of a namespace the container gets.
  static func check(_ name: String, _ namespaces: [RuntimeSpec.Namespace]) throws(SpecError) {
    let path = "linux.sysctl.\(name)"
    let components = name.split(separator: name.contains("/") ? "/" : ".", omittingEmptySubsequences: false)
    guard !components.contains(where: { $0.isEmpty || $0 == ".." || $0 == "." }), components.count > 1 else {
      throw SpecError(path: path, message: "is no name of a kernel parameter")
    }
    guard let needed = namespace(of: name) else {
      throw SpecError(path: path, message: "is not a parameter of a namespace: it would change the host")
    }
    guard namespaces.contains(where: { $0.type == needed }) else {
      throw SpecError(path: path, message: "needs a new \"\(needed)\" namespace, or it would change the host")
    }
  }

  /// The file of a parameter: dots become slashes, unless slashes are used already (sysctl(8)).
  static func path(of name: String) -> String {
    if name.contains("/") { return "/proc/sys/\(name)" }
    return "/proc/sys/" + name.split(separator: ".").joined(separator: "/")
  }
}
