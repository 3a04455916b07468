import CShims
import Glibc
import Isolate

/// `isolate run`: starts a bundle's process, forwards signals to it and ends with its status.
struct RunCommand {
  private var bundle = "."
  private var identifier = ""

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      if let value = try arguments.value(of: "--bundle", "-b", at: argument) {
        bundle = value
      } else if argument.hasPrefix("-") {
        throw UsageError("run: unknown flag \"\(argument)\"")
      } else if identifier.isEmpty {
        identifier = argument
      } else {
        throw UsageError("run: unexpected argument \"\(argument)\"")
      }
    }
    guard !identifier.isEmpty else { throw UsageError("run: the container's id is missing") }
    guard ContainerIdentifier.isValid(identifier) else {
      throw UsageError(
        "run: \"\(identifier)\" is no container id (letters, digits, and _ + - . after the first)")
    }
  }

  func run() throws(IsolateError) -> Int32 {
    let bundle = try Bundle(path: self.bundle)
    // Blocked before the container exists, so that none is lost in between.
    let signals: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT]
    let descriptor = unsafe isl_signalfd(signals, Int32(signals.count))
    guard descriptor >= 0 else { throw .system(SystemError("signalfd", code: -descriptor)) }
    let incoming = OwnedDescriptor(owning: descriptor)
    var options = ContainerOptions()
    options.cgroup = try cgroup(for: bundle.spec)
    defer { options.cgroup?.remove() }
    let container = try Container.start(bundle.spec, bundle: bundle.path, options: options)
    return try forward(incoming, to: container)
  }

  private func cgroup(for spec: RuntimeSpec) throws(IsolateError) -> Cgroup? {
    guard let resources = spec.linux.resources, resources != RuntimeSpec.Resources() else { return nil }
    let parent: CgroupParent
    do { parent = try CgroupParent.find() } catch {
      throw .unavailable(what: "config.json: linux.resources", why: error.why, remedy: error.remedy)
    }
    do { return try Cgroup(name: "isolate-\(identifier)", in: parent, resources: resources) } catch {
      throw .system(error)
    }
  }

  private func forward(_ incoming: borrowing OwnedDescriptor, to container: Container) throws(IsolateError)
    -> Int32
  {
    while true {
      var watched = [
        pollfd(fd: container.processDescriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: incoming.number, events: Int16(POLLIN), revents: 0),
      ]
      if unsafe poll(&watched, 2, -1) < 0 && errno != EINTR {
        throw .system(SystemError("poll", code: errno))
      }
      while true {
        let signal = isl_signalfd_read(incoming.number)
        guard signal > 0 else { break }
        container.signal(signal)
      }
      if let end = try container.exitIfEnded() { return end.shellStatus }
    }
  }
}
