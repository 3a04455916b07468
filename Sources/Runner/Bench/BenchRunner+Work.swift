import Formats
import Glibc
import Isolate

/// The kinds of work that `ben_work` times.
enum WorkKind: String, CaseIterable {
  case call
  case examinedCall = "examined-call"
  case forkExec = "fork-exec"
  case create, stat, read, write, rename
  case pageFault = "page-fault"
  case roundTrip = "round-trip"
  case throughput, cpu

  var title: String {
    switch self {
    case .call: "system call (getppid)"
    case .examinedCall: "system call the filter examines"
    case .forkExec: "fork, exec and wait"
    case .create: "create a file"
    case .stat: "stat"
    case .read: "open, read 4 KiB, close"
    case .write: "write 4 KiB"
    case .rename: "rename"
    case .pageFault: "page fault"
    case .roundTrip: "TCP round trip on loopback"
    case .throughput: "TCP throughput on loopback"
    case .cpu: "arithmetic, a million steps"
    }
  }

  var unit: String {
    switch self {
    case .call, .examinedCall, .pageFault: "ns"
    case .forkExec, .create, .stat, .read, .write, .rename, .roundTrip: "us"
    case .throughput: "MiB/s"
    case .cpu: "ms"
    }
  }

  var isOfFiles: Bool { [.create, .stat, .read, .write, .rename].contains(self) }

  /// A value in the unit from nanoseconds for one operation.
  func value(_ nanoseconds: Double) -> Double {
    switch unit {
    case "us": nanoseconds / 1e3
    case "ms": nanoseconds / 1e6
    case "MiB/s": 1e9 / max(nanoseconds, 1)
    default: nanoseconds
    }
  }
}

extension BenchRunner {
  /// What one place did: nanoseconds of each kind's batches, and why a kind failed.
  struct WorkSamples {
    var nanoseconds: [WorkKind: [Double]] = [:]
    var failures: [WorkKind: String] = [:]

    /// Adds what `ben_work` wrote.
    mutating func add(_ output: String) {
      for line in output.split(separator: "\n") {
        let parts = line.split(separator: "!", maxSplits: 1)
        let words = (parts.first ?? "").split(separator: " ")
        guard let kind = words.first.flatMap({ WorkKind(rawValue: String($0)) }) else { continue }
        nanoseconds[kind, default: []] += words.dropFirst().compactMap { Double($0) }
        if parts.count == 2 { failures[kind] = String(parts[1].trimmingPrefix(" ")) }
      }
    }
  }

  func measureWork() throws(Failure) -> [BenchReport.Work] {
    let load = try WorkLoad(
      batchMilliseconds: options.runs < 10 ? 2 : 10, batches: options.runs < 10 ? 2 : 5)
    let passes = max(1, min(6, options.runs / 15))
    let places = working.filter { $0.kind != .podman && $0.kind != .unshare }
    var samples: [String: WorkSamples] = [:]
    var withoutOverlay: [String: String] = [:]
    for subject in places where subject.kind.takesBundle { try prepareWork(subject, load, overlay: true) }
    for pass in 0..<passes {
      for subject in places.shuffled() {
        progress(
          "work inside and outside, pass \(pass + 1) of \(passes)",
          0.74 + 0.26 * Double(pass) / Double(passes))
        guard let command = commands.work(subject, load, id: nextID()) else { continue }
        var run = try run(subject, command)
        if run.status != 0, subject.kind.takesBundle, withoutOverlay[subject.name] == nil {
          // An overlay may be refused where containers are not: then only the files are left out.
          withoutOverlay[subject.name] = run.reason
          try prepareWork(subject, load, overlay: false)
          run = try self.run(subject, commands.work(subject, load, id: nextID()) ?? [])
        }
        if run.status == 0 {
          samples[subject.name, default: WorkSamples()].add(String(decoding: run.output, as: UTF8.self))
        } else {
          for kind in WorkKind.allCases {
            samples[subject.name, default: WorkSamples()].failures[kind] = run.reason
          }
        }
      }
    }
    for (name, reason) in withoutOverlay {
      for kind in WorkKind.allCases where kind.isOfFiles { samples[name]?.failures[kind] = reason }
    }
    return WorkKind.allCases.map { kind in row(kind, places, samples) }
  }

  private func row(
    _ kind: WorkKind, _ places: [Subject], _ samples: [String: WorkSamples]
  ) -> BenchReport.Work {
    let bare = Distribution(samples["bare"]?.nanoseconds[kind] ?? [])?.p5
    let rows = places.map { subject in
      let own = samples[subject.name]?.nanoseconds[kind] ?? []
      let cost = Distribution(own)?.p5
      var failure = samples[subject.name]?.failures[kind]
      if failure == nil, own.isEmpty, kind.isOfFiles, subject.kind == .bubblewrap {
        failure = "files are left out: its version here mounts no overlay"
      }
      return BenchReport.Work.Place(
        name: subject.name, value: Distribution(own.map(kind.value)), undisturbed: cost.map(kind.value),
        timesBare: bare.flatMap { bare in cost.map { $0 / bare } }, failure: failure)
    }
    return BenchReport.Work(work: kind.rawValue, title: kind.title, unit: kind.unit, places: rows)
  }

  /// The bundle in which a runtime does the work: this program, its libraries, and an overlay at /work.
  private func prepareWork(_ subject: Subject, _ load: WorkLoad, overlay: Bool) throws(Failure) {
    try Failure.guarding(.ofBench) { () throws(SystemError) in
      for bind in load.binds {
        try Files.write("", to: workplace.rootfs + bind.destination, flags: O_WRONLY | O_CREAT)
      }
      for folder in ["upper", "scratch"] {
        try workplace.make("\(workplace.path)/\(folder)-\(subject.name)")
      }
    }
    var spec = Self.specification(
      rootfs: workplace.rootfs, arguments: load.sandboxCommand(folder: overlay ? "/work" : nil))
    spec.mounts += load.binds.map {
      RuntimeSpec.Mount(
        destination: $0.destination, type: "bind", source: $0.source,
        options: ["bind", "ro", "nosuid", "nodev"])
    }
    if overlay {
      spec.mounts.append(
        RuntimeSpec.Mount(
          destination: "/work", type: "overlay", source: "overlay",
          options: [
            "lowerdir=\(workplace.path)/lower", "upperdir=\(workplace.path)/upper-\(subject.name)",
            "workdir=\(workplace.path)/scratch-\(subject.name)", "userxattr", "nosuid", "nodev",
          ]))
    }
    try workplace.write(spec, bundle: "work-\(subject.name)")
  }
}
