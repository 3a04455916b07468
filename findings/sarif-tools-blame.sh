#!/bin/bash
# sarif-tools 3.0.5 (PyPI): a result whose property bag has a string named "blame" ends it.
#
# Guess: a property bag holds whatever a tool puts there (SARIF 2.1.0, section 3.8), and readers pass over names that
# they do not know.
# Seen: the file is valid by OASIS' schema, and is loaded. As soon as its records are read, "blame" is taken for what
# sarif-tools' own `blame` command writes, an object: AttributeError, and no record of the whole file is shown. With
# another name the same file is read.
#
# usage: findings/sarif-tools-blame.sh    needs python3 with venv, and the network
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tools && tools/bin/pip install --quiet sarif-tools==3.0.5
cat >read.py <<'P'
import json, sys
import sarif.loader

place = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 1}}}
result = {"ruleId": "r", "level": "error", "message": {"text": "m"}, "locations": [place]}
result["properties"] = {sys.argv[1]: "project"}
run = {"tool": {"driver": {"name": "t"}}, "results": [result]}
json.dump({"version": "2.1.0", "runs": [run]}, open("a.sarif", "w"))
file = sarif.loader.load_sarif_file("a.sarif")
try:
    print(len(file.get_records()), "record")
except AttributeError as error:
    print(error)
P
seen=$(tools/bin/python read.py blame; tools/bin/python read.py responsible)
echo "$seen"
[ "$seen" = "'str' object has no attribute 'get'
1 record" ]
