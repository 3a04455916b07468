import Testing

/// Secrets as they turn up in logs, each kind in a line of its own. The texts are put together here, so that nobody's
/// scanner takes this file for a leak.
struct PlantedSecret: Sendable, CustomTestStringConvertible {
  var kind: String
  /// The line as it is logged.
  var line: String
  /// What must not leave.
  var secret: String

  var testDescription: String { kind }

  init(_ kind: String, _ before: String, _ secret: String, _ after: String = "") {
    self.kind = kind
    line = before + secret + after
    self.secret = secret
  }

  private static let mixed = "aB3dE5fG7hJ9kL2mN4pQ6rS8tU0vW1xY3zA5"
  private static let lower = "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
  private static let hex = "0123456789abcdef0123456789abcdef"
  private static let dashed = "9f8e7d6c-5b4a-3928-1706-f5e4d3c2b1a0"

  static let all = tokens + more + named + addresses + files + blocks + people

  private static let tokens: [PlantedSecret] = [
    .init("AWS access key", "using ", "AK" + "IA" + "Q3EGP7RTUV2XYZ56"),
    .init("AWS session key", "id=", "AS" + "IA" + "Q3EGP7RTUV2XYZ56", " ok"),
    .init("GitHub token", "remote: ", "gh" + "p_" + mixed),
    .init("GitHub app token", "auth ", "gh" + "s_" + mixed),
    .init("GitHub fine-grained token", "(", "github" + "_pat_" + mixed, ")"),
    .init("GitLab token", "clone with ", "gl" + "pat-" + "aB3dE5fG7hJ9kL2mN4pQ"),
    .init("GitLab runner token", "registered ", "gl" + "rt-" + "aB3dE5fG7hJ9kL2mN4pQ"),
    .init("Slack token", "bot ", "xo" + "xb-123456789012-aB3dE5fG7hJ9"),
    .init("Slack webhook", "POST https://", "hooks.slack" + ".com/services/T00/B00/aB3dE5fG7hJ9"),
    .init("Discord webhook", "POST https://", "discord" + ".com/api/webhooks/123456/aB3dE5fG7hJ9"),
    .init("Stripe secret key", "charge with ", "sk" + "_live_" + mixed),
    .init("Stripe restricted key", "charge with ", "rk" + "_live_" + mixed),
    .init("Stripe webhook secret", "verify ", "wh" + "sec_" + mixed),
    .init("OpenAI key", "Incorrect API key provided: ", "sk" + "-proj-" + mixed, ". You can find it"),
    .init("Anthropic key", "header ", "sk" + "-ant-api03-" + mixed),
    .init("Google key", "maps?", "AI" + "za" + "SyA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1v"),
    .init("Google OAuth token", "got ", "ya" + "29.a0AfH6SMB-aB3dE5fG7hJ9kL2"),
    .init("Google client secret", "client ", "GOC" + "SPX-aB3dE5fG7hJ9kL2mN4pQ6rS8"),
    .init("npm token", "publish ", "np" + "m_" + mixed),
    .init("PyPI token", "upload ", "py" + "pi-AgEIcHlwaS5vcmcCJ" + mixed),
    .init("RubyGems key", "push ", "ruby" + "gems_" + hex),
    .init("Docker Hub token", "login ", "dckr" + "_pat_aB3dE5fG7hJ9kL2mN4pQ"),
    .init("Hugging Face token", "download ", "h" + "f_" + "AbCdEfGhIjKlMnOpQrStUvWx12"),
    .init("SendGrid key", "mail ", "S" + "G.aB3dE5fG7hJ9kL2mN4pQ6.rS8tU0vW1xY3zA5bC7dE9fG1hI3jK5"),
    .init("Mailgun key", "mail ", "ke" + "y-" + hex),
    .init("Twilio key", "sms ", "S" + "K" + hex),
    .init("Telegram bot token", "bot", "123456789:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"),
    .init("DigitalOcean token", "spaces ", "dop" + "_v1_" + hex + hex),
    .init("Heroku key", "Authorization by ", dashed),
    .init("Shopify token", "shop ", "shp" + "at_" + hex),
    .init("Square token", "pay ", "sq0" + "atp-aB3dE5fG7hJ9kL2mN4pQ6r"),
    .init("Databricks token", "job ", "da" + "pi" + hex),
  ]

