import CShims
import Glibc

extension Container {
  /// Starts a further process in this container, confined as `spec`, its specification, says (one setns(2) on its
  /// pidfd); `options` says where its streams go.
  ///
  /// - Throws: `IsolateError`; nothing is left running then.
  public func start(
    _ process: RuntimeSpec.Process, of spec: RuntimeSpec, options: ContainerOptions
  ) throws(IsolateError) -> Container {
    var spec = spec
    spec.process = process
    var joining = ContainerOptions()
    (joining.standardInput, joining.standardOutput) = (options.standardInput, options.standardOutput)
    joining.standardError = options.standardError
    joining.cgroup = options.cgroup
    joining.lifeline = options.lifeline
    joining.hasBelt = hasLandlock
    joining.joined = ContainerOptions.Joined(
      process: processDescriptor,
      flags: spec.linux.namespaces.reduce(0) { flags, namespace in
        unsafe flags | isl_namespace_flag(namespace.type)
      },
      deniesSetgroups: Files.text("/proc/\(processID)/setgroups")?.hasPrefix("deny") == true)
    return try Container.start(spec, bundle: "/", options: joining)
  }
}
