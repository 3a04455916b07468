import CShims

/// Reads a launch plan anew, by the layout of isl_plan.h and with checked access only: a second opinion
/// on what isl_plan_check lets through.
struct PlanReader {
  let header: isl_plan_header
  let steps: [isl_step]
  private let arena: ArraySlice<UInt8>
  private let total: Int

  init(_ plan: [UInt8]) {
    header = unsafe plan.withUnsafeBytes { unsafe $0.loadUnaligned(as: isl_plan_header.self) }
    total = plan.count
    let stride = MemoryLayout<isl_step>.stride
    let end = Int(header.step_offset) + Int(header.step_count) * stride
    var steps: [isl_step] = []
    if end <= plan.count {
      for index in 0..<Int(header.step_count) {
        let offset = Int(header.step_offset) + index * stride
        let step = unsafe plan.withUnsafeBytes {
          unsafe $0.loadUnaligned(fromByteOffset: offset, as: isl_step.self)
        }
        steps.append(step)
      }
    }
    self.steps = steps
    let start = Int(header.arena_offset)
    let finish = start + Int(header.arena_size)
    arena = start <= finish && finish <= plan.count ? plan[start..<finish] : []
  }

  /// The strings of argv as bytes.
  var arguments: [[UInt8]] {
    (0..<Int(header.argv_count)).map { text(at: number(at: Int(header.argv) + 4 * $0) ?? 0) ?? [] }
  }

  /// What a reader that trusts this plan would read outside of it.
  func violations() -> [String] {
    var found: [String] = []
    if arena.isEmpty { found.append("no arena") }
    if steps.count != Int(header.step_count) { found.append("steps outside") }
    for (name, offset) in [
      ("uid_map", header.uid_map), ("gid_map", header.gid_map),
      ("label_file", header.label_file), ("label", header.label),
    ]
    where text(at: Int(offset)) == nil { found.append(name) }
    let vectors = [
      ("argv", header.argv, header.argv_count), ("envp", header.envp, header.envp_count),
      ("paths", header.paths, header.paths_count),
    ]
    for (name, offset, count) in vectors {
      if offset % 4 != 0 { found.append("\(name) is not aligned") }
      for index in 0..<Int(count) {
        guard let item = number(at: Int(offset) + 4 * index), text(at: item) != nil else {
          found.append("\(name)[\(index)]")
          break
        }
      }
    }
    for (index, step) in steps.enumerated() where !isInBounds(step) {
      found.append("step \(index) of kind \(step.kind)")
    }
    return found
  }

  private func isInBounds(_ step: isl_step) -> Bool {
    func array(_ count: UInt64, of size: Int) -> Bool {
      Int(step.a) % min(size, 8) == 0 && UInt64(step.a) + count * UInt64(size) <= UInt64(arena.count)
    }
    switch UInt32(step.kind) {
    case ISL_STEP_USER.rawValue: return array(UInt64(step.b), of: 4)
    case ISL_STEP_CAPABILITIES.rawValue: return array(5, of: 8)
    case ISL_STEP_SECCOMP.rawValue: return step.b > 0 && step.b < 65536 && array(UInt64(step.b), of: 8)
    case ISL_STEP_SCHEDULER.rawValue: return array(7, of: 8)
    case ISL_STEP_AFFINITY.rawValue, ISL_STEP_MEMORY_POLICY.rawValue: return array(UInt64(step.b), of: 8)
    case ISL_STEP_NODE.rawValue: return text(at: Int(step.a)) != nil
    case ISL_STEP_BIND.rawValue: return [step.a, step.c].allSatisfy { text(at: Int($0)) != nil }
    case ISL_STEP_NONE.rawValue, ISL_STEP_COUNT.rawValue...: return false
    default: return [step.a, step.b, step.c, step.d].allSatisfy { text(at: Int($0)) != nil }
    }
  }

  /// The bytes of a string that ends inside the arena.
  private func text(at offset: Int) -> [UInt8]? {
    guard offset < arena.count else { return nil }
    let tail = arena[(arena.startIndex + offset)...]
    return tail.firstIndex(of: 0).map { Array(tail[..<$0]) }
  }

  private func number(at offset: Int) -> Int? {
    guard offset >= 0, offset + 4 <= arena.count else { return nil }
    let start = arena.startIndex + offset
    return (0..<4).reduce(0) { $0 | Int(arena[start + $1]) << (8 * $1) }
  }
}
