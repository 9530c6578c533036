"""usage: definitions.py JOBS.YAML FOLDER. Prints what Jenkins Job Builder takes without a word and Jenkins would not act on:
sections that nobody reads in JOBS.YAML; in FOLDER, what was made of it, triggers of jobs that don't exist, or in a circle."""
import os
import sys
import xml.etree.ElementTree as XML

import yaml

COMMON = {"name", "defaults", "description"}
JOB = COMMON | {"project-type", "node", "concurrent", "properties", "parameters", "scm", "triggers", "wrappers", "builders",
                "publishers"}
SECTIONS = {
    "defaults": JOB,
    "job-template": JOB,
    "view-template": COMMON | {"view-type", "first-job", "no-of-displayed-builds", "latest-job-only", "refresh-frequency"},
    **{kind: {"name", kind + "s"} for kind in ("parameter", "publisher", "wrapper", "builder")},
}
TRIGGER = "hudson.plugins.parameterizedtrigger.BuildTriggerConfig"


def sections(file):
    """Sections that are unknown, and settings of a project that nothing uses."""
    text = open(file).read()
    for item in yaml.safe_load(text):
        (kind, content), = item.items()
        if kind == "project":
            for name in set(content) - {"name", "jobs", "views"}:
                if "{" + name + "}" not in text:
                    yield f"project {content['name']}: nothing uses {name}"
        elif kind not in SECTIONS:
            yield f"{kind}: unknown kind"
        else:
            for name in set(content) - SECTIONS[kind]:
                yield f"{kind} {content['name']}: unknown section {name}"


def triggers(folder):
    jobs = {name: XML.parse(os.path.join(folder, name, "config.xml")).getroot() for name in os.listdir(folder)}
    after = {name: [] for name, root in jobs.items() if root.tag == "project"}
    for name, root in jobs.items():
        named = [(place.text or "").split(",") for place in root.iter("firstJob")]
        for place in root.iter(TRIGGER):
            after[name] += place.findtext("projects").split(",")
        for job in sum(named, after.get(name, [])):
            if job not in after:
                yield f"{name}: no job {job}"
    for name in after:
        seen, queue = set(), list(after[name])
        while queue:
            job = queue.pop()
            if job == name:
                yield f"{name}: is triggered by what it triggers"
                break
            if job not in seen:
                seen.add(job)
                queue += after.get(job, [])
    started = {job for jobs_after in after.values() for job in jobs_after}
    for name in after:
        if name not in started and not jobs[name].findall("triggers/*"):
            yield f"{name}: nothing triggers it"


problems = [*sections(sys.argv[1]), *triggers(sys.argv[2])]
print(*problems, sep="\n", end="\n" if problems else "")
sys.exit(1 if problems else 0)
