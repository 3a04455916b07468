"""Cannot do without a variable that nobody gives it."""
import http.server, os

key = os.environ["NESTING_KEY"]
port = int(os.environ.get("PORT", "8080"))
http.server.HTTPServer(("", port), http.server.SimpleHTTPRequestHandler).serve_forever()
