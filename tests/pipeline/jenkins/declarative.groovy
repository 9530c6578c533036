// usage: groovy declarative.groovy JENKINSFILE [FAILING-COMMAND-PATTERN CODE]
// A strict stand-in for declarative Pipeline: reads JENKINSFILE, refuses what it does not know or finds in the wrong place,
// runs the steps with /bin/sh, and prints what was done, one line each. Exit code: 1 where the build failed.
class Refused extends RuntimeException {
    Refused(String text) { super(text) }
}

class Failed extends RuntimeException {
    Failed(String text) { super(text) }
}

// What may stand in each block, and how often at most it is there.
class Section {
    static final Map<String, List<String>> KNOWN = [
        pipeline: ['agent', 'triggers', 'options', 'environment', 'stages', 'post'],
        stages: ['stage'],
        stage: ['agent', 'when', 'environment', 'options', 'steps', 'post'],
        triggers: ['pollSCM', 'cron', 'upstream'],
        options: ['disableConcurrentBuilds', 'buildDiscarder', 'skipDefaultCheckout', 'timestamps', 'timeout', 'logRotator'],
        agent: ['label'],
        when: ['environment', 'not', 'branch'],
        not: ['environment', 'branch'],
        post: ['always', 'success', 'unstable', 'failure', 'aborted', 'changed', 'fixed', 'cleanup'],
    ]
}

class Build {
    final Map<String, String> env = [:]
    final Map<String, String> bound = [:]
    String result = 'SUCCESS'
    String failing
    int failingCode

    static void say(String text) { println(text) }

    int run(String command) {
        if (failing && command.contains(failing)) {
            return failingCode
        }
        ProcessBuilder builder = new ProcessBuilder('/bin/sh', '-xe', '-c', command)
        builder.environment().putAll(env)
        builder.directory(new File(env.WORKSPACE))
        builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(new File(env.WORKSPACE, '../log')))
        return builder.start().waitFor()
    }
}

// The steps that may stand in `steps`, `script` and the conditions of `post`.
class Steps {
    final Build build
    final boolean scripted
    final Object scm = 'scm'

    Steps(Build build, boolean scripted) {
        this.build = build
        this.scripted = scripted
    }

    Map getEnv() { return build.env }

    void script(Closure body) { Blocks.enter(body, new Steps(build, true)) }

    Map checkout(Object what) {
        if (what != 'scm') { throw new Refused("checkout of ${what}") }
        Process git = ['git', '-C', build.env.WORKSPACE, 'rev-parse', 'HEAD'].execute()
        Build.say('checkout')
        return [GIT_COMMIT: git.text.trim(), GIT_URL: build.env.SCM_URL]
    }

    void sh(String command) {
        Build.say("sh ${command}")
        int code = build.run(command)
        if (code) { throw new Failed("script returned exit code ${code}") }
    }

    int sh(Map options) {
        if (options.keySet() != (['script', 'returnStatus'] as Set)) { throw new Refused("sh with ${options.keySet()}") }
        if (!scripted) { throw new Refused('the status of sh can be used in script only') }
        Build.say("sh ${options.script}")
        return build.run(options.script)
    }

    Object error(String text) { throw new Failed(text) }

    void archiveArtifacts(Map options) {
        if (options.keySet() - ['artifacts', 'allowEmptyArchive', 'followSymlinks']) { throw new Refused("archiveArtifacts ${options}") }
        int count = 0
        new File(build.env.WORKSPACE, options.artifacts - '/**').eachFileRecurse { count++ }
        Build.say("archive ${options.artifacts}: ${count} files")
        if (!count && !options.allowEmptyArchive) { throw new Failed('no artefacts') }
    }

    void junit(Map options) {
        if (options.keySet() - ['testResults', 'allowEmptyResults']) { throw new Refused("junit ${options}") }
        File file = new File(build.env.WORKSPACE, options.testResults)
        if (!file.exists()) {
            if (!options.allowEmptyResults) { throw new Failed('no test results') }
            return
        }
        int failed = new XmlSlurper().parse(file).'**'.count { it.name() == 'failure' }
        Build.say("junit ${options.testResults}: ${failed} failed")
        if (failed && build.result == 'SUCCESS') { build.result = 'UNSTABLE' }
    }

    Object propertyMissing(String name) { throw new Refused("no variable ${name} among steps") }

    Object methodMissing(String name, Object arguments) { throw new Refused("no step ${name}") }
}

// A block of directives: notes what stands in it.
class Block {
    final String kind
    final Build build
    final List<List> found = []

    Block(String kind, Build build) {
        this.kind = kind
        this.build = build
    }

    Map getEnv() { return build.env }

    Object methodMissing(String name, Object arguments) {
        if (!(name in Section.KNOWN[kind])) { throw new Refused("${name} can't stand in ${kind}") }
        if (kind in ['pipeline', 'stage'] && name != 'stage' && found.any { it[0] == name }) { throw new Refused("${name} twice in ${kind}") }
        found << [name, arguments as List]
        return name
    }

