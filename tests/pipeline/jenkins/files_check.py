"""usage: files_check.py ROOT. Holds casc.yaml and compose.yaml against schemas, and against each other, plugins.txt, the
Dockerfile and the jobs; shows that the schemas refuse what they should."""
import copy
import json
import os
import re
import sys

import jsonschema
import yaml

root = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))


def text(name):
    with open(os.path.join(root, name)) as file:
        return file.read()


def schema(name):
    with open(os.path.join(here, "schemas", name + ".json")) as file:
        content = json.load(file)
    jsonschema.Draft7Validator.check_schema(content)
    return jsonschema.Draft7Validator(content)


def change(document, path, value):
    """A copy of document with another value at the place path: names and numbers."""
    changed = copy.deepcopy(document)
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return changed


casc, compose = yaml.safe_load(text("pipeline/jenkins/casc.yaml")), yaml.safe_load(text("pipeline/jenkins/compose.yaml"))
jobs, dockerfile = text("pipeline/jenkins/jobs.yaml"), text("dockerfiles/jenkins.Dockerfile")
schema("casc").validate(casc)
schema("compose").validate(compose)

stored = ("credentials", "system", "domainCredentials", 0, "credentials")
for document, kind, path, value in (
    (casc, "casc", ("jenkins", "numExecutors"), 2),
    (casc, "casc", ("jenkins", "numExecutor"), 0),
    (casc, "casc", ("jenkins", "securityRealm", "local", "users", 0, "password"), "admin"),
    (casc, "casc", ("jenkins", "authorizationStrategy", "loggedInUsersCanDoAnything", "allowAnonymousRead"), True),
    (casc, "casc", (*stored, 1, "file", "secretBytes"), "c2VjcmV0"),
    (casc, "casc", (*stored, 0, "basicSSHUserPrivateKey", "privateKeySource", "directEntry", "privateKey"), "-----BEGIN"),
    (compose, "compose", ("services", "controller", "ports"), ["8080:8080"]),
    (compose, "compose", ("services", "controller", "environment", "JENKINS_ADMIN_PASSWORD"), "admin"),
    (compose, "compose", ("services", "git", "image"), "debian"),
    (compose, "compose", ("services", "agent", "privileged"), True),
    (compose, "compose", ("services", "agent", "volumes"), ["/var/run/docker.sock:/var/run/docker.sock"]),
):
    assert not schema(kind).is_valid(change(document, path, value)), f"{kind}: {path} may be {value!r}"

# Whatever casc.yaml takes from the environment without a default, compose.yaml gives to the controller.
given = compose["services"]["controller"]["environment"]
for name in re.findall(r"\$\{([A-Z][A-Z0-9_]*)\}", re.sub(r"(?m)^\s*#.*", "", text("pipeline/jenkins/casc.yaml"))):
    assert name in given, f"casc.yaml: {name} is not given by compose.yaml"

# Credentials, label and folders are the same everywhere.
held = {entry["id"] for kinds in casc["credentials"]["system"]["domainCredentials"][0]["credentials"] for entry in kinds.values()}
used = set(re.findall(r"credential-id: ([\w-]+)", jobs))
used |= {node["permanent"]["launcher"]["ssh"]["credentialsId"] for node in casc["jenkins"]["nodes"]}
used |= set(re.findall(r"credentials\('([\w-]+)'\)", text("pipeline/jenkins/Jenkinsfile")))
assert held == used, f"credentials: held {held}, used {used}"
project = next(item["project"] for item in yaml.safe_load(jobs) if "project" in item)
for label in (project["label"], *re.findall(r"label '(\w+)'", text("pipeline/jenkins/Jenkinsfile"))):
    assert label in {node["permanent"]["labelString"] for node in casc["jenkins"]["nodes"]}, label
mounted = {volume.split(":")[1] for volume in compose["services"]["agent"]["volumes"]}
assert project["state"] in mounted and "/opt/hone/" in dockerfile and project["home"] == "/opt/hone"
for argument in compose["services"]["controller"]["build"]["args"]:
    assert re.search(rf"ARG .*\b{argument}\b", dockerfile), argument
for service in compose["services"].values():
    if "build" in service:
        assert f" AS {service['build']['target']}\n" in dockerfile
        assert os.path.samefile(os.path.join(root, "pipeline/jenkins", service["build"]["context"]), root)
        assert os.path.exists(os.path.join(root, service["build"]["dockerfile"]))
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in compose["volumes"] or os.path.exists(os.path.join(root, "pipeline/jenkins", source)), source
for source in re.findall(r"(?m)^COPY (?!--from)(\S+)", dockerfile):
    assert os.path.exists(os.path.join(root, source)), source
    # Without a line of its own nothing reaches the builder.
    lines = text("dockerfiles/jenkins.Dockerfile.dockerignore").splitlines()
    assert any(source == line[1:] or source.startswith(line[1:] + "/") for line in lines if line.startswith("!")), source

# Each plugin once, pinned, and those that the jobs need among them.
plugins = {}
for line in text("pipeline/jenkins/plugins.txt").splitlines():
    if not line.startswith("#"):
        name, version = line.split(":")
        assert name not in plugins and re.fullmatch(r"[0-9][\w.-]*", version), line
        plugins[name] = version
NEEDED = {"pollscm": "git", "github": "github", "inject": "envinject", "trigger-parameterized-builds": "parameterized-trigger",
          "email-ext": "email-ext", "junit": "junit", "plot": "plot", "description-setter": "description-setter",
          "timeout": "build-timeout", "timestamps": "timestamper", "credentials-binding": "credentials-binding"}
for section, plugin in NEEDED.items():
    assert re.search(rf"- {section}\b", jobs) and plugin in plugins, (section, plugin)
assert "view-type: pipeline" in jobs
assert {"build-pipeline-plugin", "configuration-as-code", "ssh-slaves", "workflow-aggregator"} <= set(plugins)
