import Analysis
import Testing

@testable import Execution

@Suite("The plan of a probe")
struct ProbePlanTests {
  private func socket(_ address: String, _ port: Int) -> ListeningSocket {
    ListeningSocket(address: address, port: port, protocol: "tcp")
  }

  private func attempt(_ path: String, _ status: Int?, failure: String? = nil) -> ProbeAttempt {
    ProbeAttempt(path: path, port: 8080, status: status, failure: failure, durationMilliseconds: 1)
  }

  private func plan(port: Int? = 8080, path: String = "/healthz") -> ProbePlan {
    ProbePlan(port: port, healthPath: path, startDeadlineMilliseconds: 60_000)
  }

  @Test("watches what is no server for the settling time, and for the usual time where that is longer")
  func settling() {
    func decision(_ settling: Int, at elapsed: Int) -> ProbePlan.Decision {
      var plan = ProbePlan(
        port: nil, healthPath: "/", startDeadlineMilliseconds: 60_000, settlingMilliseconds: settling)
      return plan.decide(listening: [], probes: [], elapsed: elapsed)
    }
    #expect(decision(2000, at: 4999) == .wait && decision(2000, at: 5000) == .finished)
    #expect(decision(40_000, at: 39_999) == .wait && decision(40_000, at: 40_000) == .finished)
  }

  @Test("waits while nothing listens, and gives up at the deadline")
  func silent() {
    var plan = plan()
    #expect(plan.decide(listening: [], probes: [], elapsed: 0) == .wait)
    #expect(plan.decide(listening: [], probes: [], elapsed: 59_999) == .wait)
    #expect(plan.decide(listening: [], probes: [], elapsed: 60_000) == .finished)
  }

  @Test(
    "asks for the health path at once when it listens where it should",
    arguments: ["0.0.0.0", "::", "10.0.2.100"])
  func listening(address: String) {
    var plan = plan()
    #expect(plan.decide(listening: [socket(address, 8080)], probes: [], elapsed: 10) == .get("/healthz"))
  }

  @Test("a good answer is enough", arguments: [200, 204, 302, 399])
  func good(status: Int) {
    var plan = plan()
    let sockets = [socket("0.0.0.0", 8080)]
    _ = plan.decide(listening: sockets, probes: [], elapsed: 10)
    #expect(plan.decide(listening: sockets, probes: [attempt("/healthz", status)], elapsed: 20) == .finished)
  }

  @Test("after a bad answer of the health path it asks for / once", arguments: [400, 404, 500, 503])
  func fallback(status: Int) {
    var plan = plan()
    let sockets = [socket("0.0.0.0", 8080)]
    _ = plan.decide(listening: sockets, probes: [], elapsed: 10)
    #expect(plan.decide(listening: sockets, probes: [attempt("/healthz", status)], elapsed: 20) == .get("/"))
  }

  @Test("a client error at / is final, a server error is retried with pauses until patience ends")
  func retries() {
    var plan = plan(path: "/")
    let sockets = [socket("0.0.0.0", 8080)]
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 0) == .get("/"))
    var copy = plan
    #expect(copy.decide(listening: sockets, probes: [attempt("/", 404)], elapsed: 10) == .finished)
    let bad = [attempt("/", 500)]
    #expect(plan.decide(listening: sockets, probes: bad, elapsed: 100) == .wait)
    #expect(plan.decide(listening: sockets, probes: bad, elapsed: 250) == .get("/"))
    #expect(plan.decide(listening: sockets, probes: bad + bad, elapsed: 300) == .wait)
    #expect(plan.decide(listening: sockets, probes: bad + bad, elapsed: 9_999) == .get("/"))
    #expect(plan.decide(listening: sockets, probes: bad + bad, elapsed: 10_000) == .finished)
  }

  @Test("no answer at all is retried like a server error")
  func noAnswer() {
    var plan = plan()
    let sockets = [socket("0.0.0.0", 8080)]
    _ = plan.decide(listening: sockets, probes: [], elapsed: 0)
    let none = [attempt("/healthz", nil, failure: "timed out")]
    #expect(plan.decide(listening: sockets, probes: none, elapsed: 100) == .wait)
    #expect(plan.decide(listening: sockets, probes: none, elapsed: 5_000) == .get("/healthz"))
    #expect(plan.decide(listening: sockets, probes: none + none, elapsed: 20_000) == .finished)
  }

  @Test("a socket on loopback is given time to be joined by another, then is proven from outside once")
  func loopback() {
    var plan = plan()
    let sockets = [socket("127.0.0.1", 8080)]
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 1_000) == .wait)
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 2_999) == .wait)
    var joined = plan
    let both = sockets + [socket("0.0.0.0", 8080)]
    #expect(joined.decide(listening: both, probes: [], elapsed: 2_999) == .get("/healthz"))
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 3_000) == .get("/healthz"))
    let refused = [attempt("/healthz", nil, failure: "connection refused")]
    #expect(plan.decide(listening: sockets, probes: refused, elapsed: 3_010) == .finished)
  }

  @Test("a socket on another port is given time, then nothing is asked")
  func otherPort() {
    var plan = plan()
    let sockets = [socket("0.0.0.0", 5000)]
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 0) == .wait)
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 2_000) == .finished)
    #expect(plan.decide(listening: [socket("0.0.0.0", 8080)], probes: [], elapsed: 2_001) == .finished)
  }

  @Test("a program that need not listen is watched for five seconds, or until it listens")
  func worker() {
    var plan = plan(port: nil)
    #expect(plan.decide(listening: [], probes: [], elapsed: 4_999) == .wait)
    #expect(plan.decide(listening: [], probes: [], elapsed: 5_000) == .finished)
    #expect(plan.decide(listening: [socket("0.0.0.0", 1)], probes: [], elapsed: 1) == .finished)
  }

  @Test(
    "loopback is told from other addresses",
    arguments: [
      ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false),
      ("::", false), ("10.0.2.100", false), ("12.7.0.1", false), ("::12", false),
    ])
  func addresses(address: String, isLoopback: Bool) { #expect(socket(address, 1).isLoopback == isLoopback) }
}
