import Formats

/// The part of SARIF 2.1.0 (OASIS standard, docs.oasis-open.org/sarif/sarif/v2.1.0) that a report needs; names are the
/// standard's own.
enum SARIF {
  struct Log: Encodable {
    let schema = "https://json.schemastore.org/sarif-2.1.0.json"
    let version = "2.1.0"
    var runs: [Run]

    enum CodingKeys: String, CodingKey {
      case schema = "$schema"
      case version, runs
    }
  }

  struct Run: Encodable {
    var tool: Tool
    var automationDetails: AutomationDetails
    var invocations: [Invocation]
    var originalUriBaseIds = ["%SRCROOT%": BaseID()]
    var results: [Result]
    var columnKind = "utf16CodeUnits"
    var properties: RunProperties
  }

  struct Tool: Encodable { var driver: Driver }

  struct Driver: Encodable {
    var name: String
    var version: String
    var rules: [Rule]
  }

  struct Rule: Encodable {
    var id: String
    var shortDescription: Message
    var fullDescription: Message
    var help: Help
    var defaultConfiguration: Configuration
    var properties: RuleProperties
  }

  struct Message: Encodable { var text: String }

  struct Help: Encodable {
    var text: String
    var markdown: String
  }

  struct Configuration: Encodable { var level: String }

  struct RuleProperties: Encodable {
    var tags: [String]
    var precision: String

    enum CodingKeys: String, CodingKey { case tags, precision }
  }

  struct AutomationDetails: Encodable { var id: String }

  struct BaseID: Encodable { let description = Message(text: "The root of the repository.") }

  struct Invocation: Encodable {
    var executionSuccessful: Bool
    var startTimeUtc: String
    var commandLine: String
    var toolExecutionNotifications: [Notification]
  }

  struct Notification: Encodable {
    var level: String
    var message: Message
  }

  struct Result: Encodable {
    var ruleId: String
    var ruleIndex: Int
    var level: String
    var message: Message
    var locations: [Location]
    var partialFingerprints: [String: String]
    var suppressions: [Suppression]?
    var properties: ResultProperties
  }

  struct Location: Encodable { var physicalLocation: PhysicalLocation }

  struct PhysicalLocation: Encodable {
    var artifactLocation: ArtifactLocation
    var region: Region?
  }

  struct ArtifactLocation: Encodable {
    /// A relative reference (RFC 3986, section 4.2).
    var uri: String
    var uriBaseId = "%SRCROOT%"
  }

  struct Region: Encodable { var startLine: Int }

  struct Suppression: Encodable {
    /// "inSource" or "external".
    var kind: String
    var justification: String
  }

  struct ResultProperties: Encodable {
    var category: String
    /// Whose doing it is; "blame" is what readers call an object of git's.
    var responsible: String
    var confidence: String
    var process: String?
  }

  struct RunProperties: Encodable {
    var verdict: String
    var summary: String
  }
}