  private static let more: [PlantedSecret] = [
    .init("Vault token", "unseal ", "hv" + "s.aB3dE5fG7hJ9kL2mN4pQ6rS8"),
    .init("Linear key", "issue ", "lin" + "_api_" + mixed),
    .init("Notion token", "page ", "nt" + "n_" + mixed),
    .init("Figma token", "file ", "fig" + "d_" + mixed),
    .init("Grafana token", "board ", "gl" + "sa_" + mixed),
    .init("New Relic key", "agent ", "NR" + "AK-" + "AB3DE5FG7HJ9KL2MN4PQ6RS8TU0"),
    .init("Sentry token", "release ", "sn" + "trys_" + mixed),
    .init("Supabase key", "table ", "sb" + "_secret_" + mixed),
    .init("Postman key", "run ", "PM" + "AK-" + lower),
    .init("Doppler token", "config ", "dp" + ".pt." + mixed),
    .init("Fly token", "deploy ", "fo" + "1_" + mixed),
    .init("age key", "decrypt ", "AGE-SECRET" + "-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    .init("JWT", "token=", "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"),
    .init("bcrypt hash", "user row ", "$2" + "b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36"),
    .init("Django's own key", "insecure: ", "django" + "-insecure-x7#k2p9"),
    .init("long hexadecimal", "digest of session ", hex),
    .init("long random word", "nonce ", mixed),
    .init("base64 of bytes", "seed ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYqZ8mNoPq3R"),
  ]

  private static let named: [PlantedSecret] = [
    .init("variable of a dump", "DB_PASSWORD=", "correct horse; battery & staple"),
    .init("exported variable", "export STRIPE_SECRET='", "hush hush", "'"),
    .init("AWS secret key", "aws_secret_access_key = ", "wJalr/short+key"),
    .init("JSON member", "{\"user\": \"u\", \"password\": \"", "pa\\\"ss word", "\"}"),
    .init("JSON within JSON", "{\\\"apiKey\\\":\\\"", "inner-value", "\\\"}"),
    .init("Python mapping", "{'client_secret': '", "sesame", "', 'x': 1}"),
    .init("YAML", "  smtp_password: ", "open sesame now"),
    .init("bytes of Python", "SECRET_KEY = b'", "raw bytes here", "'"),
    .init("camel case", "accessToken: \"", "t0p", "\","),
    .init("connection string", "Server=db;User Id=sa;Password=", "with blank in", ";Database=x"),
    .init("Azure storage", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=", "Zm9vYmFy", ";x"),
    .init("bearer header", "authorization: Bearer ", "opaque-thing"),
    .init("basic header", "> Authorization: Basic ", "dTpw"),
    .init("basic without a header", "sent Basic ", "dXNlcjpwYXNz"),
    .init("cookie", "Set-Cookie: sid=", "s3ss", "; HttpOnly"),
    .init("API key header", "X-Api-Key: ", "abc-def-123"),
    .init("header of curl", "curl -H \"X-Auth-Token: ", "tok en", "\" https://x"),
    .init("option", "app --db-password ", "fromflag", " --port 80"),
    .init("option with equals", "app --token=", "fromflag2"),
    .init("curl's login", "curl -u ", "admin:fromcurl", " https://x"),
    .init("mysql's password", "mysql -u root -p", "fromMysql", " shop"),
    .init("redis-cli's password", "redis-cli -a ", "fromredis", " ping"),
    .init("in words", "the admin password is ", "letmein99"),
    .init("two words", "API key: ", "mine-alone"),
    .init("pair", "('api_token', '", "paired", "')"),
  ]

  private static let addresses: [PlantedSecret] = [
    .init("database address", "connect postgres://", "app:hunter2", "@db:5432/shop"),
    .init("address with a slash in it", "redis://", ":pa/ss#word", "@cache:6379/0"),
    .init("git remote", "fetch https://", "oauth2:abc", "@git.example/x.git"),
    .init("Sentry's address", "dsn https://", "public-part", "@o1.ingest.example/2"),
    .init("key of a query", "GET /v1?key=", "q1w2e3", "&x=1"),
    .init("token of a query", "GET https://h/p?a=1&access_token=", "q1w2e3r4"),
    .init("signed address", "PUT https://b.example/o?X-Amz-Signature=", "5f4dcc3b"),
    .init("shared access signature", "https://a.example/c?sv=1&sig=", "abc%2Bdef%3D"),
    .init("pip's index", "Looking in indexes: https://", "ci:index-pass", "@pypi.corp.example/simple"),
  ]

  private static let files: [PlantedSecret] = [
    .init(".netrc in one line", "machine h.example login bob password ", "netrc-pass"),
    .init(".netrc in lines", "machine h.example\n  login bob\n  password ", "netrc-pass2"),
    .init(".npmrc", "//registry.example/:_authToken=", "npmrc-token"),
    .init(".npmrc's old login", "_auth=", "Zm9vOmJhcg"),
    .init(".pgpass", "", "db.example:5432:shop:app:pg-pass"),
    .init("docker's login", "{\"auths\": {\"r.example\": {\"auth\": \"", "dTpwYXNz", "\"}}}"),
    .init("kubeconfig", "    client-key-data: ", "LS0tLS1CRUdJTiBFQyBQUklWQVRF"),
    .init("YAML block", "password: |\n  ", "line one of it", "\nnext: x"),
    .init("Maven's settings", "<server><id>x</id><password>", "mvn-pass", "</password></server>"),
  ]

  private static let pemLines = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7", "VJTUt9Us8cKB"]

  private static let blocks: [PlantedSecret] = [
    .init(
      "RSA key", "-----BEGIN RSA PRIVATE" + " KEY-----\n", pemLines[0], "\n-----END RSA PRIVATE KEY-----"),
    .init("OpenSSH key", "-----BEGIN OPENSSH PRIVATE" + " KEY-----\n", pemLines[1], "\n"),
    .init("key whose beginning is gone", "", pemLines[2], "\n-----END PRIVATE" + " KEY-----"),
    .init(
      "PGP key", "-----BEGIN PGP PRIVATE" + " KEY BLOCK-----\n\n", pemLines[1],
      "\n-----END PGP PRIVATE KEY BLOCK-----"),
    .init(
      "PuTTY key", "PuTTY-User-Key" + "-File-3: ssh-rsa\nPrivate-Lines: 1\n", pemLines[1], "\nPrivate-MAC: 1"),
  ]

  private static let people: [PlantedSecret] = [
    .init("mail address", "mailed to ", "alice.smith+x@corp.example.com", "."),
    .init("home folder", "File \"", "/home/alice", "/app/main.py\""),
    .init("home folder of a Mac", "open ", "/Users/alice", "/x"),
    .init("home folder of Windows", "open ", "C:\\Users\\alice", "\\x"),
  ]
}
