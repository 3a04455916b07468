"""Sums up runs of the tests: usage summary.py NAME=EVENTS... -- [PROBLEM...]

EVENTS is the event stream of swift-testing (JSON lines). A test counts once for each run in which it
passed or failed, and as skipped if it ran in none. A test that started and did not end has failed, as has
each PROBLEM. Prints failures and the reasons of skips, and last 'N passed, N failed, N skipped'.
"""

import json
import sys
from collections import Counter


def read(path):
    """Yields the records of an event stream; a run that broke off leaves half a line."""
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue
    except FileNotFoundError:
        return


def summarise(run, path, totals):
    """Adds one run to the totals."""
    functions, started, ended, skipped, issues = {}, set(), {}, {}, {}
    for record in read(path):
        payload = record["payload"]
        if record["kind"] == "test":
            if payload["kind"] == "function":
                functions[payload["id"]] = payload["id"].rsplit("/", 1)[0]
            continue
        test = payload.get("testID")
        texts = [(message["symbol"], message["text"]) for message in payload["messages"]]
        kind = payload["kind"]
        if kind == "issueRecorded" and payload["issue"].get("isFailure", True):
            issues.setdefault(test, []).append(texts[0][1] if texts else "an issue")
            place = payload["issue"].get("sourceLocation")
            if place:
                issues[test][-1] += f" ({place['fileID']}:{place['line']})"
        elif test not in functions:
            continue
        elif kind == "testStarted":
            started.add(test)
        elif kind in ("testSkipped", "testCancelled"):
            skipped[test] = texts[0][1].split(": ", 1)[-1].strip('"') if texts else "no reason given"
        elif kind == "testEnded":
            ended[test] = texts[0][0] if texts else "pass"
    for test, name in functions.items():
        if test in skipped:
            totals["skipped"][name] = skipped[test]
        elif test in issues or ended.get(test) == "fail":
            totals["failed"].append((run, name, issues.get(test, ["failed"])))
        elif test in ended:
            totals["passed"].append(name)
        elif test in started:
            totals["failed"].append((run, name, ["did not end: the test runner broke off in it"]))
    for test in issues.keys() - functions.keys():
        totals["failed"].append((run, test or "outside any test", issues[test]))


def main():
    arguments = sys.argv[1:]
    divider = arguments.index("--")
    totals = {"passed": [], "failed": [], "skipped": {}}
    for argument in arguments[:divider]:
        run, _, path = argument.partition("=")
        summarise(run, path, totals)
    for problem in arguments[divider + 1 :]:
        totals["failed"].append(("all", "scripts/test", [problem]))

    ran = set(totals["passed"]) | {name for _, name, _ in totals["failed"]}
    skips = {name: reason for name, reason in totals["skipped"].items() if name not in ran}
    print()
    if skips:
        print(f"Skipped, {len(skips)} in all:")
        for reason, count in Counter(skips.values()).most_common():
            print(f"  {count} x {reason}")
            for name in sorted(name for name in skips if skips[name] == reason):
                print(f"      {name}")
    if totals["failed"]:
        print("Failed:")
        for run, name, reasons in totals["failed"]:
            print(f"  {name} ({run})")
            for reason in reasons[:5]:
                print(f"      {reason}")
    if not totals["passed"] and not totals["failed"]:
        print("No test ran.")
    print(f"{len(totals['passed'])} passed, {len(totals['failed'])} failed, {len(skips)} skipped")
    return 0 if totals["passed"] and not totals["failed"] else 1


sys.exit(main())
