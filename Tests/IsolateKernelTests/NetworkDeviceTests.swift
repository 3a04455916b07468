import Foundation
import Isolate
import TestSupport
import Testing

/// The host of these tests is a network namespace of their own, in which the caller is root.
@Suite("Network devices of the host", .needs(.userNamespaces, .busybox, .virtualDevices))
struct NetworkDeviceTestsAsAnyUser {
  /// Runs shell lines as root of a host with nothing but a loopback device; `$isolate` and `$bundle` are there.
  private static func onHost(_ bundle: borrowing TestBundle, _ lines: String) async throws -> Outcome {
    let unshare = try #require(Program(onPath: "unshare"))
    return try await unshare.run(
      ["--user", "--map-root-user", "--net", "--mount", "sh", "-euc", lines],
      .init(
        variables: [
          "isolate": "\(Program.isolate.path) --root \(bundle.store)", "bundle": bundle.directory.path,
          "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        ], timeLimit: .seconds(300)))
  }

  private static func write(
    _ bundle: borrowing TestBundle, _ line: String, _ devices: [String: String?],
    _ change: (inout RuntimeSpec) -> Void = { _ in }
  ) throws {
    try FileManager.default.createSymbolicLink(
      atPath: bundle.directory.path("rootfs/bin/ip"), withDestinationPath: "busybox")
    var spec = bundle.shell(line)
    for (name, inside) in devices { spec.linux.netDevices[name] = .init(name: inside) }
    spec.linux.uidMappings = []
    spec.linux.gidMappings = []
    change(&spec)
    try bundle.writeConfiguration(spec)
  }

  private static let device = """
    ip link add dum type veth peer name far
    ip link set far up
    ip link set dum address 02:00:00:00:00:07 mtu 1400
    ip address add 10.9.8.7/24 broadcast 10.9.8.255 dev dum
    ip address add 10.9.8.9/32 peer 10.9.9.9 dev dum
    ip address add fd00::7/64 dev dum
    ip address add 10.9.7.7/24 scope link dev dum
    ip address add fd00::8/64 valid_lft 1000 preferred_lft 1000 dev dum

    """

  @Test(
    "are there under their new name, up, with their permanent global addresses and their other properties, and not on the host"
  )
  func moved() async throws {
    let bundle = try TestBundle()
    try Self.write(bundle, "ip address show dev eth7; ip route", ["dum": "eth7"])
    let outcome = try await Self.onHost(
      bundle,
      Self.device
        + "$isolate run --bundle $bundle c; while [ $(ip -o link | wc -l) != 1 ]; do sleep 0.05; done; echo 1"
    )
    let text = outcome.output
    #expect(outcome.succeeded, "\(outcome)")
    #expect(text.contains("eth7@") && text.contains(",UP") && text.contains("mtu 1400"), "\(outcome)")
    #expect(text.contains("02:00:00:00:00:07"))
    #expect(text.contains("inet 10.9.8.7/24 brd 10.9.8.255 scope global"), "\(outcome)")
    #expect(text.contains("inet 10.9.8.9 peer 10.9.9.9/32 scope global"), "\(outcome)")
    #expect(text.contains("inet6 fd00::7/64") && text.contains("10.9.8.0/24 dev eth7"), "\(outcome)")
    #expect(!text.contains("10.9.7.7") && !text.contains("fd00::8"), "\(outcome)")
    // A virtual device ends with the container's namespace: only the loopback device is left.
    #expect(text.hasSuffix("\n1\n"), "\(outcome)")
  }

  @Test("keep their name where no other is given, and get the first free number for a template")
  func names() async throws {
    let bundle = try TestBundle()
    try Self.write(
      bundle, "ip -o link | cut -d ' ' -f 2 | cut -d @ -f 1 | cut -d : -f 1 | sort | tr '\\n' ' '",
      ["dum": nil, "dev-a": "net%d", "dev-b": "net%d"])
    let outcome = try await Self.onHost(
      bundle,
      "for d in dum dev-a dev-b; do ip link add $d type veth peer name far-$d; done; $isolate run --bundle $bundle c"
    )
    #expect(outcome.output == "dum lo net0 net1 ", "\(outcome)")
  }

  @Test("go before the first hook is run, and end with delete --force")
  func hooksAndDelete() async throws {
    let bundle = try TestBundle()
    try Self.write(bundle, "sleep 1000", ["dum": nil]) { spec in
      spec.hooks.createRuntime = [
        .init(
          path: "/bin/sh", args: ["sh", "-c", "! ip link show dum 2>/dev/null"],
          env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
      ]
    }
    let outcome = try await Self.onHost(
      bundle,
      Self.device + """
        $isolate create --bundle $bundle c >/dev/null
        ! ip link show dum 2>/dev/null
        $isolate start c; $isolate delete --force c
        ! ip link show dum 2>/dev/null
        echo gone
        """)
    #expect(outcome.output == "gone\n" && outcome.succeeded, "\(outcome)")
  }

  @Test(
    "come back as they were where the container does not come to be",
    arguments: ["device", "hook", "program"])
  func givenBack(what: String) async throws {
    let bundle = try TestBundle()
    let devices = what == "device" ? ["dum": "eth0", "zz-absent": nil] : ["dum": "eth0"]
    try Self.write(bundle, "true", devices) { spec in
      if what == "hook" { spec.hooks.createRuntime = [.init(path: "/bin/false")] }
      if what == "program" { spec.process?.args = ["/no/such/program"] }
    }
    let outcome = try await Self.onHost(
      bundle,
      Self.device + """
        ip -o address show dev dum scope global permanent | tr -s ' ' | cut -d ' ' -f 2-8 | sort >$bundle/before
        $isolate run --bundle $bundle c || echo failed
        ip -o address show dev dum scope global permanent | tr -s ' ' | cut -d ' ' -f 2-8 | sort | diff $bundle/before - && echo same
        ip -o link show dum | grep -c ',UP' || true
        """)
    #expect(outcome.output == "failed\nsame\n0\n", "\(outcome)")
    #expect(
      outcome.errorOutput.contains(
        what == "device" ? "linux.netDevices.zz-absent: the host has no such" : "isolate: "), "\(outcome)")
  }

  @Test("that are missing, or whose name is taken, are refused by their path")
  func refused() async throws {
    let bundle = try TestBundle()
    try Self.write(bundle, "true", ["dum": "eth0"]) { spec in
      for index in spec.linux.namespaces.indices where spec.linux.namespaces[index].type == "network" {
        spec.linux.namespaces[index].path = "/proc/PROCESS/ns/net"
      }
      spec.linux.namespaces.removeAll { $0.type == "user" }
      spec.mounts.removeAll { $0.type == "sysfs" }
    }
    let missing = try await Self.onHost(
      bundle, "sed -i 's#/proc/PROCESS#/proc/self#' $bundle/config.json; $isolate run --bundle $bundle c")
    #expect(
      missing.errorOutput.contains("linux.netDevices: the container's network namespace is the caller's own"),
      "\(missing)")
    try FileManager.default.removeItem(atPath: bundle.directory.path("rootfs/bin/ip"))
    try Self.write(bundle, "true", ["dum": "eth0"]) { spec in
      for index in spec.linux.namespaces.indices where spec.linux.namespaces[index].type == "network" {
        spec.linux.namespaces[index].path = "/proc/PROCESS/ns/net"
      }
      spec.linux.namespaces.removeAll { $0.type == "user" }
      spec.mounts.removeAll { $0.type == "sysfs" }
    }
    let taken = try await Self.onHost(
      bundle,
      """
      unshare --net sh -c 'ip link add eth0 type veth peer name far; >made; exec sleep 1000' &
      holder=$!; trap 'kill $holder' EXIT
      while ! [ -e made ]; do sleep 0.05; done
      sed -i "s#PROCESS#$holder#" $bundle/config.json
      ip link add dum type veth peer name far
      $isolate run --bundle $bundle c || ip -o link show dum
      ip link del dum
      $isolate run --bundle $bundle c || true
      """.replacing("made", with: bundle.directory.path("made")))
    let lines = taken.errorOutput.split(separator: "\n")
    #expect(taken.output.contains("dum@far: "), "\(taken)")
    #expect(
      lines.first?.contains(
        "linux.netDevices.dum: the container's network namespace has a device eth0 already") == true,
      "\(taken)")
    #expect(
      lines.last?.contains("linux.netDevices.dum: the host has no such network device") == true, "\(taken)")
  }
}

