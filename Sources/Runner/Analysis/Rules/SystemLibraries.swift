/// A shared library, a header or a program of the system is missing: named with its Debian package.
enum SystemLibraries {
  static let rules = [
    Rule("system-library-missing", "A shared library of the system is not installed.") { evidence in
      evidence.judgedPhases.flatMap { phase -> [Finding] in
        guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
        var seen: Set<String> = []
        return phase.log.compactMap { line in
          guard let library = library(in: line.text), seen.insert(library).inserted else { return nil }
          return finding(library, line, phase, severity, evidence)
        }
      }
    }
  ]

  /// The Debian package of a program.
  static func package(ofProgram name: String, _ project: ProjectFacts) -> String? {
    programs[name] ?? project.allAdvice.lazy.compactMap { $0.programs[name] }.first
  }

  /// The Debian packages of a header.
  static func packages(ofHeader header: String) -> String? {
    headers[header] ?? headers.first { header.hasSuffix("/" + $0.key) }?.value
  }

  /// The name in "libGL.so.1: cannot open shared object file" and the words of ctypes and cffi.
  private static func library(in text: String) -> String? {
    guard text.utf8.count < 2000, text.hasAny(of: [".so", "library", "libmagic"]) else { return nil }
    if let head = text.text(before: ": cannot open shared object file") {
      let name = head.split { " :'\"".contains($0) }.last.map(String.init) ?? ""
      return name.hasPrefix("lib") ? name : nil
    }
    if let name = text.text(between: "cannot load library '", and: "'") { return String(name) }
    if let name = text.text(between: "no library called \"", and: "\" was found") { return String(name) }
    if text.has("failed to find libmagic") { return "libmagic.so.1" }
    return nil
  }

  private static func finding(
    _ library: String, _ line: LogLine, _ phase: PhaseEvidence, _ severity: Finding.Severity,
    _ evidence: Evidence
  ) -> Finding {
    let stem = library.text(before: ".so").map(String.init) ?? library
    let package = libraries.first { stem == $0.key || library.hasPrefix($0.key) }?.value
    let trace = phase.traces.first { $0.line == line }
    let importer = trace?.frames.compactMap { $0.file.text(after: "/site-packages/")?.prefix { $0 != "/" } }
      .last
    let isOpenCV = stem == "libGL" || stem == "libgthread-2.0" || stem == "libglib-2.0"
    return Finding(
      rule: "system-library-missing", category: .dependencyMissing, severity: severity, subject: library,
      title: "The system's library \(library) is not installed",
      message:
        "\(importer.map { "The package \($0)" } ?? "An installed package") needs it, and a package of the language "
        + "does not bring it: it is part of the system.",
      fix: Finding.Fix(
        "Install \(package ?? "the Debian package that has \(library)") in the image"
          + (isOpenCV ? ", or require opencv-python-headless instead of opencv-python." : "."),
        commands: [
          package.flatMap { FixCommand(["apt-get", "install"] + $0.split(separator: " ").map(String.init)) }
        ]),
      evidence: [phase.proof(line)],
      location: importer.flatMap {
        evidence.project.requirementPlace(of: ImportNames.distribution(for: String($0)))
      }
        ?? trace?.location(in: evidence.settings.workingDirectory)
        ?? evidence.project.manifest.map { Finding.Location(file: $0) })
  }

