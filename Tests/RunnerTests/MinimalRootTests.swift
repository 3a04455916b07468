import Isolate
import TestSupport
import Testing

/// The copied programs need nothing of the machine that built them: a CI container has no Swift.
@Suite("In a minimal Debian without Swift", .needs(.minimalRoot, .installedPreflight), .turns)
struct MinimalRootTests {
  @Test("both programs run")
  func versionsAsAnyUser() async throws {
    let outcome = try await MinimalRoot.run(
      "/mnt/isolate --version && /mnt/preflight --version && ! command -v swift")
    #expect(outcome.succeeded && outcome.output.contains(ReleaseVersion.current), "\(outcome)")
  }

  @Test("a check goes through from end to end")
  func checkAsAnyUser() async throws {
    let line = """
      mkdir /tmp/project && cat >/tmp/project/main.py <<'END'
      \(Projects.server)
      END
      export XDG_CACHE_HOME=/tmp/cache
      /mnt/preflight check /tmp/project && ls -A /tmp/cache/preflight/runs
      """
    let outcome = try await MinimalRoot.run(line)
    #expect(outcome.succeeded && outcome.output.hasPrefix("READY  project, python 3."), "\(outcome)")
  }
}
