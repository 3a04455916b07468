/// What Django answers without a word in the log: it prints nothing where DEBUG is off.
enum DjangoTrouble {
  static let rules = [
    Rule("django-allowed-hosts", "Django refuses the host of a health check.") { evidence in
      guard isDjango(evidence), let probe = probe(evidence, 400..<401),
        let place = evidence.project.assignmentPlace(of: "ALLOWED_HOSTS"), !allowsAll(place, evidence)
      else { return [] }
      return [allowedHosts(probe, place, evidence)]
    },
    Rule("django-silent-error", "Django answers a server error, and prints nothing because DEBUG is off.") {
      evidence in
      guard isDjango(evidence), let probe = probe(evidence, 500..<501), let phase = evidence.phase(.start),
        !phase.traces.contains(where: { !$0.isWrapper })
      else { return [] }
      return [silent(probe, evidence)]
    },
    Rule("django-https-redirect", "Django sends every plain request to https.") { evidence in
      guard isDjango(evidence), evidence.probes.contains(where: { (300..<400).contains($0.status ?? 0) }),
        let place = evidence.project.assignmentPlace(of: "SECURE_SSL_REDIRECT"),
        let line = place.line.flatMap({ evidence.project.line($0, of: place.file) }), line.has("True"),
        let probe = evidence.probes.first(where: { (300..<400).contains($0.status ?? 0) })
      else { return [] }
      return [redirect(probe, place, evidence)]
    },
  ]

  private static func isDjango(_ evidence: Evidence) -> Bool {
    evidence.project.declaredDependencies.contains("django")
  }

  /// The last answer of a range, unless one was well.
  private static func probe(_ evidence: Evidence, _ range: Range<Int>) -> ProbeAttempt? {
    guard !evidence.probes.contains(where: { (200..<400).contains($0.status ?? 0) }) else { return nil }
    return evidence.probes.last { range.contains($0.status ?? 0) }
  }

  private static func allowsAll(_ place: Finding.Location, _ evidence: Evidence) -> Bool {
    place.line.flatMap { evidence.project.line($0, of: place.file) }?.hasAny(of: ["'*'", "\"*\""]) ?? false
  }

  private static func allowedHosts(
    _ probe: ProbeAttempt, _ place: Finding.Location, _ evidence: Evidence
  ) -> Finding {
    Finding(
      rule: "django-allowed-hosts", category: .health,
      severity: evidence.settings.healthPath == nil ? .warning : .error,
      subject: "ALLOWED_HOSTS",
      title: "Django answers 400: the host of the request is not in ALLOWED_HOSTS",
      message:
        "A platform's health check asks by the machine's address or an internal name, which ALLOWED_HOSTS does not "
        + "list; where the platform sends the real host name, the program is ready.",
      fix: Finding.Fix(
        "Add the platform's host names and the address it probes by (or '*' behind a router that checks the host) to "
          + "ALLOWED_HOSTS, or answer the health path in a middleware before the host is checked."),
      evidence: [Health.proof(probe)], location: place)
  }

  private static func redirect(
    _ probe: ProbeAttempt, _ place: Finding.Location, _ evidence: Evidence
  ) -> Finding {
    Finding(
      rule: "django-https-redirect", category: .health, severity: .warning, subject: "SECURE_SSL_REDIRECT",
      title:
        "GET \(probe.path) answers \(probe.status ?? 301): SECURE_SSL_REDIRECT sends every plain request to https",
      message:
        "Platforms end TLS before the program and probe it by plain HTTP: a probe that wants 200 fails, and behind a "
        + "router that does not say X-Forwarded-Proto the redirect has no end.",
      fix: Finding.Fix(
        "Set SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https'), and list the health path in "
          + "SECURE_REDIRECT_EXEMPT."),
      evidence: [Health.proof(probe)], location: place)
  }

  /// The likeliest of the causes that Django does not print, by what the project does not do.
  private static func silent(_ probe: ProbeAttempt, _ evidence: Evidence) -> Finding {
    let project = evidence.project
    let settings = project.paths(endingIn: [".py"]).filter { $0.has("settings") }
    let whole =
      [project.startLine ?? ""]
      + [
        "Procfile", "Dockerfile", "render.yaml", "fly.toml", "railway.toml", "railway.json", "heroku.yml",
        "start.sh", "build.sh", "entrypoint.sh",
      ].compactMap { project.texts[$0] }
    func isRun(_ command: String) -> Bool { whole.contains { $0.has(command) } }
    let manifestStorage = project.place(in: settings) { $0.has("ManifestStaticFilesStorage") }
    let use =
      project.place(in: project.paths(endingIn: [".py"])) { line in
        (line.has("static(") && !line.has("def ") && !line.has("import")) || line.has("static_url(")
      } ?? project.place(in: project.paths(endingIn: [".html"])) { $0.has("{% static") }
    let database = project.place(in: settings) { $0.has("django.db.backends") }
    let models = project.paths(endingIn: [".py"]).contains { path in
      project.texts[path].map {
        $0.hasAny(of: [".objects.", "contrib.auth", "contrib.sessions", "contrib.sites"])
      } ?? false
    }
    let isFreshDatabase = !project.files.contains { $0.hasSuffix(".sqlite3") || $0.hasSuffix(".db") }
    if manifestStorage != nil, use != nil, !isRun("collectstatic") {
      return finding(
        probe, "collectstatic", "the static files were not collected (collectstatic)",
        "The settings serve static files by a manifest that `collectstatic` makes, and no step of the deployment runs it.",
        Finding.Fix("Run it in the build.", commands: ["python manage.py collectstatic --noinput"]), use)
    }
    if database != nil, models, isFreshDatabase, !isRun("migrate") {
      return finding(
        probe, "migrate", "the migrations were not run (migrate)",
        "The database is new at each deployment, and no step of it runs the migrations, so the tables are not there.",
        Finding.Fix(
          "Run them before the program starts: `release: python manage.py migrate` in the Procfile, or before the "
            + "server in the start command.",
          commands: project.startLine.map {
            [evidence.check("--start", "python manage.py migrate --noinput && exec \($0)")]
          } ?? []), project.startPlace)
    }
    return finding(
      probe, "silent", "the log says nothing, because DEBUG is off",
      "Django prints no errors of requests where DEBUG is False, unless LOGGING has a handler for django.request.",
      Finding.Fix(
        "Give LOGGING a console handler for 'django', and check again to see the error."),
      project.assignmentPlace(of: "DEBUG"))
  }

  private static func finding(
    _ probe: ProbeAttempt, _ subject: String, _ cause: String, _ message: String, _ fix: Finding.Fix,
    _ place: Finding.Location?
  ) -> Finding {
    Finding(
      rule: "django-silent-error", category: .health, confidence: subject == "silent" ? .high : .medium,
      subject: subject, title: "GET \(probe.path) answers \(probe.status ?? 500): \(cause)",
      message: message, fix: fix, evidence: [Health.proof(probe)], location: place)
  }
}
