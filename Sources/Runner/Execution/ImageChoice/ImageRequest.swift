package import Formats
package import Images

/// What the command line says of the image to run in.
package enum ImageRequest: Sendable, Equatable {
  /// Nothing: one in the store that fits, else the host. Nothing is fetched or built.
  case byDefault
  /// `--image auto`: one in the store that fits, else one that is fetched or built, else the host.
  case automatic
  /// `--image host`.
  case host
  /// `--image REF`.
  case named(ImageReference)

  /// Reads the value of `--image`.
  package init(_ text: String?) throws(Failure) {
    switch text {
    case nil: self = .byDefault
    case "auto": self = .automatic
    case "host": self = .host
    case .some(let name): self = .named(try ImageReference(name))
    }
  }
}

/// `--pull`: when an image that a check or a command wants is fetched, or built.
package enum PullPolicy: String, Sendable, CaseIterable {
  case missing, always, never
}

/// What brings images into the store that are not there.
package struct ImageSupply {
  /// Fetches an image from its registry.
  package typealias Puller = (ImageStore, ImageReference) throws(Failure) -> Void
  /// Makes an image from a recipe, under the recipe's own names.
  package typealias Builder = (ImageStore, Recipe) throws(Failure) -> Void

  package var pull: Puller
  package var build: Builder

  package init(pull: @escaping Puller, build: @escaping Builder) {
    self.pull = pull
    self.build = build
  }
}
