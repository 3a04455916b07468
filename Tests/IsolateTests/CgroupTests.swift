import Testing

@testable import Isolate

@Suite("Finding a cgroup")
struct CgroupTests {
  @Test("gives a parent with the needed controllers, or says why there is none and what to do")
  func parentOrReason() {
    do {
      let parent = try CgroupParent.find()
      #expect(Files.exists("\(parent.path)/cgroup.subtree_control"))
    } catch {
      #expect(!error.why.isEmpty)
      #expect(error.remedy.contains("Delegate"))
    }
  }

  @Test("reports which folder could not be made")
  func refusedFolder() throws {
    guard let parent = try? CgroupParent.find() else { return }
    let error = #expect(throws: SystemError.self) {
      _ = try Cgroup(name: "no/such/parent", in: parent, resources: .init())
    }
    #expect(error?.subject == "\(parent.path)/no/such/parent")
  }

  @Test("removing a cgroup that is not there is no failure")
  func removeAbsent() { #expect(Cgroup.remove("/nonexistent/isolate-x")) }
}