  private static let libraries: [String: String] = [
    "libGL": "libgl1", "libEGL": "libegl1", "libglib-2.0": "libglib2.0-0", "libgthread-2.0": "libglib2.0-0",
    "libgobject-2.0": "libpango-1.0-0 libpangocairo-1.0-0",
    "gobject-2.0": "libpango-1.0-0 libpangocairo-1.0-0",
    "libpango": "libpango-1.0-0", "pango-1.0": "libpango-1.0-0", "libcairo": "libcairo2",
    "cairo": "libcairo2",
    "libpq": "libpq5", "libmysqlclient": "default-libmysqlclient-dev", "libmariadb": "libmariadb3",
    "libodbc": "unixodbc", "libmagic": "libmagic1", "libgomp": "libgomp1", "libsndfile": "libsndfile1",
    "libportaudio": "libportaudio2", "libxml2": "libxml2", "libxslt": "libxslt1.1", "libffi": "libffi8",
    "libSM": "libsm6", "libXext": "libxext6", "libXrender": "libxrender1", "libX11": "libx11-6",
    "libxcb": "libxcb1",
    "libgdal": "libgdal-dev", "libgeos": "libgeos-c1v5", "libproj": "libproj25",
    "libspatialite": "libsqlite3-mod-spatialite",
    "libtesseract": "tesseract-ocr", "libjpeg": "libjpeg62-turbo", "libtiff": "libtiff6",
    "libwebp": "libwebp7",
    "libnss3": "libnss3", "libatk-1.0": "libatk1.0-0", "libasound": "libasound2", "libgbm": "libgbm1",
    "libjemalloc": "libjemalloc2", "libldap": "libldap2", "libsasl2": "libsasl2-2",
    "libsodium": "libsodium23",
    "libzmq": "libzmq5", "libev": "libev4", "libaio": "libaio1", "libopenblas": "libopenblas0",
    "liblzma": "liblzma5",
    "libusb-1.0": "libusb-1.0-0", "libvips": "libvips42", "libavcodec": "ffmpeg", "libopus": "libopus0",
    "libxmlsec1": "libxmlsec1-openssl", "libgssapi_krb5": "libgssapi-krb5-2", "libcurl": "libcurl4",
  ]

  private static let headers: [String: String] = [
    "Python.h": "python3-dev", "libpq-fe.h": "libpq-dev", "mysql.h": "default-libmysqlclient-dev",
    "ffi.h": "libffi-dev", "ssl.h": "libssl-dev", "opensslv.h": "libssl-dev",
    "xmlversion.h": "libxml2-dev libxslt1-dev",
    "xslt.h": "libxslt1-dev", "lber.h": "libldap2-dev libsasl2-dev", "ldap.h": "libldap2-dev",
    "sasl.h": "libsasl2-dev",
    "jpeglib.h": "libjpeg-dev", "zlib.h": "zlib1g-dev", "sql.h": "unixodbc-dev", "cairo.h": "libcairo2-dev",
    "gmp.h": "libgmp-dev", "portaudio.h": "portaudio19-dev", "sndfile.h": "libsndfile1-dev",
    "curl.h": "libcurl4-openssl-dev",
    "krb5.h": "libkrb5-dev", "gssapi.h": "libkrb5-dev", "zmq.h": "libzmq3-dev",
    "bluetooth.h": "libbluetooth-dev",
    "sqlite3.h": "libsqlite3-dev", "ev.h": "libev-dev", "event.h": "libevent-dev", "gdal.h": "libgdal-dev",
    "proj.h": "libproj-dev", "geos_c.h": "libgeos-dev", "magic.h": "libmagic-dev",
    "xmlsec.h": "libxmlsec1-dev pkg-config",
    "pcap.h": "libpcap-dev", "systemd/sd-journal.h": "libsystemd-dev", "hdf5.h": "libhdf5-dev",
    "yaml.h": "libyaml-dev",
  ]

  private static let programs: [String: String] = [
    "ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "convert": "imagemagick", "magick": "imagemagick", "git": "git",
    "tesseract": "tesseract-ocr", "pdftotext": "poppler-utils", "pdftoppm": "poppler-utils",
    "gs": "ghostscript",
    "wkhtmltopdf": "wkhtmltopdf", "pandoc": "pandoc", "curl": "curl", "wget": "wget",
    "psql": "postgresql-client",
    "pg_dump": "postgresql-client", "mysql": "default-mysql-client", "redis-cli": "redis-tools",
    "dot": "graphviz",
    "libreoffice": "libreoffice", "soffice": "libreoffice", "chromium": "chromium",
    "google-chrome": "chromium",
    "chromedriver": "chromium-driver", "java": "default-jre-headless",
    "unzip": "unzip",
    "zip": "zip", "ssh": "openssh-client", "rsync": "rsync", "nginx": "nginx", "sox": "sox",
    "exiftool": "libimage-exiftool-perl",
    "latex": "texlive-latex-base", "pdflatex": "texlive-latex-base", "pg_config": "libpq-dev",
    "gcc": "build-essential",
    "make": "build-essential", "cmake": "cmake", "pkg-config": "pkg-config", "ps": "procps",
    "ping": "iputils-ping",
  ]
}
