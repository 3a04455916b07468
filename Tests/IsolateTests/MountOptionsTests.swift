import Testing

@testable import Isolate

/// The numbers are those of linux/mount.h, written again here.
@Suite("Mount options")
struct MountOptionsTests {
  private static func options(_ list: [String], type: String? = "tmpfs") throws -> MountOptions {
    try MountOptions(RuntimeSpec.Mount(destination: "/m", type: type, options: list), path: "mounts[3]")
  }

  private static let table: [(option: String, set: UInt64, cleared: UInt64)] = [
    ("ro", 0x1, 0), ("rw", 0, 0x1), ("nosuid", 0x2, 0), ("suid", 0, 0x2), ("nodev", 0x4, 0), ("dev", 0, 0x4),
    ("noexec", 0x8, 0), ("exec", 0, 0x8), ("noatime", 0x10, 0x70), ("strictatime", 0x20, 0x70),
    ("relatime", 0, 0x70), ("nodiratime", 0x80, 0), ("diratime", 0, 0x80), ("nosymfollow", 0x20_0000, 0),
    ("symfollow", 0, 0x20_0000),
  ]

  @Test("become the kernel's attributes", arguments: table.indices)
  func attributes(_ index: Int) throws {
    let (option, set, cleared) = Self.table[index]
    let parsed = try Self.options([option])
    #expect(parsed.attributes == set)
    #expect(parsed.cleared & ~0x70 == cleared & ~0x70)
    #expect(parsed.data.isEmpty)
    #expect(parsed.superblockFlags == 0)
  }

  @Test("with an r before them are for the whole tree of a bind mount", arguments: table.indices)
  func treeAttributes(_ index: Int) throws {
    let (option, set, cleared) = Self.table[index]
    let parsed = try Self.options(["r\(option)"], type: "bind")
    #expect(parsed.treeAttributes == set && parsed.treeCleared & ~0x70 == cleared & ~0x70)
    #expect(parsed.attributes == 0 && parsed.cleared == 0)
    // There is nothing below a new filesystem.
    let alone = try Self.options(["r\(option)"])
    #expect(alone == (try Self.options([option])) && alone.data.isEmpty)
  }

  @Test(
    "say that a tree is bound by rbind, whatever bind says beside it",
    arguments: [["rbind", "bind"], ["bind", "rbind"]])
  func bothBinds(_ list: [String]) throws {
    let parsed = try Self.options(list, type: nil)
    #expect(parsed.isBind && parsed.isRecursive)
  }

  @Test("that contradict each other: the last one counts")
  func lastWins() throws {
    #expect(try Self.options(["ro", "rw"]).attributes == 0)
    #expect(try Self.options(["ro", "rw"]).cleared == 1)
    #expect(try Self.options(["rw", "ro"]).attributes == 1)
    #expect(try Self.options(["rw", "ro"]).cleared == 0)
    #expect(try Self.options(["noatime", "strictatime"]).attributes == 0x20)
  }

