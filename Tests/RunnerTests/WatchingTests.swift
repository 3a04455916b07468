import Analysis
import Testing

@testable import Execution
@testable import Sandbox

@Suite("What is seen of a program")
struct WatchingTests {
  @Test("UNIX sockets that listen are told from others, and from a server's own control socket")
  func unixSockets() {
    let table = """
      Num       RefCount Protocol Flags    Type St Inode Path
      ffff1: 00000002 00000000 00010000 0001 01 20001 /tmp/app.sock
      ffff2: 00000003 00000000 00000000 0001 03 20002 /tmp/client.sock
      ffff3: 00000002 00000000 00010000 0001 01 20003 @abstract
      ffff4: 00000002 00000000 00010000 0001 01 20004 /home/app/.gunicorn/gunicorn.ctl
      ffff5: 00000002 00000000 00010000 0001 01 20005 /tmp/with a space
      ffff6: 00000002 00000000 00010000 0001 01 20006
      """
    #expect(ListeningSockets.parseUnix(table) == ["/tmp/app.sock", "/tmp/with a space"])
    #expect(ListeningSockets.parseUnix("") == [] && ListeningSockets.parseUnix("x\ny z") == [])
  }

  @Test(
    "a sleeping program is told by the kernel's function that it waits in",
    arguments: [
      (["hrtimer_nanosleep"], "was sleeping between two rounds of its work (it polls)"),
      (["do_epoll_wait"], "was waiting for events (it polls)"),
      (["do_wait", "flock_lock_inode_wait"], "was waiting for a lock on a file"), (["0"], nil), ([], nil),
    ] as [([String], String?)])
  func idle(places: [String], clause: String?) { #expect(Idleness.clause(places) == clause) }

  @Test("workers that were replaced are those with the name of one that stayed; a helper's end is none")
  func restarted() {
    let earlier: [Int32: String] = [1: "gunicorn", 2: "gunicorn", 3: "sleep"]
    #expect(
      StartPhase.restarted(from: earlier, to: [1: "gunicorn", 4: "gunicorn", 5: "sleep"]) == ["gunicorn"])
    #expect(StartPhase.restarted(from: earlier, to: [1: "gunicorn", 2: "gunicorn", 5: "sleep"]) == [])
    #expect(StartPhase.restarted(from: earlier, to: [1: "gunicorn"]) == [])
  }

  @Test("a program on the UNIX socket of its start command is not waited for until the deadline")
  func elsewhere() {
    var plan = ProbePlan(port: 8080, healthPath: "/", startDeadlineMilliseconds: 60_000)
    #expect(plan.decide(listening: [], probes: [], elapsed: 100, isElsewhere: true) == .wait)
    var both = plan
    let socket = ListeningSocket(address: "0.0.0.0", port: 8080)
    #expect(both.decide(listening: [socket], probes: [], elapsed: 200, isElsewhere: true) == .get("/"))
    #expect(plan.decide(listening: [], probes: [], elapsed: 2100, isElsewhere: true) == .finished)
  }
}
