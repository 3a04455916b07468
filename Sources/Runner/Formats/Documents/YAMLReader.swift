import Yams

/// Reads YAML by libyaml, under limits: a project's file is a stranger's.
package enum YAMLReader {
  private static let limitInBytes = 512 << 10
  /// Aliases can make a small file a huge tree; no descriptor needs as many values.
  private static let mostValues = 20_000
  private static let deepest = 64

  /// The documents of a file, each with the places of its members; an element of a list is "[0]" in their paths.
  package static func read(_ text: String) throws(DocumentError) -> [LocatedDocument] {
    guard text.utf8.count <= limitInBytes else {
      throw DocumentError(line: 1, message: "longer than \(limitInBytes >> 10) KiB")
    }
    var documents: [LocatedDocument] = []
    do {
      var roots = try compose_all(yaml: text)
      while let root = roots.next() {
        var tree = Tree()
        let value = try tree.value(root, at: [])
        documents.append(LocatedDocument(value: value, lines: tree.lines))
      }
      if let error = roots.error { throw error }
    } catch let error as DocumentError {
      throw error
    } catch let error as YamlError {
      throw failure(error)
    } catch { throw DocumentError(line: 1, message: "no YAML: \(error)") }
    return documents
  }

  private static func failure(_ error: YamlError) -> DocumentError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return DocumentError(line: mark.line, message: problem)
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.joined(separator: ", ")
      return DocumentError(line: context.mark.line, message: "\(names) stands there a second time")
    case .reader(let problem, _, _, _): return DocumentError(line: 1, message: problem)
    default: return DocumentError(line: 1, message: "it is no YAML")
    }
  }

  private struct Tree {
    var lines: [[String]: Int] = [:]
    var count = 0

    mutating func value(_ node: Node, at path: [String]) throws(DocumentError) -> DocumentValue {
      count += 1
      guard count <= mostValues, path.count <= deepest else {
        throw DocumentError(line: node.mark?.line ?? 1, message: "more values, or deeper ones, than are read")
      }
      if lines[path] == nil { lines[path] = node.mark?.line }
      switch node {
      case .scalar(let scalar): return Self.scalar(scalar)
      case .sequence(let sequence):
        var elements: [DocumentValue] = []
        for (index, element) in sequence.enumerated() {
          elements.append(try value(element, at: path + ["[\(index)]"]))
        }
        return .array(elements)
      case .mapping(let mapping):
        var members: [String: DocumentValue] = [:]
        for (key, member) in mapping {
          guard let name = key.string else { continue }
          lines[path + [name]] = key.mark?.line
          let value = try value(member, at: path + [name])
          // YAML's merge key: what stands beside it counts.
          if name == "<<" {
            for part in value.array ?? [value] { members.merge(part.table ?? [:]) { own, _ in own } }
          } else {
            members[name] = value
          }
        }
        return .table(members)
      case .alias: throw DocumentError(line: node.mark?.line ?? 1, message: "an alias of nothing")
      }
    }

    private static func scalar(_ scalar: Node.Scalar) -> DocumentValue {
      guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
      switch scalar.string {
      case "true", "True", "TRUE": return .boolean(true)
      case "false", "False", "FALSE": return .boolean(false)
      case "", "~", "null", "Null", "NULL": return .other("null")
      case let text where Double(text) != nil: return .other(text)
      case let text: return .string(text)
      }
    }
  }
}
