/// Paths inside a sandbox that a plan names and that every sandbox shows.
package enum SandboxPath {
  /// Where the project is, unless an image has a folder of its own for it.
  package static let project = "/app"
  /// Where a project's dependencies are installed: Python's virtual environment, Go's modules.
  package static let environment = "/venv"
}
