"""Checks the links of Markdown documents named on standard input: each relative link must lead to a file, each
anchor to a heading. Prints what does not resolve."""

import os
import re
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")


def anchors(path):
    """The anchors that a document's headings get."""
    text = re.sub(r"```.*?```", "", open(path, encoding="utf-8").read(), flags=re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *#*$", text, re.MULTILINE):
        kept = re.sub(r"[^\w\- ]", "", heading.lower().replace("`", ""))
        found.add(kept.replace(" ", "-"))
    return found


def main():
    wrong = 0
    for document in map(str.strip, sys.stdin):
        text = re.sub(r"```.*?```", "", open(document, encoding="utf-8").read(), flags=re.DOTALL)
        for target in LINK.findall(text):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            path = os.path.join(os.path.dirname(document), name) if name else document
            if not os.path.exists(path):
                print(f"{document}: {target} leads to no file")
                wrong = 1
            elif anchor and path.endswith(".md") and anchor not in anchors(path):
                print(f"{document}: {target} leads to no heading")
                wrong = 1
    return wrong


sys.exit(main())
