import Foundation
import Glibc
public import Testing

/// Something of the machine that a test cannot do without: `@Test(.needs(.userNamespaces))`.
///
/// Each requirement is a real attempt, made once per run and only if a test that needs it is about to run.
/// Where it fails the test is skipped, and the skip says what was tried and what came of it.
public struct MachineRequirement: Sendable {
  let name: String
  let unmet: @Sendable () async -> String?

  /// A requirement with a name and an attempt, which returns why the requirement is not met, or `nil`.
  public init(_ name: String, unmet: @escaping @Sendable () async -> String?) {
    self.name = name
    self.unmet = unmet
  }

  /// The caller is root. Put `AsRoot` into the test's name: `scripts/test` selects its run as root by it.
  public static let root = MachineRequirement("root") { geteuid() == 0 ? nil : "runs as uid \(geteuid())" }

  /// The caller is not root.
  public static let unprivileged = MachineRequirement("an unprivileged user") {
    geteuid() == 0 ? "runs as root" : nil
  }

  /// All tests are wanted: also those that take minutes, and of which others show most.
  public static let allTests = MachineRequirement("scripts/test --all") {
    ProcessInfo.processInfo.environment["ISOLATE_TEST_ALL"] == nil ? "takes minutes" : nil
  }

  /// The kernel lets the caller make user and mount namespaces.
  public static let userNamespaces = attempt(
    "user namespaces", "unshare", ["--user", "--map-root-user", "--mount", "true"])

  /// The caller has ranges in /etc/subuid and /etc/subgid, and newuidmap and newgidmap may write them.
  public static let subordinateIDs = attempt(
    "subordinate ids", "unshare", ["--user", "--map-root-user", "--map-auto", "true"])

  /// More ids than one to map: those of root, or subordinate ones.
  public static let idRange = MachineRequirement("a range of ids") {
    geteuid() == 0 ? nil : await subordinateIDs.unmet()
  }

  /// Tests/Harness/uml-run starts a User-Mode Linux kernel.
  public static let kernelMachine = MachineRequirement("a User-Mode Linux kernel") {
    await failure(of: Program(path: KernelMachine.harness), ["--time", "60", "true"])
  }

  /// The same with systemd in it.
  public static let systemd = MachineRequirement("a User-Mode Linux kernel with systemd") {
    await failure(
      of: Program(path: KernelMachine.harness),
      ["--time", "60", "--systemd", "--user", "test -S $XDG_RUNTIME_DIR/bus"])
  }

  /// A Python 3 with the modules that make virtual environments.
  public static let python = attempt("python3 with venv", "python3", ["-c", "import ensurepip, venv"])

  /// Another runtime, and container engines that drive ours (Debian packages of these names).
  public static let crun = attempt("crun", "crun", ["--version"])
  public static let podman = attempt("podman", "podman", ["--version"])
  public static let buildah = attempt("buildah", "buildah", ["--version"])
  public static let containerd = attempt("containerd", "containerd", ["--version"])

  /// runc or crun runs containers as other engines' usual ones, which takes root (Tests/Harness/other-container).
  public static let otherContainers = MachineRequirement("containers as Docker's, of runc or crun") {
    if geteuid() != 0 { return "runs as uid \(geteuid())" }
    return await failure(
      of: Program(path: Repository.path("Tests", "Harness", "other-container")), ["docker", "--", "true"])
  }

  /// GNU tar.
  public static let gnuTar = attempt("GNU tar", "tar", ["--sparse", "--version"])

  /// libarchive's tar, and other programs that unpack images (Debian packages libarchive-tools, umoci).
  public static let bsdTar = attempt("bsdtar", "bsdtar", ["--version"])
  public static let umoci = attempt("umoci", "umoci", ["--version"])

  /// Makes certificates.
  public static let openssl = attempt("openssl", "openssl", ["version"])

  /// A Debian mirror answers, and mmdebstrap can make roots of what it has without root.
  public static let debianBootstrap = attempt(
    "mmdebstrap and a Debian mirror", "mmdebstrap",
    ["--quiet", "--mode=unshare", "--variant=custom", "--simulate", "bookworm", "/dev/null"])

  /// fuse-overlayfs(1) mounts in a user namespace: /dev/fuse may be opened.
  public static let fuseOverlay = attempt(
    "fuse-overlayfs", "unshare",
    [
      "--user", "--map-root-user", "--mount", "sh", "-c",
      """
      d=$(mktemp -d) && cd "$d" && mkdir l u w m &&
        fuse-overlayfs -o "lowerdir=$d/l,upperdir=$d/u,workdir=$d/w" "$d/m" && umount m
      status=$?
      cd / && rm -rf "$d"
      exit $status
      """,
    ])

  /// A program that compresses.
  public static let gzip = attempt("gzip", "gzip", ["--version"])

  /// A registry, and a program that pushes images to it (Debian packages of these names).
  public static let registry = attempt("docker-registry", "docker-registry", ["--version"])
  public static let skopeo = attempt("skopeo", "skopeo", ["--version"])

  /// A browser that Tests/Harness/open-page can steer (Debian package chromium).
  public static let chromium = attempt("chromium", "chromium", ["--version"])

