import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

/// A caller with a folder for temporary files that the build's own ids can enter.
final class RecipeBuilder {
  let caller: ImageCaller
  let temporary: String

  init() throws {
    caller = try ImageCaller()
    temporary = caller.directory.path("tmp")
    for folder in [caller.directory.path, temporary] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: folder)
    }
  }

  func variables(_ more: [String: String] = [:]) -> [String: String] {
    ["TMPDIR": temporary].merging(more) { $1 }
  }

  /// What is left of builds.
  var left: [String] {
    let scratch = (try? FileManager.default.contentsOfDirectory(atPath: temporary)) ?? []
    return scratch + caller.names("builds") + caller.names("staging")
  }

  /// Processes that have the build's folder among their arguments.
  var processes: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter { name in
      guard Int(name) != nil, let data = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else {
        return false
      }
      let text = String(decoding: data, as: UTF8.self)
      return text.contains("\(caller.store)/builds/") || text.contains("\(temporary)/preflight-build-")
    }
  }

  /// Starts a build and waits until mmdebstrap has said that it installs packages.
  func start(_ name: String) async throws -> RunningProgram {
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache"), withIntermediateDirectories: true)
    let program = try Program.preflight.start(
      ["image", "build", name], caller.circumstances(variables()))
    for _ in 0..<1200 where !program.hasEnded {
      if program.errorOutputSoFar.contains("extracting archives") { break }
      try await Task.sleep(for: .milliseconds(50))
    }
    return program
  }
}