@Suite(
  "Network devices of the host, for an unprivileged user,", .needs(.unprivileged, .userNamespaces, .busybox))
struct NetworkDeviceTests {
  @Test("are refused with the path and what it takes")
  func refused() async throws {
    let bundle = try TestBundle()
    let devices = try FileManager.default.contentsOfDirectory(atPath: "/sys/class/net")
    guard let name = devices.sorted().first(where: { $0 != "lo" && $0 != "bonding_masters" }) else {
      try Test.cancel("needs a network device beside lo")
    }
    var spec = bundle.shell("true")
    spec.linux.netDevices[name] = .init(name: "eth99")
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1)
    #expect(outcome.errorOutput.contains("config.json: linux.netDevices.\(name): "), "\(outcome)")
    #expect(outcome.errorOutput.contains("CAP_NET_ADMIN"), "\(outcome)")
    #expect(FileManager.default.fileExists(atPath: "/sys/class/net/\(name)"))
  }
}

extension MachineRequirement {
  /// ip(8), and a kernel with devices that need no hardware.
  static let virtualDevices = MachineRequirement("virtual network devices") {
    guard let unshare = Program(onPath: "unshare") else { return "no unshare on PATH" }
    let outcome = try? await unshare.run(
      [
        "--user", "--map-root-user", "--net", "sh", "-c",
        "PATH=/usr/sbin:/sbin:$PATH; ip link add x type veth peer name y",
      ],
      .init(timeLimit: .seconds(30)))
    guard let outcome else { return "unshare cannot be run" }
    return outcome.succeeded ? nil : "ip link add type veth: \(outcome.errorOutput)"
  }
}
