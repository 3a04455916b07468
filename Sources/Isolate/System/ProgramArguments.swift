import CShims

/// The program's name and its arguments, as main got them: Swift's `CommandLine` reads them from /proc.
package enum ProgramArguments {
  package static var all: [String] {
    var count: Int32 = 0
    guard let vector = unsafe isl_arguments(&count) else { return [] }
    return (0..<Int(count)).compactMap { index in
      unsafe vector[index].map { unsafe String(cString: $0) }
    }
  }
}
