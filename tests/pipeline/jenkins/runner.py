"""usage: runner.py HOME poll|timer [--secret ID=FILE]... [--smtp HOST:PORT]

Does with HOME/jobs/<name>/config.xml what Jenkins and its plugins do: `poll` looks at the repositories, `timer` starts the
jobs that a clock starts; then what they trigger is built, one build after the other, until nothing is left. A build is in
HOME/jobs/<name>/builds/<n>/: log, result, description, archive/. An element that is not known here is an error, never
passed over."""
import argparse
import glob
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as XML

import publishers

# What has no bearing on a build here.
PASSIVE = {"actions", "description", "keepDependencies", "blockBuildWhenDownstreamBuilding", "blockBuildWhenUpstreamBuilding",
           "concurrentBuild", "canRoam"}
AGENT = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8"}


def unknown(element):
    sys.exit(f"runner: does not know <{element.tag}>")


class Job:
    def __init__(self, home, name):
        self.home, self.name = home, name
        self.folder = os.path.join(home, "jobs", name)
        self.root = XML.parse(os.path.join(self.folder, "config.xml")).getroot()
        self.parameters, self.inject = {}, {}
        self.label = self.root.findtext("assignedNode")
        if not self.label or self.root.findtext("canRoam") != "false":
            sys.exit(f"runner: {name} may run on the controller")
        for part in self.root:
            if part.tag == "properties":
                for of_job in part:
                    self.read_property(of_job)
            elif part.tag not in PASSIVE | {"assignedNode", "scm", "triggers", "builders", "publishers", "buildWrappers"}:
                unknown(part)

    def read_property(self, element):
        if element.tag == "EnvInjectJobProperty":
            lines = element.findtext("info/propertiesContent").splitlines()
            self.inject = dict(line.split("=", 1) for line in lines if line)
        elif element.tag == "hudson.model.ParametersDefinitionProperty":
            for definition in element.find("parameterDefinitions"):
                if definition.tag != "hudson.model.StringParameterDefinition":
                    unknown(definition)
                self.parameters[definition.findtext("name")] = definition.findtext("defaultValue") or ""
        elif element.tag != "jenkins.model.BuildDiscarderProperty":
            unknown(element)

    def has_trigger(self, tag):
        known = {"hudson.triggers.SCMTrigger", "hudson.triggers.TimerTrigger", "com.cloudbees.jenkins.GitHubPushTrigger"}
        for trigger in self.root.find("triggers") if self.root.find("triggers") is not None else ():
            if trigger.tag not in known:
                unknown(trigger)
            if trigger.tag == tag:
                if tag != "com.cloudbees.jenkins.GitHubPushTrigger" and len(trigger.findtext("spec").split()) != 5:
                    sys.exit(f"runner: {self.name}: '{trigger.findtext('spec')}' is no time")
                return True
        return False

    def git(self):
        scm = self.root.find("scm")
        if scm is None or scm.get("class") == "hudson.scm.NullSCM":
            return None
        remote = scm.find("userRemoteConfigs/hudson.plugins.git.UserRemoteConfig")
        return remote.findtext("url"), remote.findtext("refspec"), scm.findtext("branches/hudson.plugins.git.BranchSpec/name")

    def tip(self):
        url, _, branch = self.git()
        return subprocess.run(["git", "ls-remote", url, branch], check=True, text=True, capture_output=True).stdout[:40]


