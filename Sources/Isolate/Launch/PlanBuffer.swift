import CShims

/// Flags of a step are combined (isl_plan.h).
extension isl_step_flags: @retroactive OptionSet {}

/// Collects steps and their operands and lays them out as one launch plan (isl_plan.h).
struct PlanBuffer {
  private var arena: [UInt8] = [0]
  private(set) var steps: [isl_step] = []

  /// The arena offset of a string; that of "" is 0.
  mutating func string(_ text: String) -> UInt32 {
    if text.utf8.isEmpty { return 0 }
    let offset = UInt32(arena.count)
    arena.append(contentsOf: text.utf8)
    arena.append(0)
    return offset
  }

  /// The arena offset of an array of string offsets.
  mutating func strings(_ texts: [String]) -> UInt32 {
    let items = texts.map { string($0) }
    return integers(items)
  }

  /// The arena offset of an array of fixed-width integers, aligned to 8 bytes.
  mutating func integers<Integer: FixedWidthInteger>(_ values: [Integer]) -> UInt32 {
    align()
    let offset = UInt32(arena.count)
    for value in values { unsafe withUnsafeBytes(of: value) { unsafe arena.append(contentsOf: $0) } }
    return offset
  }

  /// The arena offset of raw bytes, aligned to 8 bytes.
  mutating func bytes(_ values: [UInt8]) -> UInt32 {
    align()
    let offset = UInt32(arena.count)
    arena.append(contentsOf: values)
    return offset
  }

  private mutating func align() {
    while arena.count % 8 != 0 { arena.append(0) }
  }

  /// Adds a step; operands default to "absent".
  mutating func step(
    _ kind: isl_step_kind, flags: UInt32 = 0, index: Int = 0, a: UInt32 = 0, b: UInt32 = 0, c: UInt32 = 0,
    d: UInt32 = 0, v: UInt64 = 0, w: UInt64 = 0
  ) {
    steps.append(
      isl_step(
        kind: UInt16(kind.rawValue), flags: UInt16(flags), index: UInt32(index), a: a, b: b, c: c, d: d, v: v,
        w: w))
  }

  /// The finished plan; `header` has every field but the layout's.
  func finish(_ header: isl_plan_header) -> [UInt8] {
    let headerSize = MemoryLayout<isl_plan_header>.stride
    let stepSize = MemoryLayout<isl_step>.stride
    var arena = arena
    arena.append(0)
    while arena.count % 8 != 0 { arena.append(0) }
    var header = header
    header.magic = ISL_PLAN_MAGIC
    header.step_offset = UInt32(headerSize)
    header.step_count = UInt32(steps.count)
    header.arena_offset = UInt32(headerSize + steps.count * stepSize)
    header.arena_size = UInt32(arena.count)
    header.size = header.arena_offset + header.arena_size
    var plan: [UInt8] = []
    plan.reserveCapacity(Int(header.size))
    unsafe withUnsafeBytes(of: header) { unsafe plan.append(contentsOf: $0) }
    while plan.count < headerSize { plan.append(0) }
    for step in steps { unsafe withUnsafeBytes(of: step) { unsafe plan.append(contentsOf: $0) } }
    plan.append(contentsOf: arena)
    return plan
  }
}
