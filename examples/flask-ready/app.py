"""A small task list, kept in memory."""

from flask import Flask, jsonify, request

app = Flask(__name__)
tasks: list[str] = ["write the code", "check it before deploying it"]


@app.get("/")
def index():
    return jsonify(tasks=tasks)


@app.post("/tasks")
def add():
    title = (request.get_json(silent=True) or {}).get("title", "").strip()
    if not title:
        return jsonify(error="a task needs a title"), 400
    tasks.append(title)
    return jsonify(tasks=tasks), 201


@app.get("/healthz")
def healthz():
    return "ok\n"
