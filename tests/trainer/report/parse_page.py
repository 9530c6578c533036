"""usage: parse_page.py FILE. The page loads nothing, runs nothing, and its policy names its one style."""
import base64
import hashlib
import html.parser
import re
import sys

VOID = {"meta", "path"}
problems = []


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.policies, self.style, self.charts = [], [], "", 0

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base", "form", "a", "image", "use"):
            problems.append(f"there is a <{tag}>")
        for name, value in attributes:
            if name.startswith("on") or name in ("src", "href", "xlink:href", "style", "srcset", "action"):
                problems.append(f"<{tag}> has {name}={value}")
            if re.search(r"\w+://|url\(|javascript:", value or ""):
                problems.append(f"<{tag}> names something outside: {name}={value}")
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(values["content"])
            if self.open != ["html", "head"]:
                problems.append("the policy is not in the head")
        self.charts += values.get("class") == "chart"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            problems.append(f"</{tag}> closes what is not open")

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data


page = Page()
with open(sys.argv[1], encoding="utf-8") as opened:
    page.feed(opened.read())
page.close()
digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
if page.open:
    problems.append(f"left open: {page.open}")
if len(page.policies) != 1 or not page.policies[0].startswith(f"default-src 'none'; style-src 'sha256-{digest}';"):
    problems.append(f"the policy is {page.policies}; the style has sha256-{digest}")
if "unsafe" in "".join(page.policies):
    problems.append("the policy has an exception")
if re.search(r"@import|url\(", page.style):
    problems.append("the style loads something")
if page.charts != 2:
    problems.append(f"{page.charts} charts instead of 2")
print("\n".join(problems))
sys.exit(bool(problems))