  @Test("of the superblock are kept apart, because mount_setattr(2) has no place for them")
  func superblock() throws {
    #expect(
      try Self.options(["sync", "dirsync", "mand", "lazytime"]).superblockFlags == 16 | 128 | 64 | 1 << 25)
  }

  @Test("that are the filesystem's own are handed on in their order")
  func data() throws {
    let parsed = try Self.options(["nosuid", "mode=755", "defaults", "size=65536k", "private"])
    #expect(parsed.data == "mode=755,size=65536k")
    #expect(parsed.attributes == 2)
  }

  @Test("make a bind mount by name or by type")
  func binds() throws {
    #expect(try Self.options(["bind"], type: nil).isBind)
    #expect(try !Self.options(["bind"], type: nil).isRecursive)
    #expect(try Self.options(["rbind", "ro"], type: "none").isRecursive)
    #expect(try Self.options([], type: "bind").isBind)
    #expect(try !Self.options([]).isBind)
  }

  @Test("that say nothing of a mount that is made are refused with their path")
  func refused() {
    let error = #expect(throws: SpecError.self) { try Self.options(["nosuid", "move"]) }
    #expect(error?.path == "mounts[3].options[1]")
    #expect(error?.message.contains("move") == true)
  }

  /// The names that `runc features` prints, and what each must be other than data of the filesystem.
  private static let runc = """
    async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec
    noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime
    relatime remount rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro
    rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave
    strictatime suid symfollow sync tmpcopyup unbindable
    """.split { $0 == " " || $0 == "\n" }.map(String.init)

  @Test("of runc's list are all known, of a new filesystem and of a bind mount", arguments: runc)
  func known(_ option: String) throws {
    #expect(MountOptions.names.contains(option))
    #expect(try Self.options([option]).data.isEmpty)
    guard option != "tmpcopyup" else { return }
    #expect(try Self.options(["bind", option], type: nil).meaningless.isEmpty)
  }

  @Test("that take another back leave nothing of it")
  func takenBack() throws {
    let pairs = [
      ("sync", "async"), ("mand", "nomand"), ("lazytime", "nolazytime"), ("iversion", "noiversion"),
      ("silent", "loud"),
    ]
    for (option, opposite) in pairs {
      #expect(try Self.options([option]).superblockFlags != 0)
      #expect(try Self.options([option, opposite]).superblockFlags == 0)
    }
    #expect(try Self.options(["strictatime", "nostrictatime"]).attributes == 0)
    #expect(try Self.options(["noatime", "norelatime"]).attributes == 0x10)
    #expect(try Self.options(["remount", "ro"]).changesMounted)
  }

  @Test("of propagation have the numbers of mount(2); the last one counts but for a slave that is shared too")
  func propagation() throws {
    for (option, flags) in [
      ("unbindable", 1 << 17), ("private", 1 << 18), ("slave", 1 << 19), ("shared", 1 << 20),
    ] as [(String, UInt64)] {
      #expect(try Self.options([option]).propagation == flags)
      #expect(try Self.options(["r\(option)"]).propagation == flags | 1 << 14)
      #expect(try Self.options([option]).data.isEmpty)
    }
    #expect(try Self.options(["slave", "shared"]).propagation == 1 << 19 | 1 << 20)
    #expect(try Self.options(["slave", "private"]).propagation == 1 << 18)
    #expect(try Self.options([]).propagation == 0)
  }

  @Test("let a tmpfs, and nothing else, begin as a copy of what it covers")
  func copyUp() throws {
    #expect(try Self.options(["tmpcopyup", "size=1k"], type: "tmpfs").copiesUp)
    #expect(try Self.options(["tmpcopyup", "size=1k"], type: "tmpfs").data == "size=1k")
    #expect(try !Self.options([], type: "tmpfs").copiesUp)
    #expect(throws: SpecError.self) { try Self.options(["tmpcopyup"], type: "proc") }
    #expect(throws: SpecError.self) { try Self.options(["tmpcopyup"], type: "bind") }
  }

  @Test("an empty option asks for nothing, on a bind mount too")
  func empty() throws {
    let without = try Self.options(["rw", "rbind"], type: "bind")
    #expect(try Self.options(["", "rw", "rbind"], type: "bind") == without)
    #expect(try Self.options(["", "size=1k"]).data == "size=1k")
  }

  @Test("that a bind mount cannot take are refused, but for those of a filesystem it does not make")
  func bindData() throws {
    let error = #expect(throws: SpecError.self) { try Self.options(["bind", "no-suid"], type: nil) }
    #expect(error?.path == "mounts[3].options")
    #expect(error?.message.contains("no-suid") == true)
    let tolerated = try Self.options(["bind", "mode=755", "size=1k"], type: nil)
    #expect(tolerated.data == "" && tolerated.meaningless == ["mode=755", "size=1k"])
  }
}
