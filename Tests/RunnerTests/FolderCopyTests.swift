import Foundation
import Glibc
import Synchronization
import Testing
import TestSupport

@testable import Sandbox

@Suite("A copy of a folder")
struct FolderCopyTests {
  @Test("has files, links and modes, and leaves out what is no part of a project")
  func contents() throws {
    let folder = try TemporaryDirectory()
    try folder.write("text", to: "from/deep/file")
    _ = unsafe chmod(folder.path("from/deep/file"), 0o750)
    #expect(unsafe symlink("/nowhere", folder.path("from/link")) == 0)
    #expect(unsafe mkfifo(folder.path("from/pipe"), 0o600) == 0)
    try Directories.copy(folder.path("from"), to: folder.path("to"))
    #expect(try String(contentsOfFile: folder.path("to/deep/file"), encoding: .utf8) == "text")
    var information = stat()
    #expect(
      unsafe stat(folder.path("to/deep/file"), &information) == 0 && information.st_mode & 0o777 == 0o750)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path("to/link")) == "/nowhere")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path("to")).sorted() == ["deep", "link"])
  }

  /// What the threads of a race tell each other.
  private final class Race: Sendable {
    let isOver = Mutex(false)
    let copies = Mutex(0)
  }

  @Test("does not wait for a writer where a file is exchanged for a pipe after it was looked at")
  func exchangedForPipe() async throws {
    let folder = try TemporaryDirectory()
    try folder.write("text", to: "from/file")
    let (from, file, other) = (folder.path("from"), folder.path("from/file"), folder.path("other"))
    let to = folder.path("to")
    let race = Race()
    Thread.detachNewThread {
      var isPipe = false
      while !race.isOver.withLock({ $0 }) {
        isPipe.toggle()
        if isPipe {
          _ = unsafe mkfifo(other, 0o600)
        } else {
          close(unsafe open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
        }
        _ = unsafe rename(other, file)
      }
    }
    Thread.detachNewThread {
      while !race.isOver.withLock({ $0 }) {
        try? Directories.copy(from, to: to)
        Directories.remove(to)
        race.copies.withLock { $0 += 1 }
      }
    }
    // A copy that waits would go on doing so.
    let deadline = ContinuousClock.now + .seconds(2)
    var last = -1
    while ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(400))
      let now = race.copies.withLock { $0 }
      #expect(now > last, "no copy has ended for 400 ms")
      last = now
    }
    race.isOver.withLock { $0 = true }
    // Lets go one that waits.
    let pipe = unsafe open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    if pipe >= 0 { close(pipe) }
    try await Task.sleep(for: .milliseconds(100))
  }
}
