/// What tokens of services begin with.
enum SecretShapes {
  /// A beginning, and the least that follows of it in one.
  struct Shape {
    var prefix: [UInt8]
    var least: Int
    /// Whether all that is no blank and no quote belongs to it.
    var isOfAnySign: Bool

    init(_ prefix: String, _ least: Int = 8, isOfAnySign: Bool = false) {
      self.isOfAnySign = isOfAnySign
      self.prefix = Array(prefix.utf8)
      self.least = least
    }
  }

  /// By their first bytes; the services' documents name them.
  static let byFirstByte = Dictionary(grouping: all) { $0.prefix[0] }

  private static let all: [Shape] =
    // Code: GitHub, GitLab, Bitbucket, Gitea and their like.
    [
      "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-",
      "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-", "GR1348941", "ATBB", "ATATT3", "ATCTT3",
      "CFPAT-", "sgp_", "ghv_",
    ].map { Shape($0) }
    // Packages: npm, PyPI, RubyGems, crates.io, Docker Hub, NuGet, Artifactory, Clojars.
    + [
      "npm_", "pypi-", "rubygems_", "cio", "dckr_pat_", "dckr_oat_", "oy2", "AKCp", "CLOJARS_", "hex_",
    ].map { Shape($0, 16) }
    // Clouds: AWS, Google, Azure, DigitalOcean, Heroku, Fly, Vercel, Cloudflare, Alibaba, Scaleway.
    + [
      Shape("AKIA", 12), Shape("ASIA", 12), Shape("ABIA", 12), Shape("ACCA", 12), Shape("AIza", 16),
      Shape("ya29."), Shape("GOCSPX-"), Shape("1//0", 16), Shape("dop_v1_"), Shape("doo_v1_"),
      Shape("dor_v1_"), Shape("HRKU-"), Shape("FlyV1"), Shape("fo1_"), Shape("fm1_"), Shape("fm2_"),
      Shape("vercel_"), Shape("LTAI", 12), Shape("SCW", 16), Shape("v1.0-", 24), Shape("pscale_"),
      Shape("sbp_"), Shape("sb_secret_"), Shape("nf", 32), Shape("rnd_", 16), Shape("napi_"),
    ]
    // Secrets, configuration, infrastructure: Vault, Terraform, Doppler, Pulumi, 1Password, Infisical, age.
    + [
      Shape("hvs."), Shape("hvb."), Shape("hvr."), Shape("s.", 20), Shape("b.AAAA"), Shape("dp.pt."),
      Shape("dp.st."), Shape("dp.ct."), Shape("dp.sa."), Shape("pul-", 16), Shape("ops_eyJ"),
      Shape("st.", 32),
      Shape("AGE-SECRET-KEY-"), Shape("tfp_"), Shape("dapi", 24), Shape("dkea", 24), Shape("eyJhbGciOi"),
    ]
    // Models: OpenAI, Anthropic, Hugging Face, Replicate, Groq, xAI, Perplexity and their like.
    + [
      Shape("sk-", 12), Shape("sk_", 12), Shape("hf_", 16), Shape("r8_", 16), Shape("gsk_", 16),
      Shape("xai-", 16), Shape("pplx-", 16), Shape("nvapi-", 16), Shape("tgp_v1_"), Shape("fw_", 16),
      Shape("lsv2_"), Shape("jina_", 16),
    ]
    // Money: Stripe, Square, PayPal, Shopify, Adyen, Plaid, Flutterwave.
    + [
      "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_", "sq0atp-", "sq0csp-", "sq0idp-", "shpat_",
      "shpss_", "shpca_", "shppa_", "FLWSECK", "FLWPUBK", "access-sandbox-", "access-production-", "EAAA",
      "AQE",
    ].map { Shape($0, 12) }
    // Messages: Slack, Telegram, Discord, SendGrid, Mailgun, Brevo, Twilio.
    + [
      Shape("xox", 10), Shape("xapp-"), Shape("xwfp-"), Shape("SG.", 16), Shape("key-", 20),
      Shape("xkeysib-"), Shape("hooks.slack.com/"), Shape("discord.com/api/webhooks/"),
      Shape("discordapp.com/api/webhooks/"), Shape("outlook.office.com/webhook"),
      Shape("api.telegram.org/bot"),
      Shape("chat.googleapis.com/v1/spaces/"), Shape("re_", 16), Shape("pm-", 24),
    ]
    // Observation and work: Sentry, Grafana, New Relic, Dynatrace, PagerDuty, Linear, Notion, Figma, Postman, Asana.
    + [
      Shape("sntrys_"), Shape("sntryu_"), Shape("glsa_"), Shape("glc_"), Shape("eyJrIjoi"), Shape("NRAK-"),
      Shape("NRII-"), Shape("NRJS-"), Shape("NRAL-"), Shape("dt0c01."), Shape("dt0s"), Shape("pdus+"),
      Shape("lin_api_"), Shape("lin_oauth_"), Shape("ntn_"), Shape("secret_", 16), Shape("figd_"),
      Shape("PMAK-"), Shape("phc_", 16), Shape("phx_", 16), Shape("pat-na1-"), Shape("pat-eu1-"),
      Shape("ddp_"), Shape("BKUA_", 16), Shape("CCIPAT_"), Shape("squ_", 16), Shape("sqp_", 16),
    ]
    // Hashes of passwords, which can be tried out elsewhere: crypt(5), bcrypt, argon2, Django, LDAP.
    + [
      Shape("$2a$"), Shape("$2b$"), Shape("$2y$"), Shape("$1$"), Shape("$5$"), Shape("$6$"), Shape("$y$"),
      Shape("$apr1$"), Shape("$argon2"), Shape("pbkdf2_sha256$"), Shape("pbkdf2_sha1$"), Shape("scrypt$"),
      Shape("{SSHA}"), Shape("{SHA}"), Shape("eyJ", 16), Shape("django-insecure-", 1, isOfAnySign: true),
    ]
}

extension ScannedText {
  /// Tokens that are known by how they begin.
  var shapes: [Redaction.Mark] {
    var marks: [Redaction.Mark] = []
    var position = 0
    while position < bytes.count {
      if let end = shapeEnd(at: position) {
        marks.append(.init(range: position..<end, kind: .secret))
        position = end
      } else {
        position += 1
      }
    }
    return marks
  }

  private func shapeEnd(at position: Int) -> Int? {
    guard position == 0 || !Self.isAlphanumeric(bytes[position - 1]),
      let candidates = SecretShapes.byFirstByte[bytes[position]]
    else { return nil }
    for shape in candidates where has(shape.prefix, at: position) {
      let start = position + shape.prefix.count
      var end = end(from: start) { byte in
        if shape.isOfAnySign { return !Self.isSpace(byte) && !Self.isQuote(byte) }
        return Self.isToken(byte) || byte == 0x24 || byte == 0x2C && shape.prefix.first == 0x24
      }
      while end > start, [0x2E, 0x2C].contains(bytes[end - 1]) { end -= 1 }
      // "sk-learn-contrib", "key-value": words have no digits and no capitals among them.
      let tail = bytes[start..<end]
      let isRandom = tail.contains(where: Self.isDigit) || tail.contains(where: Self.isUpper)
      if end - start >= shape.least, isRandom || shape.prefix.contains(0x2F) { return end }
    }
    return nil
  }
}
