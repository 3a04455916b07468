import Planning

/// Finds the version of Node that a project asks for.
extension RuntimeVersion {
  /// Node's: `engines.node`, `.nvmrc`, `.node-version`, `.tool-versions`, `volta.node`, the Dockerfile.
  static func node(in snapshot: ProjectSnapshot, manifest: PackageManifest?) -> Plan.RuntimeRequest? {
    if let engine = manifest?.nodeEngine {
      return Plan.RuntimeRequest(version: engine, source: "package.json engines.node")
    }
    for file in [".nvmrc", ".node-version"] {
      if let version = firstLine(of: file, in: snapshot) {
        return Plan.RuntimeRequest(version: withoutPrefix("v", version), source: file)
      }
    }
    if let version = toolVersion(["nodejs", "node"], in: snapshot) { return version }
    if let version = manifest?.voltaNode {
      return Plan.RuntimeRequest(version: version, source: "package.json volta.node")
    }
    return baseImage("node", in: snapshot)
  }
}
