/// The user namespace that we are in (user_namespaces(7)).
enum UserNamespace {
  /// Whether it is the host's first one: a root that podman made with another is an ordinary user of the host.
  static var isInitial: Bool {
    let words = (Files.text("/proc/self/uid_map") ?? "").split { $0 == " " || $0 == "\n" }
    return words == ["0", "0", "4294967295"]
  }
}
