/// When to look: often enough that little can be taken between two looks, seldom enough that looking costs little.
struct LookPace {
  /// Milliseconds; a look may come sooner when it is quick, and comes later when it takes long.
  private static let usual = 10
  private static let shortest = 2
  /// The part of a processor that looking may take, as a divisor.
  private static let share = 8

  /// Milliseconds until the next look.
  private(set) var period = 0
  private var began = 0

  /// Begins a look.
  mutating func begin(_ now: Int) { began = now }

  /// Ends a look of which counting took `counted`; `left` is how long the program needs at least until it is over a
  /// limit; all in milliseconds. When to count is decided elsewhere: what it took delays no look. One that `isRacing`
  /// for the limit is there before looking has cost much.
  mutating func end(_ now: Int, counted: Int, _ left: Int?, isRacing: Bool = false) {
    let cost = max(0, now - began - counted)
    let leisurely = max(Self.usual, cost * Self.share)
    // Near the limit looking may take a quarter of a processor.
    period = isRacing ? 1 : min(leisurely, max(left ?? leisurely, Self.shortest, cost * 3))
  }
}
