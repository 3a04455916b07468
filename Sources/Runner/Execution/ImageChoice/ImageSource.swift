import Analysis
import Formats
import Images
import Planning
import Sandbox

/// Where an image for a project may come from; the list of them in `ImageChoice` is the order in which they are asked.
protocol ImageSource {
  /// The image that fits, or why there is none.
  func offer(for need: RuntimeNeed) throws(Failure) -> ImageOffer
}

/// What a source says.
enum ImageOffer {
  case image(ImageStore.Image, reason: String)
  case none(why: String)
}

/// What a project needs of an image.
struct RuntimeNeed {
  var ecosystem: any Ecosystem
  var request: Plan.RuntimeRequest?

  /// "Python 3.11 (.python-version)".
  var displayed: String {
    let name = ecosystem.advice.name
    return request.map { "\(name) \($0.version) (\($0.source))" } ?? name
  }

  /// The name of the image that everybody gives this ecosystem's interpreter.
  var imageName: String { ecosystem.toolchain.image.name }

  /// Whether an image has what is needed, as far as it says.
  func isMet(by image: ImageStore.Image) -> Bool {
    guard let version = version(in: image) else { return false }
    return request?.accepts(version) ?? true
  }

  /// The version of the interpreter in an image: its own variable, which official images and ours set, else the tag of
  /// one that is named after it. Untrusted: it decides only which image is taken.
  func version(in image: ImageStore.Image) -> String? {
    let variable = ecosystem.toolchain.image.versionVariable
    if let version = (try? ImageRunSettings(image.configuration.config))?.environment[variable],
      Self.isVersion(version)
    {
      return version
    }
    guard image.reference.repository.split(separator: "/").last.map(String.init) == imageName else {
      return nil
    }
    let version = String(
      (image.reference.tag ?? "").prefix { $0.isASCII && ($0.isNumber || $0 == ".") })
    return Self.isVersion(version) ? version : nil
  }

  private static func isVersion(_ text: String) -> Bool {
    text.utf8.count < 40
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { Int($0) != nil }
  }
}

/// Images that are in the store, the newest interpreter first.
struct StoredImages: ImageSource {
  let store: ImageStore

  func offer(for need: RuntimeNeed) throws(Failure) -> ImageOffer {
    let images = try store.images().images
    let fitting = images.filter {
      $0.configuration.architecture == Platform.host.architecture && need.isMet(by: $0)
    }
    let best = fitting.max { left, right in
      Self.numbers(need.version(in: left)).lexicographicallyPrecedes(Self.numbers(need.version(in: right)))
    }
    guard let best, let version = need.version(in: best) else {
      return .none(why: "no image in the store has \(need.displayed)")
    }
    let source = need.request.map { ", for \($0.source) asks for \($0.version)" } ?? ""
    return .image(best, reason: "in the store, with \(need.imageName) \(version)\(source)")
  }

  private static func numbers(_ version: String?) -> [Int] {
    (version ?? "").split(separator: ".").compactMap { Int($0) }
  }
}

extension RuntimeNeed {
  /// What a source has to offer once it was asked. What keeps us from it is no reason to stop before the next.
  fileprivate func offer(
    of name: String, because: String, unless refusal: String = "",
    _ ask: () throws(Failure) -> ImageStore.Image?
  ) -> ImageOffer {
    do throws(Failure) {
      guard let image = try ask(), isMet(by: image) else {
        return .none(why: "\(name) does not have \(displayed)")
      }
      return .image(image, reason: "\(because), for \(displayed)")
    } catch { return .none(why: refusal + error.message) }
  }
}

/// The images that a registry has of the interpreter.
struct RegistryImages: ImageSource {
  let store: ImageStore
  let policy: PullPolicy
  let pull: ImageSupply.Puller?

  func offer(for need: RuntimeNeed) throws(Failure) -> ImageOffer {
    guard policy != .never else { return .none(why: "no registry was asked (--pull never)") }
    let name = "docker.io/library/\(need.imageName):\(tag(for: need))"
    guard let pull else { return .none(why: "\(name) was not asked for") }
    return need.offer(of: name, because: "from its registry") { () throws(Failure) in
      let reference = try ImageReference(name)
      try pull(store, reference)
      return try store.image(reference)
    }
  }

  /// "3.11-slim" for "3.11.7"; the newest for a range, which is then looked at.
  private func tag(for need: RuntimeNeed) -> String {
    let version = need.request?.version ?? ""
    let isPlain = !version.isEmpty && version.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard isPlain else { return need.ecosystem.toolchain.image.newestTag }
    return "\(version)-slim"
  }
}

/// The images that the program's own recipes make of Debian's packages.
struct RecipeImages: ImageSource {
  let store: ImageStore
  let policy: PullPolicy
  let build: ImageSupply.Builder?

  func offer(for need: RuntimeNeed) throws(Failure) -> ImageOffer {
    let recipes = try RecipeCatalog().recipes
    let runtimes = recipes.compactMap { recipe in
      recipe.runtime.flatMap { $0.ecosystem == need.ecosystem.id.rawValue ? (recipe, $0.version) : nil }
    }
    guard let (recipe, version) = runtimes.first(where: { need.request?.accepts($0.1) ?? true }) else {
      let known = runtimes.map { "\($0.0.name) \($0.1)" }.joined(separator: ", ")
      return .none(why: "no recipe gives \(need.displayed)\(known.isEmpty ? "" : ", only \(known)")")
    }
    let told = "the recipe \(recipe.name) \(version)"
    guard policy != .never else { return .none(why: "\(told) was not built (--pull never)") }
    guard let build else { return .none(why: "\(told) was not built") }
    return need.offer(of: told, because: "built from \(told)", unless: "\(told) could not be built: ") {
      () throws(Failure) in
      try build(store, recipe)
      return try store.image(recipe.reference(tag: recipe.tags[0]))
    }
  }
}
