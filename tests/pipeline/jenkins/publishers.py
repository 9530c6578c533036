"""What Jenkins does after the steps of a build, for runner.py: artefacts, tests, plots, description, triggers, mail."""
import csv
import glob
import os
import re
import shutil
import smtplib
import sys
import xml.etree.ElementTree as XML
from email.message import EmailMessage

# Which results a condition of a trigger is for.
CONDITIONS = {
    "SUCCESS": {"SUCCESS"}, "UNSTABLE": {"UNSTABLE"}, "FAILED": {"FAILURE"}, "ALWAYS": {"SUCCESS", "UNSTABLE", "FAILURE"},
    "UNSTABLE_OR_BETTER": {"SUCCESS", "UNSTABLE"}, "UNSTABLE_OR_WORSE": {"UNSTABLE", "FAILURE"},
    "FAILED_OR_BETTER": {"SUCCESS", "UNSTABLE", "FAILURE"},
}


def files_of(build, pattern):
    found = glob.glob(os.path.join(build.workspace, pattern), recursive=True)
    return [path for path in sorted(found) if os.path.isfile(path)]


def archive(build, element):
    for pattern in element.findtext("artifacts").split(","):
        found = files_of(build, pattern.strip())
        if not found and element.findtext("allowEmptyArchive") != "true":
            build.worse("FAILURE")
        for path in found:
            if os.path.islink(path):
                sys.exit(f"runner: {path} is a link: it would be followed")
            target = os.path.join(build.folder, "archive", os.path.relpath(path, build.workspace))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(path, target)


def junit(build, element):
    found = files_of(build, element.findtext("testResults"))
    if not found and element.findtext("allowEmptyResults") != "true":
        build.worse("FAILURE")
    for path in found:
        if os.path.getmtime(path) < build.started - 1:
            build.log(f"{path} is older than the build")
            build.worse("FAILURE")
            continue
        cases = list(XML.parse(path).getroot().iter("testcase"))
        failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
        build.log(f"junit: {len(cases)} cases, {len(failed)} failed")
        if not cases:
            build.worse("FAILURE")
        if failed:
            build.worse("UNSTABLE")


def plot(build, element):
    for series in element.iter("hudson.plugins.plot.CSVSeries"):
        for path in files_of(build, series.findtext("file")):
            with open(path, newline="") as file:
                names, *rows = csv.reader(file)
            if len(rows) != 1 or len(rows[0]) != len(names):
                sys.exit(f"runner: {path} has not one row of {len(names)} values")
            with open(os.path.join(build.job.folder, "plot.csv"), "a") as file:
                for name, value in zip(names, rows[0]):
                    file.write(f"{build.number},{name},{float(value)}\n")


def describe(build, element):
    for line in build.log_lines():
        match = re.search(element.findtext("regexp"), line)
        if match:
            build.description = re.sub(r"\\(\d)", lambda group: match.group(int(group.group(1))), element.findtext("description"))
            return


def trigger(build, element):
    triggered = []
    for config in element.find("configs"):
        values = {}
        for source in config.find("configs"):
            if source.tag != "hudson.plugins.parameterizedtrigger.PredefinedBuildParameters":
                sys.exit(f"runner: does not know <{source.tag}>")
            for line in source.findtext("properties").splitlines():
                name, value = line.split("=", 1)
                values[name] = re.sub(r"\$(\w+)", lambda match: build.environment[match.group(1)], value)
        if build.result in CONDITIONS[config.findtext("condition")]:
            needs_none = config.findtext("triggerWithNoParameters") == "true"
            triggered += [(name.strip(), values, needs_none) for name in config.findtext("projects").split(",")]
    return triggered


def previous_result(build):
    path = os.path.join(build.job.folder, "builds", str(build.number - 1), "result")
    return open(path).read() if os.path.exists(path) else None


def wants_mail(build, element):
    before, wanted = previous_result(build), False
    for when in element.find("configuredTriggers"):
        kind = when.tag.split(".")[-1]
        if when.find("email/recipientProviders/hudson.plugins.emailext.plugins.recipients.ListRecipientProvider") is None:
            continue
        if kind == "FirstFailureTrigger":
            wanted |= build.result == "FAILURE" and before != "FAILURE"
        elif kind == "FixedTrigger":
            wanted |= build.result == "SUCCESS" and before not in (None, "SUCCESS")
        else:
            sys.exit(f"runner: does not know <{when.tag}>")
    return wanted


def mail(build, element):
    if not wants_mail(build, element):
        return
    tokens = {"PROJECT_NAME": build.job.name, "BUILD_NUMBER": str(build.number), "BUILD_STATUS": build.result,
              "BUILD_URL": build.environment["BUILD_URL"], "CAUSE": build.cause}

    def expanded(text):
        def log(match):
            return "\n".join(build.log_lines()[-int(match.group(1)):])
        text = re.sub(r"\$(\w+)", lambda match: tokens[match.group(1)], text)
        return re.sub(r"\$\{BUILD_LOG, maxLines=(\d+), escapeHtml=false\}", log, text)

    message = EmailMessage()
    message["From"], message["To"] = "jenkins@example.org", element.findtext("recipientList")
    message["Subject"] = expanded(element.findtext("defaultSubject"))
    if element.findtext("contentType") != "text/plain":
        sys.exit("runner: knows mails of plain text")
    message.set_content(expanded(element.findtext("defaultContent")))
    host, port = build.options.smtp.split(":")
    with smtplib.SMTP(host, int(port)) as server:
        server.send_message(message)


PUBLISHERS = {
    "hudson.tasks.ArtifactArchiver": archive,
    "hudson.tasks.junit.JUnitResultArchiver": junit,
    "hudson.plugins.plot.PlotPublisher": plot,
    "hudson.plugins.descriptionsetter.DescriptionSetterPublisher": describe,
    "hudson.plugins.parameterizedtrigger.BuildTrigger": trigger,
    "hudson.plugins.emailext.ExtendedEmailPublisher": mail,
}


def publish(build):
    """All of them, those that need the result last; gives what is triggered: name, parameters, also without parameters."""
    elements = list(build.job.root.find("publishers"))
    triggered = []
    for element in elements:
        if element.tag not in PUBLISHERS:
            sys.exit(f"runner: does not know <{element.tag}>")
    for element in sorted(elements, key=lambda element: PUBLISHERS[element.tag] in (trigger, mail)):
        triggered += PUBLISHERS[element.tag](build, element) or []
    return triggered
