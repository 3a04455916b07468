"""Says hello, to its own machine only."""

import os
import signal
import sys

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "hello\n"


def stop(signum, frame):
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    app.run(port=int(os.environ.get("PORT", "5000")))
