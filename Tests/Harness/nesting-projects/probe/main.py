"""Says what holds it, tries what must not work, and answers."""
import errno, http.server, json, os, signal, socket, sys


def outcome(attempt):
    try:
        attempt()
        return "done"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))


def status():
    try:
        with open("/proc/self/status") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}


def link(name):
    try:
        return os.readlink("/proc/self/ns/" + name)
    except OSError:
        return None


def write():
    with open(os.environ["OUTSIDE"] + "/written", "w"):
        pass


facts = {"uid": os.getuid(), "namespaces": {name: link(name) for name in ["user", "pid", "mnt", "net"]}}
facts.update({key: status().get(key) for key in ["NoNewPrivs", "Seccomp", "CapEff"]})
try:
    facts["ownProc"] = os.readlink("/proc/self") == str(os.getpid())
except OSError:
    facts["ownProc"] = None
facts["read"] = outcome(lambda: open(os.environ["OUTSIDE"] + "/secret").close())
facts["write"] = outcome(write)
facts["connect"] = outcome(
    lambda: socket.create_connection(("127.0.0.1", int(os.environ["OUTSIDE_PORT"])), timeout=2).close())
if os.getpid() != 1:
    facts["signal"] = outcome(lambda: os.kill(int(os.environ["OUTSIDE_PID"]), signal.SIGUSR1))
print("FACTS " + json.dumps(facts), flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
port = int(os.environ.get("PORT", "8080"))
http.server.HTTPServer(("", port), http.server.SimpleHTTPRequestHandler).serve_forever()
