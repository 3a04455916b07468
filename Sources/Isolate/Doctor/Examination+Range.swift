import Glibc

extension Examination {
  /// A range of ids, mapped for real into a namespace that ends with the attempt.
  static func range(hasNamespace: Bool) -> Ability {
    var ability = Ability(
      id: "id-range", what: "a range of user ids", gain: "several users within a container", level: 6)
    let maps: IDMaps
    switch knownMaps() {
    case .success(let found): maps = found
    case .failure(let missing):
      ability.isMissing(missing.cause)
      return ability
    }
    guard hasNamespace else {
      ability.isMissing(nil, evidence: "not tried: it takes a user namespace; \(maps.origin)")
      return ability
    }
    do throws(IsolateError) {
      _ = try HeldUserNamespace(users: maps.users, groups: maps.groups)
      ability.evidence = maps.origin
    } catch {
      let cause = Self.cause(ofMaps: error)
      ability.isMissing(cause, evidence: cause.id == "id-range-refused" ? cause.why : error.description)
    }
    return ability
  }

  private struct IDMaps {
    var users, groups: [RuntimeSpec.IDMapping]
    /// Whose they are.
    var origin: String
  }

  private struct Missing: Error { var cause: HostCause }

  /// What the caller may map as far as can be seen without doing it.
  private static func knownMaps() -> Result<IDMaps, Missing> {
    func missing(_ cause: HostCause) -> Result<IDMaps, Missing> { .failure(Missing(cause: cause)) }
    if !Surroundings.hasProc { return missing(.noProc) }
    if !UserNamespace.callerIsHostRoot, UserNamespace.mappedCount <= 1 { return missing(.singleID) }
    if getuid() == 0 {
      guard let user = UserNamespace.otherThanRoot(in: "/proc/self/uid_map"),
        let group = UserNamespace.otherThanRoot(in: "/proc/self/gid_map")
      else { return missing(.singleID) }
      func maps(_ other: UInt32) -> [RuntimeSpec.IDMapping] {
        [.init(containerID: 0, hostID: 0, size: 1), .init(containerID: 1, hostID: other, size: 1)]
      }
      let origin =
        UserNamespace.callerIsHostRoot
        ? "the caller is root, who maps any"
        : "the caller's user namespace has \(UserNamespace.mappedCount) ids"
      return .success(IDMaps(users: maps(user), groups: maps(group), origin: origin))
    }
    if let cause = Surroundings.helperCause("newuidmap") ?? Surroundings.helperCause("newgidmap") {
      return missing(cause)
    }
    let name = SubordinateIDs.userName(of: getuid()) ?? "\(getuid())"
    guard let ids = SubordinateIDs.ofCaller() else { return missing(.noRange(name)) }
    let (users, groups) = ids.mappings(
      userID: UserNamespace.callersUser, groupID: UserNamespace.callersGroup)
    return .success(
      IDMaps(
        users: users, groups: groups,
        origin: "/etc/subuid gives \(name) \(ids.uidCount) from \(ids.uidStart) on"))
  }

  private static func cause(ofMaps error: IsolateError) -> HostCause {
    switch error {
    case .unavailable(_, let why, let remedy):
      return HostCause("id-range-refused", why, [("host", remedy)])
    case .system(let error):
      if error.code == EROFS { return .readOnlyProc }
      return Surroundings.identifierMapCause ?? refusal(error.call, error.code)
    default: return HostCause("id-range-refused", error.description, [])
    }
  }
}
