import Ecosystems
import Planning
import Testing

@Suite("Python source")
struct PythonSourceTests {
  @Test(
    "shows its application object however it is imported and written",
    arguments: [
      ("from flask import Flask\napp = Flask(__name__)", "app", "flask"),
      ("import flask\nserver = flask.Flask(__name__)", "server", "flask"),
      ("import flask as f\nx: f.Flask = f.Flask(\n  __name__,\n)", "x", "flask"),
      ("from fastapi import (\n  FastAPI as API,\n  Query,\n)\napi = API(title='a = b')", "api", "fastapi"),
      ("from aiohttp import web\napp = web.Application()", "app", "aiohttp"),
      ("import aiohttp.web\napp = aiohttp.web.Application()", "app", "aiohttp"),
      (
        "try:\n  from flask import Flask\nexcept ImportError:\n  pass\nif True:\n\tapp = Flask('x')", "app",
        "flask"
      ),
      ("from flask import Flask; app = Flask('x')", "app", "flask"),
      ("from starlette.applications import Starlette\napp = \\\n  Starlette()", "app", "starlette"),
      (
        "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()",
        "application",
        "django"
      ),
      (
        "from flask import Flask\ndef make():\n  app = Flask('x')\n  return app\napplication = make()",
        "application", "flask"
      ),
    ])
  func applications(_ text: String, _ name: String, _ framework: String) throws {
    let application = try #require(PythonSource.read(text).applications.first)
    #expect(application.name == name && application.framework == framework && !application.isFactory)
  }

  @Test(
    "in comments, texts, or of another name shows none",
    arguments: [
      "# from flask import Flask\n# app = Flask(__name__)",
      "\"\"\"\nfrom flask import Flask\napp = Flask(__name__)\n\"\"\"",
      "text = 'from flask import Flask'\nother = r'''\nimport flask\napp = flask.Flask(1)\n'''",
      "from flask_cors import CORS\napp = CORS()", "from mine import Flask\napp = Flask()", "app = Flask()",
      "import aiohttp\napp = aiohttp.ClientSession()",
      "from flask import Flask\nx = {'app': 1}\nf(app=Flask(1))",
      "from flask import Flask\nclass A:\n  app = 1\n",
      "unclosed = '''\nfrom flask import Flask\napp = Flask(1)", "",
    ])
  func nearMisses(_ text: String) { #expect(PythonSource.read(text).applications.isEmpty) }

  @Test("shows a factory as one")
  func factories() throws {
    let source = PythonSource.read(
      "from flask import Flask\ndef create_app(x=1):\n  app = Flask('x')\n  return app")
    let factory = try #require(source.applications.first)
    #expect(factory.isFactory && factory.name == "create_app" && factory.line == 2)
  }

  @Test(
    "shows where it starts a server",
    arguments: [
      (
        "from flask import Flask\napp = Flask(1)\nif __name__ == '__main__':\n  app.run(port=1)", "app.run", 4
      ),
      ("import uvicorn\nuvicorn.run('a:b')", "uvicorn.run", 2),
      ("from http.server import HTTPServer, H\n\nHTTPServer(('', 1), H).serve_forever()", "HTTPServer", 3),
      (
        "import socketserver\nwith socketserver.TCPServer(a, b) as s:\n  s.serve_forever()",
        "socketserver.TCPServer", 2
      ),
      ("from aiohttp import web\nweb.run_app(web.Application())", "web.run_app", 2),
    ])
  func servers(_ text: String, _ call: String, _ line: Int) {
    let start = PythonSource.read(text).serverStart
    #expect(start?.call == call && start?.line == line)
  }

  @Test(
    "does not take another run for a server",
    arguments: [
      "import subprocess\nsubprocess.run(['x'])", "import asyncio\nasyncio.run(main())", "bot.run(token)",
      "# app.run()\n'app.run()'", "def run(app):\n  pass",
    ])
  func otherRuns(_ text: String) { #expect(PythonSource.read(text).serverStart == nil) }

  @Test(
    "that makes no sense is read without harm",
    arguments: ["(((((", "'", "\\", "\"\"\"", "def", "import", "from", "\0\u{FFFD}=", "x = = ="])
  func nonsense(_ text: String) { #expect(PythonSource.read(text).applications.isEmpty) }
}

@Suite("JavaScript source")
struct JavaScriptSourceTests {
  @Test("shows what it imports and where it listens")
  func reads() {
    let source = JavaScriptSource.read(
      """
      import express from "express"; // import x from "koa"
      const http = require('node:http'), re = /["'`]/g, half = a / 2 / b;
      const text = `require("fastify") ${x}`;
      export { y } from "./y.js"; await import("ws");
      /* server.listen(1) */
      http.createServer(app)
        .listen(process.env.PORT);
      """)
    #expect(source.imports == ["express", "node:http", "./y.js", "ws"])
    #expect(source.listenLine == 7)
  }

  @Test(
    "that only speaks of listening does not listen",
    arguments: [
      "// server.listen(1)", "'server.listen(1)'", "x.listen", "x.listener(1)", "listen(1)",
      "/.listen(/.test(x)",
    ])
  func nearMisses(_ text: String) { #expect(JavaScriptSource.read(text).listenLine == nil) }
}
