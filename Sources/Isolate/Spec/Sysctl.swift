/// Kernel parameters that belong to a namespace, and so to a container that has one of its own.
///
/// All others are the host's: refused, whatever the value (CVE-2022-0811).
enum Sysctl {
  private static let ofIPC: Set<String> = [
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
  ]

  /// Refuses a parameter that is not of a namespace the container gets.
  static func check(_ name: String, _ namespaces: [RuntimeSpec.Namespace]) throws(SpecError) {
    let path = "linux.sysctl.\(name)"
    let components = name.split(separator: name.contains("/") ? "/" : ".", omittingEmptySubsequences: false)
    guard !components.contains(where: { $0.isEmpty || $0 == ".." || $0 == "." }), components.count > 1 else {
      throw SpecError(path: path, message: "is no name of a kernel parameter")
    }
    let dotted = components.joined(separator: ".")
    let needed: String
    if ofIPC.contains(dotted) || dotted.hasPrefix("fs.mqueue.") {
      needed = "ipc"
    } else if dotted.hasPrefix("net.") {
      needed = "network"
    } else if dotted == "kernel.domainname" {
      needed = "uts"
    } else {
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
