import BaseImages
import Glibc
import Isolate

/// The recipes at hand: those that are inside the program, so that it finds them wherever it is copied to.
package struct RecipeCatalog: Sendable {
  package let recipes: [Recipe]

  /// The program's own recipes.
  ///
  /// - Throws: `ImageError` when one of them is wrong, which its test excludes.
  package init() throws(ImageError) {
    var recipes: [Recipe] = []
    for (name, bytes) in BaseImages.recipes {
      recipes.append(try Recipe(String(decoding: bytes, as: UTF8.self), of: "\(name).recipe"))
    }
    self.recipes = recipes
  }

  package init(_ recipes: [Recipe]) { self.recipes = recipes }

  /// The recipe that a caller names: a folder with one, its file, or the name of one of the program's own.
  ///
  /// - Throws: `ImageError` when there is none, or it is wrong.
  package func recipe(at place: String) throws(ImageError) -> Recipe {
    var file = place
    if let names = try? Files.names(in: place) {
      let found = names.filter { $0.hasSuffix(".recipe") }
      guard let name = found.first, found.count == 1 else {
        throw ImageError(
          .usage, "\(place): has \(found.count) files that end in .recipe", remedy: "name the file itself")
      }
      file = "\(place)/\(name)"
    } else if !Files.exists(place), let own = recipes.first(where: { $0.name == place }) {
      return own
    }
    let bytes: [UInt8]
    do { bytes = try Files.read(file, limit: 64 << 10) } catch {
      throw ImageError(
        .usage, "\(place): no recipe there: \(error)",
        remedy: "name a folder with a recipe, or one of \(recipes.map(\.name).joined(separator: ", "))")
    }
    return try Recipe(String(decoding: bytes, as: UTF8.self), of: file)
  }

  /// The recipe whose image has a runtime ("python", "node", "go", "java", "php", "ruby", "rust") of a version, numbers
  /// with dots, or of any when it is nil.
  ///
  /// Debian has one release of each line of versions, so what is asked for more exactly than a recipe says, "3.11.7"
  /// of "3.11", is taken for that line.
  package func recipe(for ecosystem: String, version: String? = nil) -> Recipe? {
    recipes.first { recipe in
      guard let runtime = recipe.runtime, runtime.ecosystem == ecosystem else { return false }
      return version.map { Self.agree($0, runtime.version, parts: .max) } ?? true
    }
  }

  /// The image in the store that was built from a recipe and has a runtime of that version; of several the one that
  /// agrees most.
  ///
  /// The version is the one that was read from the packages of the image, not the recipe's.
  package func image(
    for ecosystem: String, version: String? = nil, in store: ImageStore
  ) throws(ImageError) -> ImageStore.Image? {
    // Of which line of versions an image is, as many parts as its recipe names say.
    func parts(_ labels: [String: String]) -> Int {
      let recipe = recipes.first { $0.name == labels[Recipe.Label.recipe] }
      return recipe?.runtime?.version.split(separator: ".").count ?? 2
    }
    let built = try store.images().images.filter { image in
      // Only what was made here: anybody can write such a label.
      guard image.reference.registry == "localhost",
        image.reference.repository.hasPrefix("\(Recipe.namespace)/"),
        let labels = image.configuration.config?.labels, labels[Recipe.Label.ecosystem] == ecosystem,
        let has = labels[Recipe.Label.version]
      else { return false }
      return version.map { Self.agree($0, has, parts: parts(labels)) } ?? true
    }
    return built.max { Self.common(version, $0) < Self.common(version, $1) }
  }

  private static func common(_ version: String?, _ image: ImageStore.Image) -> Int {
    let has = image.configuration.config?.labels?[Recipe.Label.version] ?? ""
    return zip((version ?? "").split(separator: "."), has.split(separator: ".")).prefix { $0 == $1 }.count
  }

  /// Whether two versions are the same as far as both go, at most by so many parts.
  static func agree(_ wanted: String, _ has: String, parts: Int) -> Bool {
    guard RecipeCheck.isVersion(wanted) else { return false }
    let (wanted, has) = (wanted.split(separator: "."), has.split(separator: "."))
    let count = min(parts, wanted.count, has.count)
    return wanted.prefix(count).elementsEqual(has.prefix(count))
  }
}
