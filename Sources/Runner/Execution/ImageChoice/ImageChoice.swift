import Ecosystems
package import Formats
package import Images
package import Planning
import Sandbox

/// Decides which root filesystem a check runs on, and says why.
package struct ImageChoice {
  /// The host's own files, or an image.
  package struct Decision {
    package var image: (store: ImageStore, image: ImageStore.Image)?
    package var description: Plan.Image
  }

  private let request: ImageRequest
  private let policy: PullPolicy
  private let supply: ImageSupply?
  private let storePath: String

  /// Without `supply` nothing is fetched or built, and what would be is said. The store is at `storePath`.
  package init(_ request: ImageRequest, policy: PullPolicy, supply: ImageSupply?, storePath: String) {
    self.request = request
    self.policy = policy
    self.supply = supply
    self.storePath = storePath
  }

  /// The choice for a project that was planned.
  package func decide(for plan: Plan) throws(Failure) -> Decision {
    switch request {
    case .host: return Self.host("--image host")
    case .named(let reference): return try named(reference)
    case .byDefault, .automatic: return try fitting(plan)
    }
  }

  private static func host(_ reason: String) -> Decision {
    Decision(image: nil, description: .init(reference: HostImage.reference, reason: reason))
  }

  private static func decision(
    _ store: ImageStore, _ image: ImageStore.Image, _ reason: String
  ) -> Decision {
    Decision(
      image: (store, image),
      description: .init(
        reference: image.reference.familiar, digest: "\(image.digest)", reason: reason))
  }

  /// The image of that name, fetched when it is not there and that is wanted.
  package func named(_ reference: ImageReference) throws(Failure) -> Decision {
    let store = try ImageStore(path: storePath)
    let known = policy == .always ? nil : try Self.find(reference, in: store)
    if let known { return Self.decision(store, known, "--image") }
    guard policy != .never else {
      throw Failure(
        .usage, "\(reference.familiar): no such image in the store",
        remedy: "preflight image list shows those that are there; --pull missing fetches it")
    }
    guard let supply else {
      return Decision(
        image: nil,
        description: .init(
          reference: reference.familiar,
          reason: policy == .always ? "--image; a check fetches it anew" : "--image; a check fetches it"))
    }
    try supply.pull(store, reference)
    guard let image = try Self.find(reference, in: store) else {
      throw Failure(.invalid, "\(reference.familiar) was fetched and is not there")
    }
    return Self.decision(store, image, "--image")
  }

  /// Names that were imported without a registry are written without one.
  private static func find(
    _ reference: ImageReference, in store: ImageStore
  ) throws(Failure) -> ImageStore.Image? {
    for candidate in [reference, reference.local].compactMap({ $0 }) {
      if let image = try store.image(candidate) { return image }
    }
    return nil
  }

  private func fitting(_ plan: Plan) throws(Failure) -> Decision {
    let isAutomatic = request == .automatic
    guard let ecosystem = Catalog.ecosystem(plan.ecosystem) else {
      return Self.host("nothing says which image a project of this kind needs")
    }
    let need = RuntimeNeed(ecosystem: ecosystem, request: plan.requestedRuntimeVersion)
    // Nobody who never used an image gets a store.
    guard isAutomatic || Directories.kind(of: "\(storePath)/names") != nil else {
      return Self.host("no image was asked for, and none is in the store")
    }
    let store = try ImageStore(path: storePath)
    var reasons: [String] = []
    for source in sources(store, isAutomatic: isAutomatic) {
      switch try source.offer(for: need) {
      case .image(let image, let reason): return Self.decision(store, image, reason)
      case .none(let why): reasons.append(why)
      }
    }
    return Self.host(reasons.joined(separator: "; "))
  }

  /// In the order of preference: what is there, then what can be fetched, then what can be built.
  private func sources(_ store: ImageStore, isAutomatic: Bool) -> [any ImageSource] {
    var sources: [any ImageSource] = [StoredImages(store: store)]
    if isAutomatic {
      sources.append(RegistryImages(store: store, policy: policy, pull: supply?.pull))
      sources.append(RecipeImages(store: store, policy: policy, build: supply?.build))
    }
    return sources
  }
}
