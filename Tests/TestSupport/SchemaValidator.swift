import Foundation

/// A validator for the part of JSON Schema (draft 2020-12) that docs/report.schema.json uses.
///
/// An unknown keyword is a problem, so that the schema cannot silently outgrow it.
public struct SchemaValidator: Sendable {
  private static let annotations: Set<String> = ["$schema", "$id", "$defs", "title", "description"]
  let root: JSONValue

  /// Reads a schema.
  ///
  /// - Throws: a decoding error when it is not JSON.
  public init(_ schema: String) throws {
    root = try JSONDecoder().decode(JSONValue.self, from: Data(schema.utf8))
  }

  /// Returns what is wrong with a document; empty when it is valid.
  ///
  /// - Throws: a decoding error when the document is not exactly one JSON value.
  public func problems(in document: String) throws -> [String] {
    check(try JSONDecoder().decode(JSONValue.self, from: Data(document.utf8)), root, at: "$")
  }

  private func check(_ value: JSONValue, _ schema: JSONValue, at path: String) -> [String] {
    guard case .object(let keywords) = schema else { return ["\(path): the schema is not an object"] }
    return keywords.sorted { $0.key < $1.key }.flatMap { keyword, argument in
      Self.annotations.contains(keyword) ? [] : check(value, keyword, argument, keywords, at: path)
    }
  }

  private func check(
    _ value: JSONValue, _ keyword: String, _ argument: JSONValue, _ keywords: [String: JSONValue],
    at path: String
  ) -> [String] {
    switch (keyword, argument, value) {
    case ("$ref", .string(let reference), _):
      guard let target = definition(reference) else { return ["\(path): no \(reference) in the schema"] }
      return check(value, target, at: path)
    case ("type", .string(let name), _):
      return value.has(type: name) ? [] : ["\(path): is not of type \(name)"]
    case ("const", _, _):
      return value == argument ? [] : ["\(path): is not the constant"]
    case ("enum", .array(let allowed), _):
      return allowed.contains(value) ? [] : ["\(path): \(value) is not one of the allowed values"]
    case ("required", .array(let names), .object(let members)):
      return names.compactMap { name in
        if case .string(let key) = name, members[key] == nil { "\(path): \(key) is missing" } else { nil }
      }
    case ("properties", .object(let schemas), .object(let members)):
      return members.flatMap { key, member in
        schemas[key].map { check(member, $0, at: "\(path).\(key)") } ?? []
      }
    case ("additionalProperties", .bool(false), .object(let members)):
      guard case .object(let known)? = keywords["properties"] else {
        return ["\(path): no properties in the schema"]
      }
      return members.keys.filter { known[$0] == nil }.map { "\(path): \($0) is not in the schema" }
    case ("items", _, .array(let elements)):
      return elements.enumerated().flatMap { check($0.element, argument, at: "\(path)[\($0.offset)]") }
    case ("minItems", .number(let least), .array(let elements)):
      return Double(elements.count) >= least ? [] : ["\(path): has too few items"]
    case ("maxItems", .number(let most), .array(let elements)):
      return Double(elements.count) <= most ? [] : ["\(path): has too many items"]
    case ("minimum", .number(let least), .number(let number)):
      return number >= least ? [] : ["\(path): \(number) is below \(least)"]
    case ("maximum", .number(let most), .number(let number)):
      return number <= most ? [] : ["\(path): \(number) is above \(most)"]
    case ("pattern", .string(let pattern), .string(let text)):
      guard let regex = try? Regex(pattern) else { return ["\(path): the pattern cannot be read"] }
      return text.firstMatch(of: regex) == nil ? ["\(path): '\(text)' does not match \(pattern)"] : []
    case ("required", _, _), ("properties", _, _), ("additionalProperties", _, _), ("items", _, _),
      ("minItems", _, _),
      ("maxItems", _, _), ("minimum", _, _), ("maximum", _, _), ("pattern", _, _):
      return []
    default:
      return ["\(path): the validator does not know the keyword \(keyword)"]
    }
  }

  private func definition(_ reference: String) -> JSONValue? {
    guard reference.hasPrefix("#/$defs/"), case .object(let members) = root,
      case .object(let all)? = members["$defs"]
    else {
      return nil
    }
    return all[String(reference.dropFirst("#/$defs/".count))]
  }
}

/// Any JSON value.
indirect enum JSONValue: Decodable, Equatable, Sendable {
  case null, bool(Bool), number(Double), string(String), array([JSONValue]), object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func has(type name: String) -> Bool {
    switch (name, self) {
    case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool), ("number", .number),
      ("null", .null):
      true
    case ("integer", .number(let number)): number == number.rounded()
    default: false
    }
  }
}
