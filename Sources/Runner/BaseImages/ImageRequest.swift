package import Images

/// What the command line says of the image to run in.
package enum ImageRequest: Sendable, Equatable {
  /// Nothing: one in the store that fits, else the host. Nothing is fetched or built.
  case byDefault
  /// `--image auto`: one in the store that fits, else one of the sources that make one, else the host.
  case automatic
  /// `--image host`.
  case host
  /// `--image REF`.
  case named(ImageReference)

  /// Reads the value of `--image`.
  package init(_ text: String?) throws(ImageError) {
    switch text {
    case nil: self = .byDefault
    case "auto": self = .automatic
    case "host": self = .host
    case .some(let name): self = .named(try ImageReference(name))
    }
  }
}

/// `--pull`: when a registry is asked for an image that a check or a command wants.
package enum PullPolicy: String, Sendable, CaseIterable {
  case missing, always, never
}

/// Fetches an image into the store.
package typealias Puller = @Sendable (ImageStore, ImageReference) throws(ImageError) -> Void