  /// Node.js.
  public static let node = attempt("node", "node", ["--version"])

  /// Go's toolchain (Debian package golang-go).
  public static let go = attempt("go", "go", ["version"])

  /// The Python package index answers, through whatever proxy and certificates the environment names.
  public static let network = attempt(
    "the Python package index", "python3",
    [
      "-c",
      """
      import os, urllib.request
      index = os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_INDEX_URL") or "https://pypi.org/simple"
      urllib.request.urlopen(index.rstrip("/") + "/flask/", timeout=20).read(1)
      """,
    ])

  /// Debian's mirrors answer, through whatever proxy the environment names.
  public static let debianMirror = attempt(
    "a Debian mirror", "python3",
    [
      "-c",
      """
      import urllib.request
      urllib.request.urlopen("http://deb.debian.org/debian/dists/bookworm/Release", timeout=20).read(1)
      """,
    ])

  /// A minimal Debian root without Swift, made by Tests/Harness/minimal-root, in which programs can be run.
  public static let minimalRoot = MachineRequirement("a minimal Debian root") {
    guard MinimalRoot.folder != nil else { return "ISOLATE_MINIMAL_ROOT names none (scripts/test makes it)" }
    return await failure(of: Program(path: MinimalRoot.harness), ["run", MinimalRoot.folder ?? "", "true"])
  }

  /// A preflight as it is installed: one that is built with the tests needs Swift's libraries.
  public static let installedPreflight = MachineRequirement("preflight in release") {
    let needsSwift = await failure(
      of: Program(path: "/bin/grep"), ["-q", "libswiftCore.so", Program.preflight.path])
    return needsSwift == nil
      ? "preflight was built with the tests (scripts/test --release takes the other)" : nil
  }

  /// A cgroup v2 folder with memory and pids controllers in which the caller may make groups.
  public static let delegatedCgroup = MachineRequirement("a delegated cgroup v2 subtree") {
    guard let folder = Residue.ownCgroup else { return "this process has no cgroup v2 folder" }
    let controllers = (try? String(contentsOfFile: folder + "/cgroup.controllers", encoding: .utf8)) ?? ""
    guard Set(controllers.split(whereSeparator: \.isWhitespace)).isSuperset(of: ["memory", "pids"]) else {
      return "\(folder) has the controllers [\(controllers.trimmingCharacters(in: .whitespacesAndNewlines))]"
    }
    let probe = "\(folder)/isolate-test.\(getpid())"
    guard unsafe mkdir(probe, 0o755) == 0 else {
      return "mkdir \(probe): \(unsafe String(cString: strerror(errno)))"
    }
    _ = unsafe rmdir(probe)
    return nil
  }

  /// The opposite: where limits are left to other means.
  public static let noDelegatedCgroup = MachineRequirement("no delegated cgroup") {
    await delegatedCgroup.unmet() == nil ? "the kernel enforces limits here" : nil
  }

  /// A program by this name somewhere on `PATH`.
  public static func program(_ name: String) -> MachineRequirement {
    MachineRequirement(name) { Program(onPath: name) == nil ? "no \(name) on PATH" : nil }
  }

  private static func attempt(_ name: String, _ program: String, _ arguments: [String]) -> MachineRequirement
  {
    MachineRequirement(name) {
      guard let program = Program(onPath: program) else { return "no \(program) on PATH" }
      return await failure(of: program, arguments)
    }
  }

  private static func failure(of program: Program, _ arguments: [String]) async -> String? {
    do {
      let outcome = try await program.run(arguments, .init(timeLimit: .seconds(90)))
      if outcome.succeeded { return nil }
      let reason = outcome.errorOutput.split(separator: "\n").last.map(String.init) ?? "no message"
      return "\(program.path) \(arguments.first ?? ""): \(outcome.ending), \(reason)"
    } catch {
      return "\(error)"
    }
  }
}

/// Skips a test or a suite unless every one of its requirements is met.
public struct MachineRequirementTrait: TestTrait, SuiteTrait {
  let requirements: [MachineRequirement]

  /// The tests of a suite inherit its requirements.
  public var isRecursive: Bool { true }

  /// Makes the attempts and skips the test at the first one that fails.
  public func prepare(for test: Test) async throws {
    for requirement in requirements {
      if let reason = await Attempts.shared.reason(for: requirement) {
        try Test.cancel("needs \(requirement.name): \(reason)")
      }
    }
  }
}

extension Trait where Self == MachineRequirementTrait {
  /// Skips, with the reason, where the machine lacks one of these.
  public static func needs(_ requirements: MachineRequirement...) -> Self {
    MachineRequirementTrait(requirements: requirements)
  }
}

/// Remembers each requirement's attempt, also while it is under way.
private actor Attempts {
  static let shared = Attempts()
  private var made: [String: Task<String?, Never>] = [:]

  func reason(for requirement: MachineRequirement) async -> String? {
    if let task = made[requirement.name] { return await task.value }
    let task = Task { await requirement.unmet() }
    made[requirement.name] = task
    return await task.value
  }
}
