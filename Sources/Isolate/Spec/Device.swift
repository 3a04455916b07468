import Glibc

extension RuntimeSpec {
  /// A device node of the container (config-linux.md, "Devices"; mknod(2)).
  public struct Device: Sendable, Equatable {
    public var path: String
    /// "c" or "u" for a character device, "b" for a block device, "p" for a FIFO.
    public var type: String
    public var major: UInt32
    public var minor: UInt32
    /// The permission bits.
    public var fileMode: UInt32
    /// Owner and group inside the container.
    public var uid: UInt32
    public var gid: UInt32

    public init(
      path: String, type: String, major: UInt32 = 0, minor: UInt32 = 0, fileMode: UInt32 = 0o666,
      uid: UInt32 = 0, gid: UInt32 = 0
    ) {
      self.path = path
      self.type = type
      self.major = major
      self.minor = minor
      self.fileMode = fileMode
      self.uid = uid
      self.gid = gid
    }

    /// The character devices that every container has (config-linux.md, "Default Devices").
    static let defaults: [(name: String, major: UInt32, minor: UInt32)] = [
      ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]

    /// Type and permission bits as inode(7) has them.
    var mode: UInt32 { (Self.fileTypes[type] ?? 0) | fileMode }

    fileprivate static let fileTypes: [String: UInt32] = [
      "c": S_IFCHR, "u": S_IFCHR, "b": S_IFBLK, "p": S_IFIFO,
    ]
  }

  /// Which devices a container may open or make (config-linux.md, "Allowed Device list").
  public struct DeviceRule: Sendable, Equatable {
    public var isAllowed: Bool
    /// "c" or "b"; nil is both.
    public var type: String?
    /// nil is any.
    public var major: UInt32?
    /// nil is any.
    public var minor: UInt32?
    /// Of the letters r, w and m (mknod).
    public var access: String

    public init(
      isAllowed: Bool, type: String? = nil, major: UInt32? = nil, minor: UInt32? = nil,
      access: String = "rwm"
    ) {
      self.isAllowed = isAllowed
      self.type = type
      self.major = major
      self.minor = minor
      self.access = access
    }
  }
}

extension RuntimeSpec.Device {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init(path: try decoder.required("path"), type: try decoder.required("type"))
    guard Self.fileTypes[type] != nil else {
      throw SpecError(path: "\(decoder.path).type", message: "\"\(type)\" is none of c, u, b and p")
    }
    for key in ["major", "minor"] where type != "p" && decoder.member(key) == nil {
      throw SpecError(path: "\(decoder.path).\(key)", message: "is missing")
    }
    major = try decoder.identifier("major") ?? 0
    minor = try decoder.identifier("minor") ?? 0
    fileMode = try decoder.identifier("fileMode") ?? 0o666
    // Some write the file's type as well (inode(7)).
    if fileMode & S_IFMT == Self.fileTypes[type] { fileMode &= ~S_IFMT }
    guard fileMode <= 0o7777 else {
      throw SpecError(path: "\(decoder.path).fileMode", message: "\(fileMode) holds more than permissions")
    }
    uid = try decoder.identifier("uid") ?? 0
    gid = try decoder.identifier("gid") ?? 0
    guard path.hasPrefix("/") else {
      throw SpecError(path: "\(decoder.path).path", message: "\"\(path)\" is not absolute")
    }
    // A node is no folder: a slash behind its name says nothing.
    if let short = MountDestination.shortened(path) { path = short }
  }

  var json: JSONValue {
    var members = SpecEncoder()
    members.add("path", .string(path))
    members.add("type", .string(type))
    if type != "p" {
      members.add("major", number: UInt64(major))
      members.add("minor", number: UInt64(minor))
    }
    members.add("fileMode", number: UInt64(fileMode))
    members.add("uid", number: UInt64(uid))
    members.add("gid", number: UInt64(gid))
    return members.object
  }
}

extension RuntimeSpec.DeviceRule {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    guard let isAllowed = try decoder.bool("allow") else {
      throw SpecError(path: "\(decoder.path).allow", message: "is missing")
    }
    self.init(isAllowed: isAllowed)
    switch try decoder.string("type") {
    case nil, "", "a": type = nil
    case "u": type = "c"
    case let given?:
      guard given == "c" || given == "b" else {
        throw SpecError(path: "\(decoder.path).type", message: "\"\(given)\" is none of a, b and c")
      }
      type = given
    }
    major = try Self.number("major", decoder)
    minor = try Self.number("minor", decoder)
    if let letters = try decoder.string("access"), !letters.isEmpty { access = letters }
    guard access.allSatisfy("rwm".contains) else {
      throw SpecError(
        path: "\(decoder.path).access", message: "\"\(access)\" holds other letters than r, w and m")
    }
  }

  /// -1 is any, as runc and crun have it.
  private static func number(_ key: String, _ decoder: SpecDecoder) throws(SpecError) -> UInt32? {
    if decoder.member(key) == .integer(-1) { return nil }
    guard let number = try decoder.identifier(key) else { return nil }
    guard number <= UInt32(Int32.max) else {
      throw SpecError(path: "\(decoder.path).\(key)", message: "\(number) is no device's number")
    }
    return number
  }

  var json: JSONValue {
    var members = SpecEncoder()
    members.add("allow", .bool(isAllowed))
    members.add("type", type.map(JSONValue.string))
    members.add("major", number: major.map(UInt64.init))
    members.add("minor", number: minor.map(UInt64.init))
    members.add("access", .string(access))
    return members.object
  }
}
