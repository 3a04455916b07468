import Glibc
import Testing

@testable import Isolate

@Suite("The date of a day")
struct MomentTests {
  @Test("is the C library's, for four centuries")
  func date() {
    for day in stride(from: 0, to: 366 * 400, by: 1) {
      var seconds = time_t(day) * 86400
      var parts = unsafe tm()
      unsafe gmtime_r(&seconds, &parts)
      let ours = Moment.date(daysSinceEpoch: day)
      let same = unsafe ours == (Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday))
      if !same {
        Issue.record("day \(day): \(ours)")
        return
      }
    }
  }

  @Test("is written as RFC 3339 has it")
  func text() {
    #expect(Moment.now().wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/) != nil)
  }
}
