/// Extras by the package that misses a module and the module: what is to be required instead of the module.
enum PackageExtras {
  /// Returns "celery[redis]" for celery's code that imports redis.
  static func extra(of package: String, for module: String) -> String? {
    let top = String(module.prefix { $0 != "." })
    return table[package]?[top]
  }

  private static let table: [String: [String: String]] = [
    "celery": [
      "redis": "celery[redis]", "sqlalchemy": "celery[sqlalchemy]", "boto3": "celery[sqs]",
      "pymongo": "celery[mongodb]",
      "pymemcache": "celery[pymemcache]", "gevent": "celery[gevent]", "eventlet": "celery[eventlet]",
      "django_celery_results": "django-celery-results",
    ],
    "kombu": [
      "redis": "celery[redis]", "boto3": "celery[sqs]", "pycurl": "celery[sqs]",
      "sqlalchemy": "celery[sqlalchemy]",
      "pymongo": "celery[mongodb]",
    ],
    "dramatiq": [
      "redis": "dramatiq[redis]", "pika": "dramatiq[rabbitmq]", "pylibmc": "dramatiq[memcached]",
      "watchdog": "dramatiq[watch]", "prometheus_client": "dramatiq[prometheus]",
    ],
    "huey": ["redis": "huey[redis]"], "apscheduler": ["sqlalchemy": "apscheduler[sqlalchemy]"],
    "sanic": ["sanic_ext": "sanic[ext]"], "aiocache": ["redis": "aiocache[redis]"],
    "litestar": [
      "jinja2": "litestar[jinja]", "uvicorn": "litestar[standard]", "redis": "litestar[redis]",
      "jwt": "litestar[jwt]", "sqlalchemy": "litestar[sqlalchemy]", "structlog": "litestar[structlog]",
    ],
    "pydantic": ["email_validator": "pydantic[email]", "tzdata": "pydantic[timezone]"],
    "pydantic_settings": ["yaml": "pydantic-settings[yaml]"],
    "httpx": ["h2": "httpx[http2]", "socksio": "httpx[socks]", "brotli": "httpx[brotli]"],
    "requests": ["socks": "requests[socks]"],
    "uvicorn": [
      "websockets": "uvicorn[standard]", "httptools": "uvicorn[standard]", "watchfiles": "uvicorn[standard]",
    ],
    "fastapi": ["multipart": "python-multipart", "orjson": "orjson", "jinja2": "jinja2"],
    "starlette": [
      "multipart": "python-multipart", "jinja2": "jinja2", "itsdangerous": "itsdangerous", "httpx": "httpx",
    ],
    "flask": ["asgiref": "flask[async]", "dotenv": "python-dotenv"],
    "sqlalchemy": [
      "psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]", "MySQLdb": "mysqlclient",
      "pymysql": "PyMySQL",
      "greenlet": "sqlalchemy[asyncio]", "asyncpg": "asyncpg", "aiosqlite": "aiosqlite",
      "aiomysql": "aiomysql",
      "pyodbc": "pyodbc", "oracledb": "oracledb",
    ],
    "django": ["argon2": "django[argon2]", "bcrypt": "django[bcrypt]", "redis": "redis", "PIL": "Pillow"],
    "passlib": ["argon2": "passlib[argon2]", "bcrypt": "passlib[bcrypt]"],
    "jwt": ["cryptography": "pyjwt[crypto]"], "jose": ["cryptography": "python-jose[cryptography]"],
    "psycopg": ["psycopg_binary": "psycopg[binary]", "psycopg_pool": "psycopg[pool]"],
    "pandas": [
      "openpyxl": "openpyxl", "xlrd": "xlrd", "pyarrow": "pyarrow", "lxml": "lxml",
      "sqlalchemy": "SQLAlchemy",
    ],
    "gunicorn": [
      "gevent": "gunicorn[gevent]", "eventlet": "gunicorn[eventlet]", "tornado": "gunicorn[tornado]",
    ],
    "channels": ["daphne": "channels[daphne]"], "dj_rest_auth": ["allauth": "dj-rest-auth[with_social]"],
    "strawberry": ["libcst": "strawberry-graphql[cli]"], "slowapi": ["redis": "slowapi[redis]"],
    "flask_limiter": ["redis": "limits[redis]"], "limits": ["redis": "limits[redis]"],
    "socketio": ["aiohttp": "python-socketio[asyncio_client]", "requests": "python-socketio[client]"],
    "storages": [
      "boto3": "django-storages[s3]", "google": "django-storages[google]", "azure": "django-storages[azure]",
    ],
    "moto": ["flask": "moto[server]"],
    "dask": ["pandas": "dask[dataframe]", "distributed": "dask[distributed]"],
    "databases": [
      "asyncpg": "databases[asyncpg]", "aiosqlite": "databases[aiosqlite]", "aiomysql": "databases[aiomysql]",
    ],
    "tortoise": ["asyncpg": "tortoise-orm[asyncpg]"],
    "prometheus_fastapi_instrumentator": ["fastapi": "fastapi"],
    "coverage": ["tomli": "coverage[toml]"], "sentry_sdk": ["flask": "sentry-sdk[flask]"],
    "transformers": [
      "torch": "torch", "sentencepiece": "transformers[sentencepiece]", "accelerate": "accelerate",
    ],
  ]
}
