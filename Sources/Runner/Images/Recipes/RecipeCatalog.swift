import BaseImages
package import Formats
import Glibc
import Isolate

/// The recipes at hand: those that are inside the program, so that it finds them wherever it is copied to.
package struct RecipeCatalog: Sendable {
  package let recipes: [Recipe]

  /// The program's own recipes.
  ///
  /// - Throws: `Failure` when one of them is wrong, which its test excludes.
  package init() throws(Failure) {
    var recipes: [Recipe] = []
    for (name, bytes) in BaseImages.recipes {
      recipes.append(try Recipe(String(decoding: bytes, as: UTF8.self), of: "\(name).recipe"))
    }
    self.recipes = recipes
  }

  package init(_ recipes: [Recipe]) { self.recipes = recipes }

  /// The recipe that a caller names: a folder with one, its file, or the name of one of the program's own.
  ///
  /// - Throws: `Failure` when there is none, or it is wrong.
  package func recipe(at place: String) throws(Failure) -> Recipe {
    var file = place
    if let names = try? Files.names(in: place) {
      let found = names.filter { $0.hasSuffix(".recipe") }
      guard let name = found.first, found.count == 1 else {
        throw Failure(
          .usage, "\(place): has \(found.count) files that end in .recipe", remedy: "name the file itself")
      }
      file = "\(place)/\(name)"
    } else if !Files.exists(place), let own = recipes.first(where: { $0.name == place }) {
      return own
    }
    let bytes = try SystemError.caught(try Files.read(file, limit: 64 << 10)) {
      Failure(
        .usage, "\(place): no recipe there: \($0)",
        remedy: "name a folder with a recipe, or one of \(recipes.map(\.name).joined(separator: ", "))")
    }
    return try Recipe(String(decoding: bytes, as: UTF8.self), of: file)
  }
}
