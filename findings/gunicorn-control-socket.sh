#!/bin/bash
# gunicorn 27.0.1 (PyPI): a server listens on a UNIX socket beside its port, in the home folder, unless
# --no-control-socket is given.
#
# Guess: two servers with different addresses share nothing, and a home that cannot be written is no matter.
# Seen: both take ~/.gunicorn/gunicorn.ctl. The later one replaces the earlier one's socket without a word, and removes
# the name when it stops: the earlier one still serves, and cannot be controlled any more. Where the home cannot be
# written, a line of level ERROR is in the log, and the server goes on. The line that tells of the socket is written by
# a thread of the first process, so that it comes before or after the lines of workers.
#
# usage: findings/gunicorn-control-socket.sh    needs python3 with venv, and the network
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tools && tools/bin/pip install --quiet gunicorn==27.0.1
cat >app.py <<'P'
def app(environment, start):
    start("200 OK", [])
    return [b"ok"]
P
# serve NAME HOME: on a free port; sets `process`.
serve() {
  HOME=$2 tools/bin/gunicorn --bind 127.0.0.1:0 app:app >"$1.log" 2>&1 &
  process=$!
  for _ in $(seq 100); do
    grep -qE 'Control s(ocket listening|erver error)' "$1.log" && return
    sleep 0.1
  done
}
serve unwritable /proc/none
mkdir home && serve first "$work/home" && first=$process
before=$(stat -c %i home/.gunicorn/gunicorn.ctl)
serve second "$work/home" && second=$process
after=$(stat -c %i home/.gunicorn/gunicorn.ctl)
kill $second && wait $second || true
seen=$(grep -oE '\[ERROR\] Control server error' unwritable.log
  [ "$before" = "$after" ] || echo replaced
  [ -e home/.gunicorn/gunicorn.ctl ] || echo removed
  grep -ciE 'control.*(in use|exists|replac)' second.log || true
  kill -0 $first && echo serving)
[ "$seen" = $'[ERROR] Control server error\nreplaced\nremoved\n0\nserving' ] || { echo "changed: $seen"; exit 1; }
echo "as found: $seen"
