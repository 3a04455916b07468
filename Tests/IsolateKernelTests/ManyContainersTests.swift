import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("Many containers", .needs(.userNamespaces, .busybox))
struct ManyContainersTestsAsAnyUser {
  @Test("two hundred in a row leave no descriptor, process or mount")
  func inARow() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"])
      let before = OwnResources(folder: path)
      for number in 0..<200 {
        let lifeline = try Pipe()
        var options = ContainerOptions()
        options.runsInit = number % 2 == 0
        if number % 3 == 0 { options.lifeline = lifeline.readEnd }
        let container = try Container.start(spec, bundle: path, options: options)
        #expect(try container.wait().status == 0)
      }
      #expect(OwnResources(folder: path).left(since: before) == [])
    }
  }

  @Test("fifty started by eight threads at once all run, each with its own status")
  func atOnce() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = OwnResources(folder: path)
      let (next, right) = (Counter(), Counter())
      let group = DispatchGroup()
      for _ in 0..<8 {
        group.enter()
        Thread.detachNewThread {
          defer { group.leave() }
          while true {
            let number = next.increment()
            guard number <= 50 else { return }
            guard let lifeline = try? Pipe() else { continue }
            var options = ContainerOptions()
            options.lifeline = lifeline.readEnd
            options.runsInit = number % 2 == 0
            let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["sh", "-c", "exit \(number)"])
            let container = try? Container.start(spec, bundle: path, options: options)
            if let status = try? container?.wait().status, status == Int32(number) { right.increment() }
          }
        }
      }
      group.wait()
      #expect(right.current == 50)
      let settled = try await eventually { OwnResources(folder: path).left(since: before).isEmpty }
      #expect(settled, "\(OwnResources(folder: path).left(since: before))")
    }
  }
}
