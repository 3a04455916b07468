/// Distributions whose import name is their own, well enough known to be advised without a look at the index.
///
/// A name that is not here may be a forgotten file of the project's own: to install it would fetch a stranger's.
enum KnownPackages {
  /// Whether a distribution (normalised) is well known.
  static func contains(_ name: String) -> Bool { names.contains(name) }

  private static let names = Set(text.split(whereSeparator: \.isWhitespace).map(String.init))

  private static let text = """
    a2wsgi accelerate aioboto3 aiofiles aiogram aiohttp aiomysql aiopg aioredis aiosmtplib aiosqlite airtable-python-wrapper
    alembic altair amqp anthropic anyio apache-airflow apispec appdirs apprise apscheduler arango arq arrow asgiref
    assemblyai astropy async-timeout asyncclick asyncpg asyncssh attrs authlib autogen avro azure-core azure-identity
    azure-storage-blob babel backoff bcrypt beautifulsoup4 billiard bleach blinker blosc bokeh boltons boto boto3 botocore
    bottle brotli cachecontrol cachelib cachetools cairocffi catboost cattrs celery certifi cffi chardet
    charset-normalizer cherrypy chromadb click clickhouse-driver cloudinary cloudpickle cohere colorama colorlog
    connexion cookiecutter coverage croniter cryptography cssselect curl-cffi cvxpy cycler cython daphne dash dask
    databases datasets dateparser deepdiff defusedxml deprecated diffusers dill discord-py diskcache django django-allauth
    django-cors-headers django-environ django-filter django-redis django-storages djangorestframework dj-database-url
    dnspython docker docutils docxtpl dramatiq duckdb dynaconf einops elasticsearch elastic-transport emoji
    environs esprima eventlet evaluate execnet factory-boy fabric faiss-cpu faker falcon fastapi fastapi-users fasteners
    fastparquet feedparser filelock fire firebase-admin flake8 flask flask-admin flask-babel flask-bcrypt flask-caching
    flask-cors flask-jwt-extended flask-limiter flask-login flask-mail flask-marshmallow flask-migrate flask-restful
    flask-restx flask-session flask-socketio flask-sqlalchemy flask-talisman flask-wtf flower fontawesome
    freezegun frozenlist fsspec ftfy future gensim geoalchemy2 geopandas geopy gevent gevent-websocket gitpython glom
    google-api-python-client google-auth google-cloud-bigquery google-cloud-storage google-generativeai gpustat gradio
    granian graphene graphql-core greenlet groq grpcio gspread gunicorn h11 h2 h5py hiredis html5lib httpcore httptools
    httpx httpx-sse huey huggingface-hub humanize hvac hypercorn hypothesis icalendar idna imageio importlib-metadata
    influxdb-client inflection instructor ipython isodate itsdangerous jaraco-text jax jinja2 jira jmespath joblib
    joserfc jsonlines jsonpatch jsonpath-ng jsonpickle jsonschema keras keyring kombu kubernetes langchain
    langchain-community langchain-core langchain-openai langdetect langgraph ldap3 libsass lightgbm litellm litestar
    llama-index locust loguru lxml lz4 mako mangum markdown markdown2 marshmallow matplotlib minio mistune mlflow mock
    mongoengine mongomock more-itertools motor moviepy msal msgpack msgspec multidict mutagen mypy mysql-connector-python
    mysqlclient nameko neo4j netaddr networkx newrelic nicegui nltk numba numexpr numpy oauthlib odfpy ollama onnxruntime
    openai opencv-python-headless openpyxl opentelemetry-api opentelemetry-sdk optuna oracledb orjson packaging paho-mqtt
    pandas papermill paramiko passlib patsy peewee pendulum pg8000 pgvector phonenumbers pika pillow pinecone plac
    platformdirs playwright plotly pluggy ply polars pony portalocker prettytable prometheus-client prompt-toolkit
    protobuf psutil psycopg psycopg2 psycopg2-binary ptyprocess pulp py7zr pyarrow pyasn1 pycountry pycparser pycryptodome
    pycurl pydantic pydantic-settings pydub pyfcm pygments pyinstrument pyjwt pymongo pymysql pynacl pyodbc pyopenssl
    pyotp pyparsing pypdf pypdf2 pyperclip pypika pyproj pyramid pyrogram pyserial pytesseract pytest python-dateutil
    python-decouple python-docx python-dotenv python-jose python-json-logger python-multipart python-pptx python-slugify
    python-socketio python-telegram-bot pytz pywebpush pyyaml pyzmq qdrant-client qrcode quart rapidfuzz ray redis
    regex reportlab requests requests-html requests-oauthlib requests-toolbelt responses retry retrying rich rq rsa ruamel-yaml
    s3fs sanic scikit-image scikit-learn scipy scrapy seaborn selenium sendgrid sentence-transformers sentencepiece
    sentry-sdk setproctitle shapely shortuuid simplejson simpy six slack-bolt slack-sdk slowapi smart-open sniffio
    snowflake-connector-python sortedcontainers soundfile spacy sqlalchemy sqlalchemy-utils sqlmodel sqlparse sse-starlette
    starlette statsmodels strawberry-graphql streamlit stripe structlog sympy tablib tabulate telethon tenacity
    tensorflow termcolor textblob thefuzz thinc threadpoolctl tiktoken tinycss2 tinydb tokenizers toml tomli tomlkit
    toolz torch torchvision tornado tortoise-orm tox tqdm transformers trio tweepy twilio typeguard typer
    typing-extensions tzdata tzlocal ua-parser ujson umap-learn unidecode uritemplate urllib3 user-agents uvicorn uvloop
    validators vine voluptuous waitress wagtail watchdog watchfiles weasyprint webargs websocket-client websockets
    werkzeug wheel whitenoise wikipedia wrapt wtforms xgboost xlrd xlsxwriter xlwt xmltodict yarl yfinance
    youtube-dl yt-dlp zeep zipp zstandard
    """
}

extension DependencyAdvice {
  /// Whether a distribution may be advised: well known, or named by the project itself (a lock file, another list).
  static func isWellKnown(_ distribution: String, in project: ProjectFacts) -> Bool {
    let name = normalized(self.name(ofRequirement: distribution))
    if KnownPackages.contains(name) || ImportNames.provides(name) { return true }
    return project.texts.contains { path, text in
      (path.hasSuffix(".lock") || path.hasSuffix(".txt")) && text.has(name)
    }
  }
}
