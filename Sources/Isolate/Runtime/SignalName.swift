/// Signals by name and number (signal(7), x86 and ARM numbering).
public enum SignalName {
  private static let names = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS",
  ]

  /// "SIGTERM" for 15; "signal 40" for one that has no name.
  public static func name(_ number: Int32) -> String {
    let index = Int(number) - 1
    return names.indices.contains(index) ? "SIG\(names[index])" : "signal \(number)"
  }

  /// The number of "15", "TERM", "SIGTERM" or "RTMIN+3", and 0, which only asks whether there is a process to signal
  /// (kill(2)); nil when it is no signal.
  public static func number(_ text: String) -> Int32? {
    if let number = Int32(text) { return (0...64).contains(number) ? number : nil }
    var name = text.uppercased()
    if name.hasPrefix("SIG") { name.removeFirst(3) }
    if let index = names.firstIndex(of: name) { return Int32(index) + 1 }
    if name == "RTMIN" { return 34 }
    if name == "RTMAX" { return 64 }
    if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) {
      return 34 + offset
    }
    if name.hasPrefix("RTMAX-"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) {
      return 64 - offset
    }
    return nil
  }
}
