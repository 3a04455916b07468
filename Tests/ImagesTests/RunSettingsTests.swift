import Formats
import Testing

@testable import Images

@Suite("What an image says of how it is run")
struct RunSettingsTests {
  private func settings(_ change: (inout ImageConfiguration.Settings) -> Void) throws -> ImageRunSettings {
    var settings = ImageConfiguration.Settings()
    change(&settings)
    return try ImageRunSettings(settings)
  }

  private func read(_ config: String) throws -> ImageRunSettings {
    let document = """
      {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "config": \(config)}
      """
    return try ImageRunSettings(ImageConfiguration(Array(document.utf8), of: "it").config)
  }

  @Test("is taken as it is written, and nothing said is the usual")
  func taken() throws {
    let nothing = try read("{}")
    #expect(nothing.workingDirectory == "/" && nothing.command == [] && nothing.port == nil)
    #expect(nothing.stopSignal == nil && nothing.healthCheck == nil && nothing.volumes == [])
    let all = try read(
      """
      {"Env": ["A=1", "A=2=3", "B=two\\nlines", "=x", "none"], "Entrypoint": ["a"], "Cmd": ["b"], "WorkingDir": "srv",
       "ExposedPorts": {"9000/tcp": {}, "80/udp": {}, "8081": {}}, "Volumes": {"/data": {}, "/a/b": {}},
       "StopSignal": "SIGQUIT", "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 2000000000, "Retries": 2}}
      """)
    #expect(all.environment == ["A": "2=3", "B": "two\nlines"] && all.command == ["a", "b"])
    #expect(all.workingDirectory == "/srv" && all.port == 8081 && all.volumes == ["/a/b", "/data"])
    #expect(all.stopSignal == 3)
    #expect(
      all.healthCheck
        == .init(
          arguments: ["/bin/sh", "-c", "true"], intervalMilliseconds: 2000, timeoutMilliseconds: 30_000,
          startPeriodMilliseconds: 0, retries: 2))
    #expect(try read("{\"Healthcheck\": {\"Test\": [\"NONE\"]}}").healthCheck == nil)
    let huge = try read(
      """
      {"Healthcheck": {"Test": ["CMD", "x"], "Interval": 9223372036854775807, "Timeout": 1, "Retries": 9223372036854775807}}
      """)
    #expect(huge.healthCheck?.intervalMilliseconds == 3_600_000 && huge.healthCheck?.retries == 1000)
    #expect(huge.healthCheck?.timeoutMilliseconds == 1)
  }

  @Test(
    "is refused with the part's name where it cannot be so",
    arguments: [
      ("VOLUME", "{\"Volumes\": {\"/../../etc\": {}}}"), ("VOLUME", "{\"Volumes\": {\"/\": {}}}"),
      ("VOLUME", "{\"Volumes\": {\"/proc\": {}}}"), ("VOLUME", "{\"Volumes\": {\"/sys/fs\": {}}}"),
      ("VOLUME", "{\"Volumes\": {\"data\": {}}}"), ("VOLUME", "{\"Volumes\": {\"/a\\u0000b\": {}}}"),
      ("STOPSIGNAL", "{\"StopSignal\": \"SIGFOO\"}"), ("STOPSIGNAL", "{\"StopSignal\": \"65\"}"),
      ("STOPSIGNAL", "{\"StopSignal\": \"0\"}"), ("STOPSIGNAL", "{\"StopSignal\": \"-9\"}"),
      ("HEALTHCHECK", "{\"Healthcheck\": {\"Test\": [\"CMD\"]}}"),
      ("HEALTHCHECK", "{\"Healthcheck\": {\"Test\": [\"RUN\", \"x\"]}}"),
      ("HEALTHCHECK", "{\"Healthcheck\": {\"Test\": [\"CMD\", \"x\"], \"Interval\": -1}}"),
      ("HEALTHCHECK", "{\"Healthcheck\": {\"Test\": [\"CMD\", \"x\"], \"Retries\": -1}}"),
      ("it", "{\"Healthcheck\": {\"Test\": [\"CMD\", \"x\"], \"Interval\": 1e300}}"),
      ("EXPOSE", "{\"ExposedPorts\": {\"0/tcp\": {}}}"), ("EXPOSE", "{\"ExposedPorts\": {\"65536\": {}}}"),
      ("EXPOSE", "{\"ExposedPorts\": {\"80/x\": {}}}"), ("EXPOSE", "{\"ExposedPorts\": {\"+80\": {}}}"),
      ("ENV", "{\"Env\": [\"A=\\u0000\"]}"), ("ENTRYPOINT", "{\"Cmd\": [\"a\\u0000b\"]}"),
      ("WORKDIR", "{\"WorkingDir\": \"/a\\u0000\"}"),
    ])
  func refused(part: String, config: String) throws {
    let error = #expect(throws: Failure.self) { try read(config) }
    #expect(error?.cause == .invalid && error?.message.contains(part) == true, "\(String(describing: error))")
    #expect(error?.message.utf8.contains { $0 < 0x20 } == false)
  }

  @Test("is refused when it is more than programs can be given")
  func limits() throws {
    let long = String(repeating: "x", count: 128 << 10)
    #expect(throws: Failure.self) { try settings { $0.environment = ["A=\(long)"] } }
    #expect(throws: Failure.self) { try settings { $0.command = Array(repeating: "x", count: 5000) } }
    #expect(throws: Failure.self) {
      try settings { $0.environment = Array(repeating: "A=" + long.dropFirst(100), count: 9) }
    }
    #expect(throws: Failure.self) {
      try settings { settings in
        settings.volumes = Dictionary(uniqueKeysWithValues: (0..<65).map { ("/v\($0)", .init()) })
      }
    }
  }
}
