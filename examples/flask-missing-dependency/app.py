"""Shows settings as YAML."""

import yaml
from flask import Flask, Response

app = Flask(__name__)
SETTINGS = {"title": "Settings", "languages": ["en", "de"]}


@app.get("/")
def index():
    return Response(yaml.safe_dump(SETTINGS), mimetype="text/plain")
