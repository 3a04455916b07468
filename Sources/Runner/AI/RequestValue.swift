/// A JSON value of a request, written as Swift writes its like.
package enum RequestValue: Sendable, Equatable, Encodable, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  case string(String)
  case boolean(Bool)
  case integer(Int)
  case list([RequestValue])
  case object([String: RequestValue])

  package init(stringLiteral value: String) { self = .string(value) }
  package init(booleanLiteral value: Bool) { self = .boolean(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(arrayLiteral elements: RequestValue...) { self = .list(elements) }
  package init(dictionaryLiteral elements: (String, RequestValue)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
  }

  package func encode(to encoder: any Encoder) throws {
    switch self {
    case .object(let members): try members.encode(to: encoder)
    case .list(let elements): try elements.encode(to: encoder)
    case .string(let text):
      var container = encoder.singleValueContainer()
      try container.encode(text)
    case .boolean(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .integer(let number):
      var container = encoder.singleValueContainer()
      try container.encode(number)
    }
  }
}
