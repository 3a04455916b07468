import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite(
  "The build of a recipe by root", .serialized,
  .needs(.root, .userNamespaces, .program("mmdebstrap"), .debianMirror))
struct RecipeBuildTestsAsRoot {
  /// Somebody without privileges who has ranges of ids, whom setpriv(1) becomes.
  private static let somebody: String? = {
    let table = (try? String(contentsOfFile: "/etc/subuid", encoding: .utf8)) ?? ""
    return table.split(separator: "\n").compactMap { $0.split(separator: ":").first.map(String.init) }.first {
      unsafe getpwnam($0) != nil && $0 != "root"
    }
  }()

  @Test("runs no script as root of this machine, and gives the image that somebody without privileges gets")
  func same() async throws {
    let builder = try RecipeBuilder()
    let program = try await builder.start("static")
    var processes = builder.processes
    for _ in 0..<600 where processes.isEmpty {
      try await Task.sleep(for: .milliseconds(50))
      processes = builder.processes
    }
    #expect(!processes.isEmpty)
    for process in processes {
      // Real, effective and saved ids, and that of the filesystem; gone meanwhile is well too.
      guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else {
        continue
      }
      let users = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }?.split(separator: "\t")
        .dropFirst()
      #expect(users?.contains("0") == false, "\(status)")
    }
    let outcome = await program.outcome()
    #expect(outcome.exitStatus == 0, "\(outcome)")
    #expect(builder.left == [] && builder.processes == [])
    #expect(try await builder.caller.preflight("image", "verify").exitStatus == 0)
    let user = try #require(Self.somebody, "nobody in /etc/subuid")
    let home = try TemporaryDirectory()
    let entry = unsafe getpwnam(user)
    let (id, group) = unsafe (entry?.pointee.pw_uid ?? 0, entry?.pointee.pw_gid ?? 0)
    try #require(id != 0)
    _ = unsafe chown(home.path, id, group)
    let other = try await #require(Program(onPath: "setpriv")).run(
      [
        "--reuid", user, "--regid", "\(group)", "--init-groups", Program.preflight.path, "image", "build",
        "static",
      ],
      .init(
        variables: ["HOME": home.path, "XDG_CACHE_HOME": home.path, "XDG_RUNTIME_DIR": home.path],
        directory: "/"))
    #expect(other.exitStatus == 0 && other.output == outcome.output, "\(other)")
  }

  @Test(
    "that is killed, with its guardian or without, leaves no process, and its folders go with the next one",
    arguments: [false, true])
  func killed(guardianToo: Bool) async throws {
    let builder = try RecipeBuilder()
    let program = try await builder.start("static")
    #expect(!builder.processes.isEmpty && !builder.left.isEmpty)
    let children = try String(
      contentsOfFile: "/proc/\(program.processID)/task/\(program.processID)/children", encoding: .utf8)
    program.signal(SIGSTOP)
    if guardianToo { kill(try #require(pid_t(children.trimmingCharacters(in: .whitespaces))), SIGKILL) }
    program.signal(SIGKILL)
    _ = await program.outcome()
    for _ in 0..<100 where !builder.processes.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
    #expect(builder.processes == [])
    let next = try await builder.caller.preflight(
      "image", "build", "static", "--output", "oci:/", variables: builder.variables())
    #expect(next.exitStatus == 2, "\(next)")
    #expect(builder.left == [])
  }
}

@Suite("The ids of a build by root")
struct BuildIDsTests {
  private static let all = "         0          0 4294967295\n"

  private func choose(_ ranges: String, _ map: String) -> BuildIDs? {
    let source = BuildIDs.Source(ranges: ranges, map: map)
    return BuildIDs.choose(source, source)
  }

  @Test("are root's own range, else one that nobody has")
  func ranges() {
    #expect(choose("", Self.all) == BuildIDs(user: 524_288, group: 524_288, count: 65536))
    #expect(choose("a:100000:65536\nroot:700000:65536\n", Self.all)?.user == 700_000)
    #expect(choose("root:700000:1000\nb:800000:65536\n", Self.all)?.user == 917_504)
    #expect(choose("a:4294900000:60000\nno:line\n", Self.all) == BuildIDs(user: 1, group: 1, count: 65535))
  }

  @Test("are all but root's in a container that has no more, and none where there are too few")
  func containers() {
    #expect(choose("", "0 1000 1\n1 100000 65536\n") == BuildIDs(user: 1, group: 1, count: 65535))
    #expect(choose("", "0 1000 1\n1 100000 65000\n") == nil && choose("", "0 1000 1\n") == nil)
    #expect(choose("root:100000:65536", "0 0 65536\n") == BuildIDs(user: 1, group: 1, count: 65535))
    #expect(choose("", "0 1000 1\n2 100000 900000\n")?.user == 524_288)
    #expect(choose("", "") == nil)
  }
}
