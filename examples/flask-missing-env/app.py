"""Says which kind of database it is connected to."""

import os
from urllib.parse import urlsplit

from flask import Flask

app = Flask(__name__)
database = urlsplit(os.environ["DATABASE_URL"])


@app.get("/")
def index():
    return f"connected to {database.scheme}\n"