class Build:
    def __init__(self, job, parameters, cause, options):
        self.job, self.options, self.cause = job, options, cause
        self.number = 1 + len(glob.glob(os.path.join(job.folder, "builds", "*")))
        self.folder = os.path.join(job.folder, "builds", str(self.number))
        os.makedirs(self.folder)
        self.workspace = os.path.join(job.home, "workspace", job.name)
        os.makedirs(self.workspace, exist_ok=True)
        self.result, self.description, self.started = "SUCCESS", "", time.time()
        self.minutes = None
        url = "http://jenkins.example.org/"
        self.cookie = f"{job.home}/{job.name}-{self.number}"
        # Only parameters that a job declares reach it.
        self.parameters = {**job.parameters, **{name: parameters[name] for name in parameters if name in job.parameters}}
        self.environment = {
            **AGENT, "WORKSPACE": self.workspace, "BUILD_NUMBER": str(self.number), "BUILD_ID": str(self.number),
            "JOB_NAME": job.name, "JOB_BASE_NAME": job.name, "BUILD_TAG": f"jenkins-{job.name}-{self.number}",
            "BUILD_URL": f"{url}job/{job.name}/{self.number}/", "JENKINS_URL": url, "NODE_NAME": "agent", "NODE_LABELS": job.label,
            "EXECUTOR_NUMBER": "0", "JENKINS_NODE_COOKIE": self.cookie, **job.inject, **self.parameters,
        }

    def log(self, text):
        with open(os.path.join(self.folder, "log"), "a") as file:
            file.write(text + "\n")

    def log_lines(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as file:
            return file.read().splitlines()

    def worse(self, result):
        order = ["SUCCESS", "UNSTABLE", "FAILURE", "ABORTED"]
        self.result = max(self.result, result, key=order.index)

    def check_out(self):
        if not self.job.git():
            return
        url, refspec, branch = self.job.git()
        shutil.rmtree(self.workspace)
        for command in (["init", "--quiet", self.workspace], ["-C", self.workspace, "fetch", "--quiet", url, refspec],
                        ["-C", self.workspace, "checkout", "--quiet", "--detach", branch.replace("heads", "remotes/origin")]):
            if subprocess.run(["git", *command], env=AGENT).returncode:
                self.worse("FAILURE")
                return
        head = subprocess.run(["git", "-C", self.workspace, "rev-parse", "HEAD"], check=True, text=True, capture_output=True)
        self.environment.update(GIT_COMMIT=head.stdout.strip(), GIT_BRANCH=branch, GIT_URL=url)
        with open(os.path.join(self.job.folder, "polled"), "w") as file:
            file.write(self.environment["GIT_COMMIT"])

    def wrap(self):
        for wrapper in self.job.root.find("buildWrappers"):
            if wrapper.tag == "hudson.plugins.build__timeout.BuildTimeoutWrapper":
                self.minutes = int(wrapper.findtext("strategy/timeoutMinutes"))
                if [operation.tag.split(".")[-1] for operation in wrapper.find("operationList")] != ["FailOperation"]:
                    unknown(wrapper.find("operationList"))
            elif wrapper.tag == "org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper":
                for binding in wrapper.find("bindings"):
                    if not binding.tag.endswith(".FileBinding"):
                        unknown(binding)
                    secret = self.options.secrets.get(binding.findtext("credentialsId"))
                    if not secret:
                        self.log(f"no credentials {binding.findtext('credentialsId')}")
                        self.worse("FAILURE")
                        continue
                    copy = os.path.join(self.job.home, "secret-" + binding.findtext("variable"))
                    shutil.copyfile(secret, copy)
                    os.chmod(copy, 0o600)
                    self.environment[binding.findtext("variable")] = copy
            elif wrapper.tag != "hudson.plugins.timestamper.TimestamperBuildWrapper":
                unknown(wrapper)

    def step(self, builder):
        if builder.tag != "hudson.tasks.Shell":
            unknown(builder)
        script = os.path.join(self.folder, "step.sh")
        with open(script, "w") as file:
            file.write(builder.findtext("command"))
        with open(os.path.join(self.folder, "log"), "a") as log:
            process = subprocess.Popen(["/bin/sh", "-xe", script], cwd=self.workspace, env=self.environment, stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL)
        try:
            code = process.wait(self.minutes and self.minutes * 60)
        except subprocess.TimeoutExpired:
            code = -signal.SIGTERM
        unstable = int(builder.findtext("unstableReturn") or 0)
        if code:
            self.worse("UNSTABLE" if code == unstable else "FAILURE")
        return self.result != "FAILURE"

    def kill_leftovers(self):
        """What the build left running and what bears its mark."""
        own = {f"{name}={self.environment[name]}" for name in ("BUILD_TAG", "WORKSPACE")}
        marks = {f"{name}={self.environment[name]}" for name in ("JENKINS_NODE_COOKIE", "BUILD_ID")}
        for process in glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(process, "rb") as file:
                    environment = set(file.read().decode(errors="replace").split("\0"))
                if own <= environment and marks & environment:
                    os.kill(int(process.split("/")[2]), signal.SIGKILL)
            except (OSError, ProcessLookupError):
                pass

    def run(self):
        self.log(self.cause)
        self.check_out()
        if self.result == "SUCCESS":
            self.wrap()
        if self.result == "SUCCESS":
            for builder in self.job.root.find("builders"):
                if not self.step(builder):
                    break
        self.kill_leftovers()
        triggered = publishers.publish(self)
        for name, text in (("result", self.result), ("description", self.description)):
            with open(os.path.join(self.folder, name), "w") as file:
                file.write(text)
        print(f"{self.job.name} #{self.number}: {self.result}{', ' + self.description if self.description else ''}", flush=True)
        return triggered


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("home")
    parser.add_argument("what", choices=["poll", "timer"])
    parser.add_argument("--secret", action="append", default=[], type=lambda text: text.split("=", 1))
    parser.add_argument("--smtp")
    options = parser.parse_args()
    options.secrets = dict(options.secret)
    home = os.path.abspath(options.home)
    names = [path.split("/")[-2] for path in sorted(glob.glob(os.path.join(home, "jobs", "*", "config.xml")))]
    jobs = {name: Job(home, name) for name in names}
    queue = []
    for job in jobs.values():
        if options.what == "poll" and job.has_trigger("hudson.triggers.SCMTrigger"):
            polled = os.path.join(job.folder, "polled")
            if not os.path.exists(polled) or open(polled).read() != job.tip():
                queue.append((job.name, {}, "Started by an SCM change"))
        if options.what == "timer" and job.has_trigger("hudson.triggers.TimerTrigger"):
            queue.append((job.name, {}, "Started by timer"))
    while queue:
        name, parameters, cause = queue.pop(0)
        if name not in jobs:
            sys.exit(f"runner: no job {name}")
        build = Build(jobs[name], parameters, cause, options)
        for downstream, values, needs_none in build.run():
            if values or needs_none:
                queue.append((downstream, values, f"Started by upstream project {name} build number {build.number}"))


if __name__ == "__main__":
    main()
