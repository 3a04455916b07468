/// `HOST[:PORT]` of RFC 3986, section 3.2, without user information.
package struct Authority: Equatable, CustomStringConvertible {
  package var host: HostName
  package var port: Int

  package init(host: HostName, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads an authority; nil for a bad host or port, and for a missing port where there is no default.
  package init?(_ text: String, defaultPort: Int?) {
    var hostText = text[...]
    var portText: Substring?
    if text.hasPrefix("[") {
      guard let bracket = text.firstIndex(of: "]") else { return nil }
      hostText = text[...bracket]
      let rest = text[text.index(after: bracket)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
      portText = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.firstIndex(of: ":") {
      hostText = text[..<colon]
      portText = text[text.index(after: colon)...]
    }
    guard let host = HostName(String(hostText)) else { return nil }
    // "host:" is a host with an empty port, which means the default one.
    let given = portText.flatMap { $0.isEmpty ? nil : $0 }
    guard let port = given.map({ portNumber($0) }) ?? defaultPort else { return nil }
    self.init(host: host, port: port)
  }

  package var description: String { "\(host.authority):\(port)" }
}