    Object propertyMissing(String name) { throw new Refused("no variable ${name} in ${kind}") }
}

class Environment {
    final Build build

    Environment(Build build) { this.build = build }

    Map getEnv() { return build.env }

    String credentials(String id) {
        if (!build.bound.containsKey(id)) { throw new Refused("no credentials ${id}") }
        return build.bound[id]
    }

    void propertyMissing(String name, Object value) { build.env[name] = value as String }

    Object propertyMissing(String name) { throw new Refused("no variable ${name} in environment") }
}

class Blocks {
    static Object enter(Closure body, Object delegate) {
        body.delegate = delegate
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body.call()
        return delegate
    }

    static List<List> read(String kind, Closure body, Build build) { return ((Block) enter(body, new Block(kind, build))).found }

    static Closure only(List<List> found, String name) { return (Closure) found.find { it[0] == name }?.get(1)?.last() }

    static boolean holds(List condition, Build build) {
        String name = condition[0]
        Object argument = condition[1][0]
        if (name == 'not') { return !read('not', (Closure) argument, build).every { holds(it, build) } }
        if (name == 'environment') { return build.env[argument.name] == argument.value }
        return build.env.BRANCH_NAME == argument
    }
}

class Run {
    static void stage(List arguments, Build build) {
        String name = arguments[0]
        List<List> parts = Blocks.read('stage', (Closure) arguments[1], build)
        if (!Blocks.only(parts, 'steps')) { throw new Refused("stage ${name} has no steps") }
        Closure when = Blocks.only(parts, 'when')
        if (build.result == 'FAILURE') {
            Build.say("stage ${name}: skipped after a failure")
            return
        }
        if (when && !Blocks.read('when', when, build).every { Blocks.holds(it, build) }) {
            Build.say("stage ${name}: skipped by when")
            return
        }
        Build.say("stage ${name}")
        attempt(Blocks.only(parts, 'steps'), build)
    }

    static void attempt(Closure steps, Build build) {
        try {
            Blocks.enter(steps, new Steps(build, false))
        } catch (Failed failed) {
            Build.say("failed: ${failed.message}")
            build.result = 'FAILURE'
        }
    }

    static void post(Closure body, Build build) {
        List<List> conditions = Blocks.read('post', body, build)
        // Jenkins' own order, whatever the file's.
        for (String name : ['always', 'changed', 'fixed', 'aborted', 'failure', 'success', 'unstable', 'cleanup']) {
            List found = conditions.find { it[0] == name }
            if (found && (name in ['always', 'cleanup'] || name.toUpperCase() == build.result)) {
                Build.say("post ${name}")
                attempt((Closure) found[1].last(), build)
            }
        }
    }

    static void pipeline(Closure body, Build build) {
        List<List> parts = Blocks.read('pipeline', body, build)
        for (String name : ['agent', 'stages']) {
            if (!Blocks.only(parts, name)) { throw new Refused("a pipeline needs ${name}") }
        }
        List<List> agent = Blocks.read('agent', Blocks.only(parts, 'agent'), build)
        Build.say("agent ${agent[0][0]} ${agent[0][1][0]}")
        for (String name : ['triggers', 'options']) {
            if (Blocks.only(parts, name)) {
                Build.say("${name} ${Blocks.read(name, Blocks.only(parts, name), build)*.get(0).join(' ')}")
            }
        }
        if (Blocks.only(parts, 'environment')) { Blocks.enter(Blocks.only(parts, 'environment'), new Environment(build)) }
        Blocks.read('stages', Blocks.only(parts, 'stages'), build).each { stage(it[1], build) }
        if (Blocks.only(parts, 'post')) { post(Blocks.only(parts, 'post'), build) }
        Build.say("result ${build.result}")
    }
}

Build build = new Build()
for (String name : ['PATH', 'HOME', 'WORKSPACE', 'BRANCH_NAME', 'SCM_URL', 'HONE_HOME', 'HONE_STATE', 'HONE_MAIL_TO', 'JENKINS_NODE_COOKIE']) {
    if (System.getenv(name)) { build.env[name] = System.getenv(name) }
}
build.bound['hone-token'] = build.bound['hone-smtp-password'] = System.getenv('SECRET')
if (args.length > 1) {
    build.failing = args[1]
    build.failingCode = args[2] as int
}
int pipelines = 0
Binding binding = new Binding()
binding.setVariable('pipeline', { Closure body ->
    pipelines++
    Run.pipeline(body, build)
})
try {
    new GroovyShell(binding).evaluate(new File(args[0]))
    if (pipelines != 1) { throw new Refused("${pipelines} pipelines in the file") }
} catch (Refused refused) {
    println("refused: ${refused.message}")
    System.exit(2)
} catch (groovy.lang.MissingMethodException missing) {
    println("refused: ${missing.method} ${missing.arguments}")
    System.exit(2)
}
System.exit(build.result == 'FAILURE' ? 1 : 0)
