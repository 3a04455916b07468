import Foundation
import TestSupport
import Testing

@testable import Isolate

/// Directories and files take the part of the resctrl filesystem, which few machines have: what is written where, and
/// what is made and removed. The kernel's own checks of the schemata are not there.
@Suite("The resctrl filesystem")
final class ResourceControlTests {
  private let directory: TemporaryDirectory
  private let control: ResourceControl

  init() throws {
    directory = try TemporaryDirectory()
    control = ResourceControl(root: directory.path)
    try directory.write("    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n", to: "schemata")
    try directory.write("llc_occupancy\nmbm_total_bytes\n", to: "info/L3_MON/mon_features")
  }

  private static func settings(_ change: (inout RuntimeSpec.IntelRdt) -> Void) -> RuntimeSpec.IntelRdt {
    var settings = RuntimeSpec.IntelRdt()
    change(&settings)
    return settings
  }

  /// Makes the groups of container "c" and puts process 7 into them.
  private func join(_ settings: RuntimeSpec.IntelRdt) throws -> ResourceControl.Membership {
    let groups = try control.membership(settings, identifier: "c")
    try control.make(groups, settings)
    try ResourceControl.add(7, to: groups)
    return groups
  }

  private func isThere(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: directory.path(path))
  }

  @Test(
    "gets a group named as the container, its shares and its process, and loses the group with the container")
  func own() throws {
    let groups = try join(
      Self.settings {
        $0.l3CacheSchema = "L3:0=7f0;1=1f\nMB:0=50"
        $0.memBwSchema = "MB:0=20;1=70"
        $0.schemata = ["L2:0=f", "L3:0=7f0"]
      })
    #expect(groups.own == [directory.path("c")] && groups.groups == groups.own)
    #expect(try directory.read("c/tasks") == "7")
    // The line of memBwSchema stands for that of l3CacheSchema, and schemata comes last.
    #expect(try directory.read("c/schemata") == "L3:0=7f0;1=1f\nMB:0=20;1=70\nL2:0=f\nL3:0=7f0\n")
    // Files of a directory; the filesystem's own go with their group.
    for file in ["tasks", "schemata"] {
      try FileManager.default.removeItem(atPath: directory.path("c/\(file)"))
    }
    #expect(ResourceControl.remove(groups.own) && !isThere("c"))
    #expect(ResourceControl.remove(groups.own), "a group that is gone already")
  }

  @Test("writes no shares where none are asked for")
  func noShares() throws {
    _ = try join(Self.settings { _ in })
    #expect(!isThere("c/schemata") && isThere("c/tasks"))
  }

  @Test(
    "keeps a class of service that has a name, makes a missing one with its shares, and monitors in a group of the container's own"
  )
  func named() throws {
    let groups = try join(
      Self.settings {
        $0.closID = "guaranteed"
        $0.l3CacheSchema = "L3:0=7f0"
        $0.enableMonitoring = false
      })
    #expect(groups.own.isEmpty && isThere("guaranteed/tasks"))
    try FileManager.default.createDirectory(
      atPath: directory.path("guaranteed/mon_groups"), withIntermediateDirectories: true)
    let monitored = try join(
      Self.settings {
        $0.closID = "guaranteed"
        $0.enableMonitoring = true
        $0.enableCMT = true
        $0.enableMBM = true
      })
    #expect(monitored.own == [directory.path("guaranteed/mon_groups/c")])
    #expect(try directory.read("guaranteed/mon_groups/c/tasks") == "7")
    #expect(try directory.read("guaranteed/tasks") == "7")
  }

  @Test("takes \"/\" for the class of service that everybody is in")
  func root() throws {
    let groups = try join(Self.settings { $0.closID = "/" })
    #expect(groups.own.isEmpty)
    #expect(try directory.read("tasks") == "7")
  }

  @Test(
    "refuses a class of service that others use and that is not what was asked for, and leaves it as it is",
    arguments: [
      ("L3:0=7ff;1=7ff", true), ("L3:0=07FF;1=7ff", true), ("L3:0=7fe;1=7ff", false), ("L3:0=7ff", false),
    ])
  func compared(schema: String, isSame: Bool) throws {
    let settings = Self.settings {
      $0.closID = "/"
      $0.l3CacheSchema = schema
    }
    let before = try directory.read("schemata")
    if isSame {
      _ = try join(settings)
    } else {
      let error = #expect(throws: IsolateError.self) { try join(settings) }
      #expect(error?.description.hasPrefix("config.json: linux.intelRdt.l3CacheSchema: ") == true)
    }
    #expect(try directory.read("schemata") == before)
  }

  @Test("refuses what is missing or taken by the member that asks for it, and leaves nothing")
  func refused() throws {
    var error = #expect(throws: IsolateError.self) { try join(Self.settings { $0.closID = "absent" }) }
    #expect(error?.description.hasPrefix("config.json: linux.intelRdt.closID: ") == true)
    #expect(!isThere("absent"))
    try FileManager.default.createDirectory(
      atPath: directory.path("c"), withIntermediateDirectories: true)
    error = #expect(throws: IsolateError.self) { try join(Self.settings { _ in }) }
    #expect(error?.description.hasPrefix("config.json: linux.intelRdt: ") == true)
    // Without mon_groups the second of two groups cannot be made: the first goes too.
    error = #expect(throws: IsolateError.self) {
      try join(
        Self.settings {
          $0.closID = "new"
          $0.schemata = []
          $0.memBwSchema = nil
          $0.enableMonitoring = true
          $0.l3CacheSchema = nil
        })
    }
    #expect(error != nil && !isThere("new"))
    try directory.write("llc_occupancy\n", to: "info/L3_MON/mon_features")
    error = #expect(throws: IsolateError.self) {
      try join(
        Self.settings {
          $0.closID = "/"
          $0.enableMBM = true
        })
    }
    #expect(error?.description.hasPrefix("config.json: linux.intelRdt.enableMBM: ") == true)
  }

  @Test(
    "is not asked for with names that lead elsewhere, nor lines that are none",
    arguments: ["..", ".", "a/b", "info", "mon_groups", "mon_data", "a\nb"])
  func names(name: String) throws {
    var spec = RuntimeSpec.standard()
    spec.linux.intelRdt = Self.settings { $0.closID = name }
    var error = #expect(throws: SpecError.self) { try SpecValidator.validate(spec) }
    #expect(error?.path == "linux.intelRdt.closID")
    spec.linux.intelRdt = Self.settings { $0.memBwSchema = "L3:0=1" }
    error = #expect(throws: SpecError.self) { try SpecValidator.validate(spec) }
    #expect(error?.path == "linux.intelRdt.memBwSchema")
    spec.linux.intelRdt = Self.settings { $0.schemata = ["L3:0=1", "a\nb"] }
    error = #expect(throws: SpecError.self) { try SpecValidator.validate(spec) }
    #expect(error?.path == "linux.intelRdt.schemata[1]")
  }
}
