import Foundation
import Isolate
import TestSupport

extension EmulatedMachine {
  /// What every script begins with: a bundle for each configuration, whose root is busybox and a file /etc/secret.
  private static let preparation = """
    isolate() { /payload/isolate --root /run/store "$@"; }
    cd /tmp
    mkdir -p rootfs/bin rootfs/etc
    cp /bin/busybox rootfs/bin
    for a in sh cat ls grep sleep echo; do ln -s busybox rootfs/bin/$a; done
    echo hidden >rootfs/etc/secret
    for f in /payload/*.json; do
      name=$(basename $f .json)
      mkdir $name && cp $f $name/config.json
    done

    """

  /// Boots the machine, and runs a script in it that has `isolate` and a bundle for each configuration.
  static func isolate(
    _ feature: Feature, _ script: String, _ specs: [String: RuntimeSpec]
  ) async throws -> Outcome {
    let payload = try TemporaryDirectory()
    try FileManager.default.copyItem(atPath: Program.isolate.path, toPath: payload.path("isolate"))
    for (name, spec) in specs {
      let text = String(decoding: JSONWriter.write(spec.json), as: UTF8.self)
      try payload.write(text, to: "\(name).json")
    }
    try payload.write(preparation + script, to: "run")
    return try await run(feature, payload: payload.path)
  }

  /// A configuration for that root, whose payload is a line of its shell.
  static func spec(_ line: String, _ change: (inout RuntimeSpec) -> Void) -> RuntimeSpec {
    var spec = RuntimeSpec.standard(rootPath: "/tmp/rootfs", args: ["sh", "-c", line])
    spec.root.readonly = false
    change(&spec)
    return spec
  }
}

extension MachineRequirement {
  /// The release build of `isolate`, which runs without libraries.
  static let staticProgram = MachineRequirement("a static program") {
    guard let contents = try? Data(contentsOf: URL(filePath: Program.isolate.path)) else {
      return "there is no \(Program.isolate.path)"
    }
    return contents.range(of: Data("/ld-linux".utf8)) == nil ? nil : "\(Program.isolate.path) is not static"
  }
}
