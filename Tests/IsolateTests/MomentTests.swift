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

  @Test("a moment has milliseconds, cut off and never rounded up; what is before 1970 is 1970")
  func milliseconds() {
    #expect(Moment.text(secondsSince1970: 0) == "1970-01-01T00:00:00.000Z")
    #expect(Moment.text(secondsSince1970: 951_782_399.9996) == "2000-02-28T23:59:59.999Z")
    #expect(Moment.text(secondsSince1970: 951_782_400.5) == "2000-02-29T00:00:00.500Z")
    #expect(Moment.text(secondsSince1970: -5) == "1970-01-01T00:00:00.000Z")
  }
}
