import Isolate
import TestSupport
import Testing

/// In a throw-away machine whose kernel has the resctrl filesystem, with one cache and four classes of service: what
/// the kernel makes of linux.intelRdt. That each thing is written to the right file is in ResourceControlTests.
@Suite("Shares of a cache", .needs(.busybox, .staticProgram, .emulated(.resctrl)))
struct ResourceGroupTests {
  private static func spec(_ change: (inout RuntimeSpec.IntelRdt) -> Void) -> RuntimeSpec {
    var spec = EmulatedMachine.spec("exec sleep 1000") { _ in }
    var settings = RuntimeSpec.IntelRdt()
    change(&settings)
    spec.linux.intelRdt = settings
    return spec
  }

  /// The lines that a script prints in the machine.
  private static func lines(_ script: String, _ specs: [String: RuntimeSpec]) async throws -> [String] {
    let outcome = try await EmulatedMachine.isolate(.resctrl, "cd /tmp; R=/sys/fs/resctrl\n" + script, specs)
    #expect(outcome.succeeded, "\(outcome)")
    return outcome.output.split(separator: "\n").map(String.init)
  }

  @Test(
    "are a container's from its creation to its end: its process and those of exec are in its group, update changes it, delete removes it"
  )
  func own() async throws {
    let lines = try await Self.lines(
      """
      isolate create -b own own
      cat $R/own/schemata
      pid=$(isolate state own | tr -d ' ,' | grep '"pid":' | cut -d: -f2)
      [ "$(cat $R/own/tasks)" = "$pid" ] && echo its process
      isolate start own
      isolate exec --detach own sleep 1000
      grep -c . $R/own/tasks
      isolate update --l3-cache-schema L3:0=f own
      cat $R/own/schemata
      isolate update --l3-cache-schema L3:0=fffff0 own 2>&1; echo $?
      cat $R/own/schemata
      isolate delete --force own
      ls -d $R/own 2>&1
      isolate features | tr -d ' \\t\\n' | grep -o '"intelRdt":{[^}]*}'
      """, ["own": Self.spec { $0.l3CacheSchema = "L3:0=ff0" }])
    try #require(lines.count == 9, "\(lines)")
    #expect(lines[0].hasSuffix("L3:0=ff0") && lines[1] == "its process" && lines[2] == "2", "\(lines)")
    #expect(lines[3].hasSuffix("L3:0=f"), "\(lines)")
    #expect(lines[4].contains("linux.intelRdt.l3CacheSchema") && lines[4].contains("Mask out of range"))
    #expect(lines[5] == "1" && lines[6].hasSuffix("L3:0=f"), "what was refused changed nothing: \(lines)")
    #expect(lines[7] == "ls: /sys/fs/resctrl/own: No such file or directory")
    #expect(lines[8].contains("\"enabled\":true"), "\(lines)")
  }

  @Test("of a class of service that others use are joined as they are, or refused, and stay")
  func shared() async throws {
    let lines = try await Self.lines(
      """
      mkdir $R/shared
      echo L3:0=f0 >$R/shared/schemata
      isolate run --detach -b same same
      grep -c . $R/shared/tasks
      isolate delete --force same
      isolate run -b other other 2>&1; echo $?
      isolate run -b absent absent 2>&1; echo $?
      isolate run --detach -b everybody everybody
      grep -c "^$(isolate state everybody | tr -d ' ,' | grep '"pid":' | cut -d: -f2)$" $R/tasks
      isolate delete --force everybody
      cat $R/shared/schemata
      """,
      [
        "same": Self.spec {
          $0.closID = "shared"
          $0.l3CacheSchema = "L3:0=000f0"
        },
        "other": Self.spec {
          $0.closID = "shared"
          $0.l3CacheSchema = "L3:0=f"
        },
        "absent": Self.spec { $0.closID = "absent" },
        "everybody": Self.spec { $0.closID = "/" },
      ])
    try #require(lines.count == 7, "\(lines)")
    #expect(lines[0] == "1")
    #expect(lines[1].hasPrefix("isolate: config.json: linux.intelRdt.l3CacheSchema: ") && lines[2] == "1")
    #expect(lines[3].hasPrefix("isolate: config.json: linux.intelRdt.closID: ") && lines[4] == "1")
    #expect(lines[5] == "1" && lines[6].hasSuffix("L3:0=f0"), "\(lines)")
  }

  @Test(
    "that the processor has not are an error with the member and the kernel's own words, and leave no group and no container"
  )
  func refused() async throws {
    let lines = try await Self.lines(
      """
      for name in mask bandwidth line monitored counted; do
        isolate run -b $name $name 2>&1
      done
      isolate create -b first first
      isolate create -b second second
      isolate create -b third third
      isolate run -b fourth fourth 2>&1; echo $?
      for name in first second third; do isolate delete --force $name; done
      isolate list --quiet
      find $R -mindepth 1 -maxdepth 1 -type d ! -name info
      """,
      [
        "mask": Self.spec { $0.l3CacheSchema = "L3:0=f0f" },
        "bandwidth": Self.spec { $0.memBwSchema = "MB:0=50" },
        "line": Self.spec { $0.schemata = ["L3:7=ff"] },
        "monitored": Self.spec { $0.enableMonitoring = true },
        "counted": Self.spec { $0.enableCMT = true },
        "first": Self.spec { _ in }, "second": Self.spec { _ in }, "third": Self.spec { _ in },
        "fourth": Self.spec { _ in },
      ])
    try #require(lines.count == 7, "\(lines)")
    for (index, member, words) in [
      (0, "l3CacheSchema", "f0f has non-consecutive 1-bits"),
      (1, "memBwSchema", "Unknown or unsupported resource name 'MB'"),
      (2, "schemata", "line/schemata: Invalid argument (info"),
      (3, "enableMonitoring", "mon_groups"), (4, "enableCMT", "this processor does not count it"),
      (5, "closID", "no class of service left"),
    ] {
      #expect(lines[index].hasPrefix("isolate: config.json: linux.intelRdt.\(member): "), "\(lines[index])")
      #expect(lines[index].contains(words), "\(lines[index])")
    }
    #expect(lines[6] == "1")
  }
}
