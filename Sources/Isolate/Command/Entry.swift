import Glibc
import Isolate

/// The program `isolate`: finds the verb and hands over.
@main
struct Entry {
  static func main() {
    exit(CommandLineInterface.run(Array(CommandLine.arguments.dropFirst())))
  }
}
