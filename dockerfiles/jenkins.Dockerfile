# Jenkins for the pipeline, in two images: `controller` has the plugins, its configuration and the six jobs; `agent` is
# what an agent needs that runs the engine `process`. pipeline/jenkins/compose.yaml builds and connects both.
FROM debian:bookworm-slim AS jobs
RUN apt-get update && apt-get install -y --no-install-recommends jenkins-job-builder && rm -rf /var/lib/apt/lists/*
COPY pipeline/jenkins/jobs.yaml /jobs/
# What is to be filled in; the rest is as in jobs.yaml.
ARG REPOSITORY MAIL
RUN sed -i -e "s|^    repository: .*|    repository: $REPOSITORY|" -e "s|^    mail: .*|    mail: $MAIL|" /jobs/jobs.yaml \
  && jenkins-jobs --conf /dev/null test /jobs/jobs.yaml -o /jobs/out --config-xml \
  && rm -r /jobs/out/hone

FROM jenkins/jenkins:2.528.1-lts-jdk21 AS controller
COPY pipeline/jenkins/plugins.txt /usr/share/jenkins/ref/
RUN jenkins-plugin-cli --plugin-file /usr/share/jenkins/ref/plugins.txt
COPY pipeline/jenkins/casc.yaml /usr/share/jenkins/casc.yaml
COPY --from=jobs /jobs/out /usr/share/jenkins/ref/jobs
ENV CASC_JENKINS_CONFIG=/usr/share/jenkins/casc.yaml JAVA_OPTS=-Djenkins.install.runSetupWizard=false

FROM debian:bookworm-slim AS agent
COPY tests/install-dependencies /opt/hone/tests/
RUN /opt/hone/tests/install-dependencies --only build --only pipeline \
  && apt-get install -y --no-install-recommends openjdk-17-jre-headless openssh-server \
  && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json /opt/hone/
COPY engine /opt/hone/engine/
COPY trainer /opt/hone/trainer/
COPY datasets /opt/hone/datasets/
COPY pipeline /opt/hone/pipeline/
RUN cd /opt/hone \
  && cmake --preset release -DHONE_BUILD_TESTS=OFF -DHONE_BUILD_BENCH=OFF \
  && cmake --build --preset release --target hone_program \
  && useradd --create-home --shell /bin/bash hone \
  && install -d -o hone -g hone /var/lib/hone /var/lib/jenkins-agent /run/sshd
EXPOSE 22
# Keys only; who may come in is in the file that compose mounts.
CMD ["/usr/sbin/sshd", "-D", "-e", "-o", "PasswordAuthentication=no", "-o", "PermitRootLogin=no", "-o", "StrictModes=no", \
  "-o", "AuthorizedKeysFile=/run/secrets/agent_key.pub", "-o", "HostKey=/run/secrets/agent_host_key"]
