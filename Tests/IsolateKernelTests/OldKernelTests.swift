import Isolate
import TestSupport
import Testing

@Suite("Without the new mount API and openat2", .needs(.userNamespaces, .busybox))
struct OldKernelTestsAsAnyUser {
  private static let survey = """
    cat /proc/mounts; ls -l /dev | tr -s ' ' | cut -d' ' -f1-5,9-; grep -E 'Cap|NoNew|Seccomp' /proc/self/status
    for p in /x /bin/sh /data/file /proc/sys/kernel/hostname; do (echo x >$p) 2>/dev/null && echo wrote $p; done
    chmod 666 /dev/null 2>/dev/null && echo changed; cat /data/file; id -u; pwd; hostname; ls /
    """

  @Test("a container looks the same from inside", arguments: [false, true])
  func sameFromInside(readonlyRoot: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("data\n", to: "source/file")
    var spec = bundle.shell(Self.survey)
    spec.root.readonly = readonlyRoot
    spec.mounts.append(
      .init(
        destination: "/data", source: bundle.directory.path("source"),
        options: ["bind", "ro", "nosuid", "noexec"]))
    spec.mounts.append(
      .init(destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nodev", "nosuid", "size=1m"]))
    // Once before: the mount targets that have to be made are there for both.
    _ = try await bundle.run(spec)
    let new = try await bundle.run(spec)
    var options = ContainerOptions()
    options.emulatesOldKernel = true
    let old = try await bundle.run(spec, options)
    #expect(old.status == new.status)
    let (oldLines, newLines) = (Set(old.lines), Set(new.lines))
    #expect(oldLines.symmetricDifference(newLines).sorted() == [])
    #expect(!new.output.contains("wrote /data"), "\(new)")
    #expect(new.output.contains("wrote /x") == !readonlyRoot, "\(new)")
  }
}
