import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// CVE-2019-5736 by racing: a container's neighbour looks into processes that are about to become a payload, and a
/// payload's name is exchanged for a link to /proc/self/exe, or for a script with that as its interpreter, while it
/// is looked for.
///
/// Nothing is written through what is got. ISOLATE_TEST_RACE_SECONDS makes each race longer than the five seconds of a
/// usual run.
@Suite(
  "The runtime's program, while it is raced for,", .needs(.userNamespaces, .busybox, .compiler),
  .serialized, .turns)
struct ProgramRaceTestsAsAnyUser {
  private static let seconds =
    ProcessInfo.processInfo.environment["ISOLATE_TEST_RACE_SECONDS"].flatMap(Int.init) ?? 5

  /// Docker's.
  private static let capabilities = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
    "CAP_AUDIT_WRITE",
  ]

  /// What the neighbour, or the container that is exchanged, is like.
  enum Kind: String, CaseIterable {
    /// Another container enters the neighbour's PID namespace, and its user namespace where it has one.
    case joined
    /// Both are in the caller's PID namespace, which takes root.
    case hostProcesses
    case exchangedLink, exchangedScript, exchangedHook

    var isExchange: Bool { rawValue.hasPrefix("exchanged") }
  }

  /// A bundle with the racing program, and the runtime as a file of the caller's own, which the container's root is.
  private static func prepare(_ bundle: borrowing TestBundle) throws -> (
    program: String, device: dev_t, inode: ino_t
  ) {
    let program = bundle.directory.path("isolate")
    try ExecutableFile.write(
      Data(contentsOf: URL(filePath: Program.isolate.path), options: .alwaysMapped), to: program)
    let compiler = try #require(Program(onPath: "gcc"))
    let process = Process()
    process.executableURL = URL(filePath: compiler.path)
    process.arguments = [
      "-static", "-O2", "-w", "-o", bundle.directory.path("rootfs/bin/racer"),
      Repository.path("Tests", "Harness", "program-racer.c"),
    ]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    var information = stat()
    try #require(unsafe stat(program, &information) == 0)
    return (program, information.st_dev, information.st_ino)
  }

  private static func specification(_ bundle: borrowing TestBundle, _ arguments: [String], _ kind: Kind)
    -> RuntimeSpec
  {
    var spec = bundle.spec()
    spec.root.path = bundle.directory.path("rootfs")
    spec.root.readonly = false
    spec.process?.args = arguments
    spec.process?.capabilities.bounding = capabilities
    spec.process?.capabilities.effective = capabilities
    spec.process?.capabilities.permitted = capabilities
    spec.linux.namespaces.removeAll { $0.type == "cgroup" || $0.type == "time" }
    if getuid() == 0 {
      spec.linux.namespaces.removeAll { $0.type == "user" }
      (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    }
    if kind == .hostProcesses { spec.linux.namespaces.removeAll { $0.type == "pid" } }
    return spec
  }

  private static func write(_ spec: RuntimeSpec, _ bundle: borrowing TestBundle, _ name: String) throws {
    try bundle.directory.write(
      String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "\(name)/config.json")
  }

  /// The shell line that starts the first container, repeats `turn` for the time of a race, and prints what came of it.
  private static func race(_ bundle: borrowing TestBundle, _ program: String, turn: String) async throws
    -> Outcome
  {
    let line = """
      cd "\(bundle.directory.path)"
      i="\(program) --root \(bundle.store)"
      $i run --detach --pid-file pid --bundle first first </dev/null >seen 2>&1 || { cat seen; exit 9; }
      for n in 1 2 3 4 5 6 7 8 9; do grep -q ing seen && break; sleep 0.1; done
      [ -e second/config.json ] && sed -i "s/PROCESS/$(cat pid)/" second/config.json
      n=0 end=$((SECONDS + \(seconds)))
      while [ $SECONDS -lt $end ] || [ $n -le 50 ]; do n=$((n + 1)); \(turn); done </dev/null
      echo "turns $n"
      $i delete --force first
      cat seen
      """
    return try await Program(path: "/bin/bash").run(["-c", line], .init(timeLimit: .seconds(seconds + 120)))
  }

  private static func turns(_ outcome: Outcome) -> Int {
    outcome.output.split(separator: "\n").first { $0.hasPrefix("turns ") }.flatMap { Int($0.dropFirst(6)) }
      ?? 0
  }

  @Test(
    "is no file that a neighbour can open, nor is one that could be written",
    arguments: [Kind.joined, .hostProcesses])
  func neighbour(kind: Kind) async throws {
    // Without a PID namespace of its own a user namespace's root may not mount proc.
    if kind == .hostProcesses, getuid() != 0 { return }
    let bundle = try TestBundle()
    let (program, device, inode) = try Self.prepare(bundle)
    try Self.write(
      Self.specification(bundle, ["racer", "watch", "\(device)", "\(inode)"], kind), bundle, "first")
    var second = Self.specification(bundle, ["sleep", "0.005"], kind)
    second.linux.namespaces = second.linux.namespaces.map { namespace in
      let isEntered = namespace.type == "pid" || namespace.type == "user"
      return .init(type: namespace.type, path: isEntered ? "/proc/PROCESS/ns/\(namespace.type)" : nil)
    }
    (second.linux.uidMappings, second.linux.gidMappings) = ([], [])
    try Self.write(second, bundle, "second")
    let outcome = try await Self.race(
      bundle, program, turn: "$i run --bundle second second || echo \"status $?\"")
    #expect(Self.turns(outcome) > 50, "\(outcome)")
    let seen = Set(outcome.output.split(separator: "\n"))
    #expect(seen.contains("watching"), "\(outcome)")
    #expect(seen.contains("other"), "the racer sees nothing: \(outcome)")
    #expect(!seen.contains("installed") && !seen.contains("unsealed"), "\(outcome)")
    #expect(!seen.contains { $0.hasPrefix("status") }, "\(outcome)")
  }

  @Test(
    "is not run inside when a name is exchanged for it",
    arguments: [Kind.exchangedLink, .exchangedScript, .exchangedHook])
  func exchanged(kind: Kind) async throws {
    let bundle = try TestBundle()
    let (program, _, _) = try Self.prepare(bundle)
    if kind == .exchangedLink {
      try FileManager.default.createSymbolicLink(
        atPath: "\(bundle.rootfs)/work/other", withDestinationPath: "/proc/self/exe")
    } else {
      try ExecutableFile.write("#!/proc/self/exe\n", to: "\(bundle.rootfs)/work/other")
    }
    // What the runtime would answer to this word nobody else does.
    try ExecutableFile.write("#!/bin/sh\necho right\n", to: "\(bundle.rootfs)/work/it")
    try Self.write(
      Self.specification(bundle, ["racer", "swap", "/work/it", "/work/other"], kind), bundle, "first")
    var turn = "$i exec first /work/it --version 2>&1"
    if kind == .exchangedHook {
      var second = Self.specification(bundle, ["true"], kind)
      second.hooks.startContainer = [.init(path: "/work/it", args: ["it", "--version"])]
      try Self.write(second, bundle, "second")
      turn = "$i run --bundle second second 2>&1"
    }
    let outcome = try await Self.race(bundle, program, turn: turn)
    #expect(Self.turns(outcome) > 50, "\(outcome)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.contains("right"), "the payload never ran: \(lines.prefix(20))")
    #expect(
      lines.contains { $0.contains("it is not run") || $0.contains("Operation not permitted") },
      "nothing was exchanged: \(lines.prefix(20))")
    // Its answers to --version, and to a script's path in the place of a verb.
    #expect(
      !lines.contains { $0.contains("isolate version") || $0.contains("unknown verb") }, "\(lines.prefix(20))"
    )
  }
}
