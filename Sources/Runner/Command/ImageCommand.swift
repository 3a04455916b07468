import ArgumentParser
import Execution
import Formats
import FoundationEssentials
import Glibc
import Images
import Isolate
import Sandbox

/// `preflight image`: the image store.
struct ImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image", abstract: "Keeps the images that checks run on.",
    subcommands: [
      ImagePullCommand.self, ImageImportCommand.self, ImageExportCommand.self, ImageListCommand.self,
      ImageInspectCommand.self, ImageRemoveCommand.self, ImagePruneCommand.self, ImageVerifyCommand.self,
      ImageLoginCommand.self, ImageLogoutCommand.self,
      BuildCommand.self, BillCommand.self,
    ])

  /// The store of the caller.
  static func store() throws -> ImageStore {
    let environment = ProcessInfo.processInfo.environment
    return try ImageStore(
      path: "\(StateDirectory(environment: environment).path)/images",
      limits: ExtractionLimits(environment: environment))
  }

  /// Fetches and builds images with progress on standard error. When `interruption` asks for an end meanwhile, nothing
  /// half made is left, `ending` is told why, and the process ends.
  static func supply(
    isQuiet: Bool, _ interruption: Interruption, ending: @escaping @Sendable (Failure) -> Void = { _ in }
  ) -> ImageSupply {
    let environment = ProcessInfo.processInfo.environment
    return ImageSupply { store, reference throws(Failure) in
      let progress = isQuiet ? nil : PullProgress()
      let puller = ImagePuller(store, environment: environment)
      let pull = { () throws(Failure) in _ = try puller.pull(reference, observer: progress) }
      let result = Result { () throws(Failure) in
        try interruption.watching(pull) { error in
          store.abandon()
          progress?.finish()
          ending(error)
          Complaint.tell(error)
          _exit(error.exitStatus.rawValue)
        }
      }
      progress?.finish()
      try result.get()
    } build: { store, recipe throws(Failure) in
      var options = RecipeBuild.Options()
      options.environment = environment
      let progress = BuildProgress(recipe.name, isQuiet: isQuiet, interruption)
      let result = Result { () throws(Failure) in
        try RecipeBuild(recipe, in: store, options).run(observer: progress)
      }
      progress.finish()
      _ = try result.get()
    }
  }

  /// An image that must be there.
  static func image(_ name: String, in store: ImageStore) throws -> ImageStore.Image {
    let reference = try ImageReference(name)
    let registries = try RegistriesConfiguration(environment: ProcessInfo.processInfo.environment)
    // A short name is what a pull would make of it; images that were imported are written without a registry too.
    let candidates =
      ((try? registries.candidates(name)) ?? []) + [reference, reference.local].compactMap { $0 }
    for candidate in candidates {
      if let image = try store.image(candidate) { return image }
    }
    throw Failure(
      .usage, "\(reference.familiar): no such image in the store",
      remedy: "preflight image list shows those that are there")
  }
}

/// How lists are written.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}
