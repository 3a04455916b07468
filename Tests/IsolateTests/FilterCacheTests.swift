import Foundation
import Glibc
import TestSupport
import Testing

@testable import Isolate

@Suite("The cache of compiled filters")
final class FilterCacheTests {
  private let directory: TemporaryDirectory
  private let cache: FilterCache
  private static let section = Array(#"{"defaultAction":"SCMP_ACT_ERRNO"}"#.utf8)
  private let filter: CompiledFilter

  init() throws {
    directory = try TemporaryDirectory()
    cache = FilterCache(directory: directory.path("deeper/filters"))
    filter = try CompiledFilter(.default)
  }

  private func keep(_ section: [UInt8] = section) {
    unsafe section.withUnsafeBytes { unsafe cache.keep(filter, of: $0) }
  }

  private func found(_ section: [UInt8] = section) -> [UInt8]? {
    unsafe section.withUnsafeBytes { unsafe cache.program(of: $0)?.instructions }
  }

  private var files: [String] {
    get throws { try Files.names(in: directory.path("deeper/filters")) }
  }

  @Test("gives a program to the text it was made from, and to no other")
  func kept() throws {
    #expect(found() == nil)
    keep()
    #expect(found() == filter.instructions)
    #expect(found(Array(#"{"defaultAction":"SCMP_ACT_ALLOW"}"#.utf8)) == nil)
    #expect(try files.count == 1)
    keep()
    #expect(try files.count == 1, "the same again")
    let mode =
      try FileManager.default.attributesOfItem(
        atPath: directory.path("deeper/filters/\(files[0])"))[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test("does not take another text's file for its own, though it has the same name")
  func collision() throws {
    keep()
    let name = try files[0]
    let other = Array(#"{"defaultAction":"SCMP_ACT_ALLOW"}"#.utf8)
    keep(other)
    let otherName = try #require(try files.first { $0 != name })
    let paths = [name, otherName].map { directory.path("deeper/filters/\($0)") }
    try #require(unsafe rename(paths[0], paths[1]) == 0)
    #expect(found(other) == nil)
    keep(other)
    #expect(found(other) == filter.instructions, "it is replaced")
  }

  @Test("does without a file that is damaged, cut, empty, another runtime's, or a link")
  func damaged() throws {
    keep()
    let path = directory.path("deeper/filters/\(try files[0])")
    let whole = try Files.read(path)
    for place in [0, 8, 16, 24, 40, 48, 56, 64, 70, whole.count - 1] {
      var bytes = whole
      bytes[place] ^= 0x40
      try Files.write(bytes, to: path, flags: O_WRONLY | O_TRUNC)
      #expect(found() == nil, "byte \(place)")
    }
    for count in [0, 1, 63, 64, 64 + Self.section.count, whole.count - 8, whole.count - 1] {
      try Files.write(Array(whole[..<count]), to: path, flags: O_WRONLY | O_TRUNC)
      #expect(found() == nil, "\(count) bytes")
    }
    try Files.write(whole + [0], to: path, flags: O_WRONLY | O_TRUNC)
    #expect(found() == nil, "longer")
    try Files.write(whole, to: path, flags: O_WRONLY | O_TRUNC)
    #expect(found() == filter.instructions)
    try FileManager.default.moveItem(atPath: path, toPath: directory.path("elsewhere"))
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: directory.path("elsewhere"))
    #expect(found() == nil, "a link")
    try #require(unsafe unlink(path) == 0)
    try #require(unsafe mkfifo(path, 0o600) == 0)
    #expect(found() == nil, "a FIFO, which nobody writes to")
    keep()
    #expect(found() == filter.instructions)
  }

  @Test("is emptied before it grows beyond what a machine has configurations")
  func pruned() throws {
    for number in 0..<70 { keep(Array("\(number)".utf8)) }
    #expect(try files.count < 64)
    #expect(found(Array("69".utf8)) == filter.instructions)
  }

  @Test("is not there where its folder cannot be made, and nothing fails")
  func absent() throws {
    try directory.write("", to: "deeper")
    keep()
    #expect(found() == nil)
    let none = FilterCache(directory: nil)
    unsafe Self.section.withUnsafeBytes { section in
      unsafe none.keep(filter, of: section)
      #expect(unsafe none.program(of: section) == nil)
    }
  }
}
