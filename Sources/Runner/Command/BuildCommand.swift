import ArgumentParser
import Formats
import FoundationEssentials
import Images
import Isolate
import Sandbox

extension ImageCommand {
  /// `preflight image build`: a base image from Debian packages.
  struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "build",
      abstract: "Makes a base image of Debian packages, the same for the same packages.",
      discussion: """
        RECIPE is a folder with a recipe, a recipe's file, or the name of one of the program's own recipes. It is made \
        with mmdebstrap in a user namespace; needed are a Debian mirror and ranges of subordinate ids, which root has.
        """)

    @Option(help: ArgumentHelp("What it is called, instead of the recipe's own names.", valueName: "REF"))
    var tag: String?

    @Option(
      help: ArgumentHelp(
        "A Debian mirror instead of the machine's own; one for security updates ends in -security.",
        valueName: "URL"))
    var mirror: [String] = []

    @Option(help: ArgumentHelp("Also written to a new folder, as an OCI layout.", valueName: "oci:DIR"))
    var output: String?

    @Flag(name: .shortAndLong, help: "No progress on standard error.")
    var quiet = false

    @Argument(help: ArgumentHelp("For example images/python, or python.", valueName: "RECIPE"))
    var recipe: String

    func run() throws {
      let recipe = try RecipeCatalog().recipe(at: recipe)
      var options = RecipeBuild.Options()
      options.name = try tag.map { try ImageReference($0) }
      options.mirrors = mirror
      options.environment = ProcessInfo.processInfo.environment
      if let output {
        guard output.hasPrefix("oci:"), output.utf8.count > 4 else {
          throw Failure(
            .usage, "--output \(output): of an unknown kind", remedy: "write --output oci:FOLDER")
        }
        options.output = String(output.dropFirst(4))
      }
      let interruption = try Interruption(timeoutMilliseconds: nil)
      let progress = BuildProgress(recipe.name, isQuiet: quiet, interruption)
      let build = RecipeBuild(recipe, in: try ImageCommand.store(), options)
      let result = Result { try build.run(observer: progress) }
      progress.finish()
      if interruption.isDue { throw Failure(.interrupted, "interrupted") }
      let built = try result.get()
      for reference in built.references {
        StandardStream.standardOutput("\(reference.familiar) \(built.digest)\n")
      }
    }
  }

  /// `preflight image sbom`: the packages of an image.
  struct BillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sbom", abstract: "Shows the Debian packages of an image, as SPDX 2.3 in JSON.")

    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    func run() throws {
      let store = try ImageCommand.store()
      let bytes = try BillOfMaterials.document(of: try ImageCommand.image(image, in: store), in: store)
      StandardStream.standardOutput(String(decoding: bytes, as: UTF8.self))
    }
  }
}
