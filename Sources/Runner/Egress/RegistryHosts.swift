extension EgressPolicy {
  /// The built-in entries: every registry host, once for 443 and once for 80.
  static let registryEntries: [Entry] = registryHosts.flatMap { text -> [Entry] in
    guard let host = HostPattern(text) else { return [] }
    return [Entry(host: host, port: 443), Entry(host: host, port: 80)]
  }

  /// Hosts that package managers fetch indexes and archives from; every name must parse as a `HostPattern`.
  static let registryHosts: [String] = [
    // Python
    "pypi.org", "files.pythonhosted.org", "pypi.python.org", "bootstrap.pypa.io", "test.pypi.org",
    "test-files.pythonhosted.org", "download.pytorch.org", "download-r2.pytorch.org",
    "conda.anaconda.org", "repo.anaconda.com", "python-build-standalone.astral.sh", "releases.astral.sh",
    // JavaScript
    "registry.npmjs.org", "registry.npmjs.com", "registry.yarnpkg.com", "repo.yarnpkg.com", "nodejs.org",
    "npm.jsr.io", "jsr.io", "deno.land", "esm.sh", "registry.npmmirror.com", "binaries.prisma.sh",
    // Rust
    "crates.io", "index.crates.io", "static.crates.io", "static.rust-lang.org",
    // Go
    "proxy.golang.org", "sum.golang.org", "index.golang.org", "go.dev", "dl.google.com",
    "storage.googleapis.com",
    // Ruby
    "rubygems.org", "index.rubygems.org", "cache.ruby-lang.org",
    // Java, Kotlin, Scala
    "repo.maven.apache.org", "repo1.maven.org", "plugins.gradle.org", "plugins-artifacts.gradle.org",
    "services.gradle.org", "downloads.gradle.org", "maven.google.com", "repo.spring.io", "jitpack.io",
    "repo.clojars.org", "repo.scala-sbt.org",
    // PHP
    "packagist.org", "repo.packagist.org", "getcomposer.org",
    // .NET
    "nuget.org", "www.nuget.org", "api.nuget.org", "globalcdn.nuget.org",
    // Elixir, Erlang
    "hex.pm", "repo.hex.pm", "builds.hex.pm",
    // Dart, Haskell, Perl, R, Swift
    "pub.dev", "hackage.haskell.org", "www.cpan.org", "cpan.metacpan.org", "fastapi.metacpan.org",
    "cran.r-project.org", "cloud.r-project.org", "swift.org", "download.swift.org",
    // Debian, Ubuntu, Alpine, Fedora
    "deb.debian.org", "security.debian.org", "ftp.debian.org", "snapshot.debian.org", "*.debian.org",
    "archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com", "*.archive.ubuntu.com",
    "ppa.launchpadcontent.net", "dl-cdn.alpinelinux.org", "dl.fedoraproject.org",
    "mirrors.fedoraproject.org",
  ]
}
