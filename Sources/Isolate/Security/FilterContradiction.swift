import CShims

extension SeccompCompiler {
  /// Refuses a call that two rules decide differently under the same condition: whichever the filter followed, one of
  /// them would not hold. libseccomp says EEXIST to the second (seccomp_rule_add(3)).
  static func refuseContradictions(_ rules: [FilterRules.Rule]) throws(IsolateError) {
    var all: [(name: String, rule: Int)] = []
    for (index, rule) in rules.enumerated() {
      for name in rule.names { all.append((name, index)) }
    }
    all.sort { $0.name == $1.name ? $0.rule < $1.rule : $0.name < $1.name }
    var first = 0
    for index in all.indices {
      if all[index].name != all[first].name { first = index }
      let rule = rules[all[index].rule]
      for earlier in first..<index {
        let other = rules[all[earlier].rule]
        guard other.action != rule.action, isSame(other.arguments, rule.arguments),
          !isException(other, rule)
        else { continue }
        throw .specification(
          SpecError(
            path: "linux.seccomp.syscalls",
            message: "two actions for \"\(all[index].name)\" under the same condition"))
      }
    }
  }

  /// Whether one rule refuses a call with an error and the other allows it, both without a condition: Podman's own
  /// profile has that for setns(2), and runs with every runtime.
  private static func isException(_ one: FilterRules.Rule, _ other: FilterRules.Rule) -> Bool {
    let (allow, error, mask): (UInt32, UInt32, UInt32) = (0x7fff_0000, 0x0005_0000, 0xffff_0000)
    let actions = Set([one.action & mask, other.action & mask])
    return one.arguments.isEmpty && actions == [allow, error]
  }

  private static func isSame(_ one: [isl_seccomp_argument], _ other: [isl_seccomp_argument]) -> Bool {
    one.count == other.count
      && one.allSatisfy { argument in
        other.contains {
          $0.index == argument.index && $0.operation == argument.operation && $0.value == argument.value
            && $0.value_two == argument.value_two
        }
      }
  }
}
