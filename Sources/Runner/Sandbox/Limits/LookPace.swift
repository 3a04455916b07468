/// When to look: often enough that little can be taken between two looks, seldom enough that looking costs little.
struct LookPace {
  /// Milliseconds; a look may come sooner when it is quick, and comes later when it takes long.
  private static let usual = 10
  private static let shortest = 2
  /// The part of a processor that looking may take, as a divisor.
  private static let share = 8

  private(set) var period = 0
  private(set) var longestGap = 0
  private var began = 0
  private var next = 0
  private var last: Int?

  /// Whether a look is due at `now`, in milliseconds.
  mutating func begin(_ now: Int) -> Bool {
    guard now >= next else { return false }
    if let last { longestGap = max(longestGap, now - last) }
    last = now
    began = now
    return true
  }

  /// Ends a look; `left` is how long the program needs at least until it is over a limit, in milliseconds.
  mutating func end(_ now: Int, _ left: Int?) {
    let cost = max(0, now - began)
    let leisurely = max(Self.usual, cost * Self.share)
    // Near the limit looking may take a quarter of a processor.
    period = min(leisurely, max(left ?? leisurely, Self.shortest, cost * 3))
    next = now + period
  }
}
