import ArgumentParser
import FoundationEssentials
import Images
import Isolate

/// `preflight image pull`.
struct ImagePullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetches an image from its registry; what is there is not fetched again.",
    discussion: """
      A name without a registry is looked for as registries.conf says (aliases, unqualified-search-registries), \
      else at docker.io. Mirrors, blocked and insecure registries of registries.conf are honoured. A pull that \
      is ended goes on where it was.
      """)

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  @Option(
    help: ArgumentHelp("The machine it is for, instead of this one.", valueName: "OS/ARCH[/VARIANT]"))
  var platform: String?

  @Argument(
    help: ArgumentHelp(
      "For example python:3.12-slim or registry.example.com/app@sha256:...", valueName: "REF"))
  var image: String

  func run() throws {
    let progress = quiet ? nil : PullProgress()
    let store = try ImageCommand.store()
    var puller = ImagePuller(store, environment: ProcessInfo.processInfo.environment)
    puller.platform = try platform.map { try Platform($0) }
    let interruption = StoreInterruption(store)
    let result = Result { try puller.pull(named: image, observer: progress) }
    interruption.end()
    progress?.finish()
    let (reference, digest) = try result.get()
    StandardStream.standardOutput("\(reference.familiar) \(digest)\n")
  }
}
