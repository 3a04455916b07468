import CShims
import Glibc
import Isolate

/// The program `isolate`: finds the verb and hands over.
@main
struct Entry {
  static func main() {
    isl_begin()
    // Whoever could run it so would be root by any config.json (CVE-2020-5291 and its kin).
    if isl_has_borrowed_ids() == 1 {
      StandardStream.standardError(
        "isolate: the program is set-user-ID or set-group-ID, which it must not be (chmod ug-s it)\n")
      exit(1)
    }
    exit(CommandLineInterface.run(Array(ProgramArguments.all.dropFirst())))
  }
}
