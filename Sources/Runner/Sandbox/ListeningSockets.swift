package import Analysis
import CShims
import Glibc
package import Isolate

/// Reads which TCP sockets listen in a sandbox's network namespace, from outside: by sock_diag(7), or where that cannot
/// be had from a table (proc(5), net/tcp), which has the whole machine's connections gone through at each look.
package enum ListeningSockets {
  /// The sockets of the program, without those that preflight itself serves there; `table` is a sock_diag(7) socket
  /// of the container's network namespace, negative where there is none.
  package static func read(of container: Container, table: Int32 = -1) -> [ListeningSocket] {
    var inodes: [UInt64: ListeningSocket] = [:]
    for (inode, socket) in ask(table) ?? rows(below: "/proc/\(container.processID)/net")
    where !(socket.port == Int(SandboxNetwork.proxyPort) && socket.address == "127.0.0.1") {
      inodes[inode] = socket
    }
    guard !inodes.isEmpty else { return [] }
    container.looking { nameOwners(&inodes, in: ProcessTree(of: container)) }
    // Where the network is the machine's, the others are somebody else's.
    if !container.confinement.hasNamespaces { inodes = inodes.filter { $0.value.process != nil } }
    return Array(Set(inodes.values.map(Row.init))).map(\.socket)
      .sorted { ($0.port, $0.address) < ($1.port, $1.address) }
  }

  /// The paths of the UNIX sockets that listen (proc(5), net/unix); those that servers make for their own control
  /// (gunicorn's `.ctl`) are none of the program's.
  ///
  /// Where they are the machine's, those are the program's that lie in one of `folders`, or that it has open: a name in
  /// a root of its own says nothing.
  package static func readUnix(
    of container: Container, below folders: [String] = [], hasOwnRoot: Bool = false
  ) -> [String] {
    let table = Files.text("/proc/\(container.processID)/net/unix", limit: 16 << 20) ?? ""
    if hasOwnRoot {
      let open = container.looking {
        Set(ProcessTree(of: container).processes.flatMap { Array(sockets(of: $0)) })
      }
      return parseUnix(table, among: open)
    }
    let all = parseUnix(table)
    if container.confinement.hasNamespaces { return all }
    return all.filter { path in folders.contains { path.hasPrefix("\($0)/") } }
  }

  /// Whether a process that descends from another one listens on a port of the calling process's network.
  package static func isOwn(_ port: UInt16, of keeper: Int32) -> Bool {
    let inodes = listeners(on: port)
    guard !inodes.isEmpty else { return false }
    return ProcessTree(root: keeper).processes.contains { pid in
      sockets(of: pid).contains(where: inodes.contains)
    }
  }

  /// What listens on a port of our own network.
  package static func listeners(on port: UInt16) -> Set<UInt64> {
    Set(rows(below: "/proc/net").filter { $0.1.port == Int(port) }.map(\.0))
  }

  /// What the kernel answers; nil where it tells nothing, or of more sockets than a program has.
  static func ask(_ table: Int32) -> [(UInt64, ListeningSocket)]? {
    guard table >= 0 else { return nil }
    var found = [isl_listening](repeating: isl_listening(), count: 64)
    let count = unsafe isl_find_listening(table, &found, found.count)
    guard count >= 0, count <= found.count else { return nil }
    return found[..<count].compactMap { row in
      let bytes = unsafe withUnsafeBytes(of: row.address) { unsafe Array($0) }
      guard let address = address(row.is_version6 ? bytes : Array(bytes[..<4])) else { return nil }
      let name = row.is_version6 ? "tcp6" : "tcp"
      return (row.inode, ListeningSocket(address: address, port: Int(row.port), protocol: name))
    }
  }

  /// What listens in the network whose tables are in a folder, by inode.
  static func rows(below folder: String) -> [(UInt64, ListeningSocket)] {
    ["tcp", "tcp6"].flatMap { name in
      parse(Files.text("\(folder)/\(name)", limit: 16 << 20) ?? "", protocol: name)
    }
  }

  /// The inodes of the sockets that a process has open; they are looked up one after the other as they are asked for.
  private static func sockets(of pid: Int32) -> some Sequence<UInt64> {
    ((try? Files.names(in: "/proc/\(pid)/fd")) ?? []).lazy.compactMap { descriptor in
      guard let link = Directories.link(at: "/proc/\(pid)/fd/\(descriptor)"), link.hasPrefix("socket:[")
      else { return nil }
      return UInt64(link.dropFirst(8).dropLast())
    }
  }

  static func parseUnix(_ table: String, among open: Set<UInt64>? = nil) -> [String] {
    let paths = table.split(separator: "\n").dropFirst().compactMap { line -> String? in
      let fields = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: true)
      // __SO_ACCEPTCON of net.h: the socket listens.
      guard fields.count == 8, let flags = UInt32(fields[3], radix: 16), flags & 0x10000 != 0 else {
        return nil
      }
      if let open, UInt64(fields[6]).map(open.contains) != true { return nil }
      let path = String(fields[7])
      return path.hasPrefix("/") && !path.hasSuffix(".ctl") ? path : nil
    }
    return Set(paths).sorted()
  }

  private struct Row: Hashable {
    let socket: ListeningSocket
    static func == (a: Row, b: Row) -> Bool { a.socket == b.socket }
    func hash(into hasher: inout Hasher) {
      hasher.combine(socket.address)
      hasher.combine(socket.port)
    }
  }

  /// The listening rows of a table; addresses are hexadecimal words in the host's byte order.
  package static func parse(_ table: String, protocol name: String) -> [(UInt64, ListeningSocket)] {
    table.split(separator: "\n").dropFirst().compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 9, fields[3] == "0A", let inode = UInt64(fields[9]) else { return nil }
      let local = fields[1].split(separator: ":")
      guard local.count == 2, let port = Int(local[1], radix: 16), let address = address(local[0]) else {
        return nil
      }
      return (inode, ListeningSocket(address: address, port: port, protocol: name))
    }
  }

  private static func address(_ hexadecimal: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = hexadecimal
    while !rest.isEmpty {
      guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
      unsafe withUnsafeBytes(of: word) { unsafe bytes.append(contentsOf: $0) }
      rest = rest.dropFirst(8)
    }
    return address(bytes)
  }

  /// An address of 4 or 16 bytes as people write it.
  private static func address(_ bytes: [UInt8]) -> String? {
    if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
    guard bytes.count == 16 else { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let result = unsafe inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count))
    guard unsafe result != nil else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func nameOwners(_ inodes: inout [UInt64: ListeningSocket], in tree: ProcessTree) {
    for pid in tree.processes {
      for inode in sockets(of: pid) where inodes[inode] != nil {
        let name = Files.text("/proc/\(pid)/comm")?.split(separator: "\n").first.map(String.init)
        inodes[inode]?.process = name ?? ""
      }
    }
  }
}

/// Tells which sockets of a container's network namespace listen (sock_diag(7)).
final class SocketTable {
  /// None, and negative, where the kernel does not tell.
  let descriptor: OwnedDescriptor

  /// Opens it for a container that runs; it takes `ContainerOptions.opensSockets`.
  init(of container: Container) {
    descriptor = OwnedDescriptor(owning: (try? container.openSocketTable()) ?? -1)
  }
}
