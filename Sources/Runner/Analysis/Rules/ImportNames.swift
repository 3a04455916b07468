/// Python import names whose distribution has another name.
enum ImportNames {
  /// Returns the distribution that provides an import name; the name itself when none is known to differ.
  static func distribution(for module: String) -> String {
    let top = String(module.prefix { $0 != "." })
    return special[module] ?? special[top] ?? top.replacingUnderscores
  }

  /// Whether an import name is that of a well-known distribution.
  static func isKnown(_ module: String) -> Bool { special[module] != nil }

  /// Whether a distribution (normalised) is what one of the well-known import names comes from.
  static func provides(_ distribution: String) -> Bool { provided.contains(distribution) }

  private static let provided = Set(
    special.values.map { DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: $0)) })

  private static let special: [String: String] = [
    "Crypto": "pycryptodome", "Cryptodome": "pycryptodomex", "IPython": "ipython",
    "MySQLdb": "mysqlclient", "OpenSSL": "pyOpenSSL", "PIL": "Pillow", "absl": "absl-py",
    "allauth": "django-allauth", "apscheduler": "APScheduler", "attr": "attrs", "bs4": "beautifulsoup4",
    "bson": "pymongo", "cairosvg": "CairoSVG", "constance": "django-constance",
    "corsheaders": "django-cors-headers", "crispy_forms": "django-crispy-forms",
    "cv2": "opencv-python-headless", "dateutil": "python-dateutil", "debug_toolbar": "django-debug-toolbar",
    "decouple": "python-decouple", "discord": "discord.py", "distutils": "setuptools",
    "django": "Django", "django_filters": "django-filter", "dns": "dnspython", "docx": "python-docx",
    "dotenv": "python-dotenv", "environ": "django-environ", "faiss": "faiss-cpu", "fitz": "PyMuPDF",
    "flask": "Flask", "flask_cors": "Flask-Cors", "flask_login": "Flask-Login",
    "flask_migrate": "Flask-Migrate", "flask_sqlalchemy": "Flask-SQLAlchemy", "flask_wtf": "Flask-WTF",
    "git": "GitPython", "github": "PyGithub", "gitlab": "python-gitlab",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf", "google.generativeai": "google-generativeai", "google.auth": "google-auth",
    "graphene_django": "graphene-django", "grpc": "grpcio", "haystack": "django-haystack",
    "import_export": "django-import-export", "jinja2": "Jinja2", "jose": "python-jose", "jwt": "PyJWT",
    "kafka": "kafka-python", "ldap": "python-ldap", "lxml": "lxml", "magic": "python-magic",
    "markdown": "Markdown", "markupsafe": "MarkupSafe", "memcache": "python-memcached",
    "multipart": "python-multipart", "nacl": "PyNaCl", "oauth2_provider": "django-oauth-toolkit",
    "oauth2client": "oauth2client", "paho": "paho-mqtt", "pkg_resources": "setuptools<81",
    "pptx": "python-pptx", "psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]", "pymysql": "PyMySQL",
    "rest_framework": "djangorestframework", "rest_framework_simplejwt": "djangorestframework-simplejwt",
    "sendgrid": "sendgrid", "serial": "pyserial", "setuptools": "setuptools",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "slack": "slackclient", "slugify": "python-slugify",
    "snowflake": "snowflake-connector-python", "socketio": "python-socketio", "engineio": "python-engineio",
    "social_django": "social-auth-app-django", "sqlalchemy": "SQLAlchemy", "storages": "django-storages",
    "telegram": "python-telegram-bot", "tensorflow_hub": "tensorflow-hub", "usb": "pyusb",
    "websocket": "websocket-client", "werkzeug": "Werkzeug", "whois": "python-whois", "wx": "wxPython",
    "yaml": "PyYAML", "zmq": "pyzmq",
  ]
}

extension String {
  fileprivate var replacingUnderscores: String {
    String(map { $0 == "_" ? "-" : $0 })
  }
}
