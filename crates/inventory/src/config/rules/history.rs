//! Checks of the build's steps.

use super::{Cx, Found};
use crate::{config::StepView, limits::MAX_EXCERPT_BYTES, text::cut};

/// An issue for each step that `is_bad`, at most one for each instruction: a base image that was
/// built in several stages repeats its steps.
fn each_step(cx: Cx<'_>, found: &mut Found<'_>, is_bad: impl Fn(&StepView) -> bool) {
    let mut told: Vec<&str> = Vec::new();
    for step in &cx.config.history {
        if is_bad(step) && !told.contains(&step.instruction.as_str()) {
            told.push(&step.instruction);
            let issue = found.add();
            issue.layer = step.layer;
            issue.config = Some("history");
            issue.excerpt = Some(cut(&step.instruction, MAX_EXCERPT_BYTES));
        }
    }
}

/// The command line of a `RUN` step, without the build arguments that stand before it:
/// `|1 VERSION=2 /bin/sh -c make`.
fn command_line(step: &StepView) -> Option<&str> {
    let text = step.instruction.as_str();
    let line = text.strip_prefix("RUN ").map(str::trim_start);
    let line = line.or_else(|| text.starts_with('|').then_some(text))?;
    if !line.starts_with('|') {
        return Some(line);
    }
    line.split_once(" -c ").map(|(_, command)| command)
}

/// Its commands: what stands between `&&`, `;`, `||` and line ends, with pipes whole.
fn commands(step: &StepView) -> Vec<&str> {
    command_line(step)
        .unwrap_or_default()
        .split(['\n', ';'])
        .flat_map(|line| line.split("&&"))
        .flat_map(|line| line.split("||"))
        .map(|command| command.trim().trim_start_matches(['(', '{', '!']).trim())
        .filter(|command| !command.is_empty())
        .collect()
}

/// Program and words of a command, without `sudo`, `env` and variables before it.
fn words(command: &str) -> Vec<&str> {
    let is_before = |word: &&str| {
        matches!(*word, "sudo" | "env" | "exec" | "time" | "set")
            || word.starts_with('-')
            || word.contains('=')
    };
    command.split_whitespace().skip_while(is_before).collect()
}

/// Program and words, without options.
fn plain_words(command: &str) -> Vec<&str> {
    let words = words(command).into_iter();
    words.filter(|word| !word.starts_with('-')).collect()
}

pub(super) fn add_from_url(cx: Cx<'_>, found: &mut Found<'_>) {
    each_step(cx, found, |step| {
        let mut words = step.instruction.split_whitespace();
        let is_add = words.next() == Some("ADD");
        let mut is_checked = false;
        let mut is_url = false;
        for word in words {
            is_checked |= word.starts_with("--checksum=");
            // `ADD https://github.com/a/b.git#v1` is a Git checkout, checked by its commit or not.
            is_url |= word.starts_with("http://") || word.starts_with("https://");
        }
        is_add && is_url && !is_checked
    });
}

pub(super) fn download_piped_to_shell(cx: Cx<'_>, found: &mut Found<'_>) {
    const SUBSTITUTIONS: &[&str] = &[
        "<(curl ",
        "<(wget ",
        "-c \"$(curl ",
        "-c \"$(wget ",
        "-c \"`curl ",
    ];
    each_step(cx, found, |step| {
        commands(step).iter().any(|command| {
            let mut is_download = false;
            for part in command.split('|') {
                if is_download && reads_program(part) {
                    return true;
                }
                is_download |= matches!(words(part).first(), Some(&("curl" | "wget")));
            }
            SUBSTITUTIONS.iter().any(|start| command.contains(start))
        })
    });
}

/// Whether a command runs what it reads: `sh`, `bash -s -- -y`, `python3 -`. Not `sh script`,
/// `python -m json.tool`, `perl -pe …`.
fn reads_program(command: &str) -> bool {
    let words = words(command);
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let is_shell = matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh");
    let is_interpreter = matches!(
        name,
        "python" | "python3" | "perl" | "ruby" | "node" | "php"
    );
    let says_so = |argument: &&str| *argument == "-" || (is_shell && *argument == "-s");
    let is_option = |argument: &&str| {
        argument.contains('>') || (argument.starts_with('-') && !argument.contains('c'))
    };
    (is_shell || is_interpreter)
        && (arguments.is_empty()
            || arguments.iter().any(says_so)
            || (is_shell && arguments.iter().all(is_option)))
}

pub(super) fn package_index_update_alone(cx: Cx<'_>, found: &mut Found<'_>) {
    each_step(cx, found, |step| {
        let commands = commands(step);
        let is_update = |command: &&str| {
            matches!(
                plain_words(command).as_slice(),
                [] | ["apt-get" | "apt" | "apk", "update"] | ["yum" | "dnf", "makecache"]
            )
        };
        let is_nothing = |command: &&str| plain_words(command).is_empty();
        commands.iter().all(is_update) && !commands.iter().all(is_nothing)
    });
}

pub(super) fn packages_upgraded(cx: Cx<'_>, found: &mut Found<'_>) {
    each_step(cx, found, |step| {
        commands(step).iter().any(|command| {
            match plain_words(command).as_slice() {
                ["apt-get" | "apt" | "aptitude", rest @ ..] => {
                    // Options have values: `apt-get -o Dpkg::Use-Pty=0 upgrade`.
                    rest.iter()
                        .any(|word| matches!(*word, "upgrade" | "dist-upgrade" | "full-upgrade"))
                }
                // With names after it, these are updated alone.
                ["apk", "upgrade"] => true,
                [
                    "yum" | "dnf" | "microdnf" | "tdnf",
                    "update" | "upgrade" | "distro-sync",
                ] => true,
                ["zypper", "update" | "up" | "dup" | "dist-upgrade"] => true,
                ["pacman"] => command.contains("-Syu") || command.contains("-Su"),
                _ => false,
            }
        })
    });
}

pub(super) fn latest_tag_base(cx: Cx<'_>, found: &mut Found<'_>) {
    let label = |name: &str| {
        let mut labels = cx.config.labels.iter();
        labels
            .find(|(other, _)| *other == name)
            .map(|(_, text)| *text)
    };
    if let Some(base) = label("org.opencontainers.image.base.name")
        && label("org.opencontainers.image.base.digest").is_none()
        && is_latest(base)
    {
        let issue = found.add();
        issue.config = Some("Labels");
        issue.excerpt = Some(cut(base, MAX_EXCERPT_BYTES));
    }
    // Buildah and Kaniko write the line of the Dockerfile.
    each_step(cx, found, |step| {
        let mut words = step.instruction.split_whitespace();
        words.next() == Some("FROM")
            && words
                .find(|word| !word.starts_with("--"))
                .is_some_and(is_latest)
    });
}

/// Whether a reference says no version: `a`, `a:latest`, `registry:5000/a`.
fn is_latest(reference: &str) -> bool {
    if reference.contains('@') || reference.contains('$') || reference == "scratch" {
        return false;
    }
    let name = reference.rsplit('/').next().unwrap_or_default();
    match name.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !name.is_empty(),
    }
}

pub(super) fn secret_in_build_argument(cx: Cx<'_>, found: &mut Found<'_>) {
    let mut told: Vec<String> = Vec::new();
    let mut tell = |found: &mut Found<'_>, layer, config, name: &str, value: &str| {
        if !sounds_secret(name) || !is_value(value) || told.iter().any(|other| other == name) {
            return;
        }
        told.push(name.to_owned());
        let issue = found.add();
        issue.layer = layer;
        issue.config = Some(config);
        // The value is nobody's business: not even how long it is.
        issue.excerpt = Some(format!("{}=…", cut(name, MAX_EXCERPT_BYTES)));
    };
    for variable in &cx.config.env {
        if let Some((name, value)) = variable.split_once('=') {
            tell(found, None, "Env", name, value);
        }
    }
    for step in &cx.config.history {
        let line = step.instruction.as_str();
        let line = line.strip_prefix("RUN ").unwrap_or(line);
        let arguments = match line.strip_prefix("ARG ") {
            Some(arguments) => arguments.split_whitespace().collect(),
            // `|2 NAME=value NAME=value /bin/sh -c …`
            None => match line.strip_prefix('|') {
                Some(rest) => rest
                    .split_whitespace()
                    .skip(1)
                    .take_while(|word| word.contains('=') && !word.starts_with('/'))
                    .collect(),
                None => Vec::new(),
            },
        };
        for argument in arguments {
            if let Some((name, value)) = argument.split_once('=') {
                tell(found, step.layer, "history", name, value);
            }
        }
    }
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // Where the secret is, not what it is; and names of public things (`GPG_KEY` of official images
    // is a fingerprint, so that `KEY` alone says nothing).
    let is_about = [
        "_FILE", "_PATH", "_DIR", "_URL", "_URI", "_NAME", "_ID", "_VERSION", "_LENGTH", "_TTL",
    ];
    if is_about.iter().any(|end| name.ends_with(end))
        || name.contains("ALLOW_EMPTY")
        || name.contains("PUBLIC")
    {
        return false;
    }
    let words: Vec<&str> = name.split('_').collect();
    let has = |word: &str| words.contains(&word);
    [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "CREDENTIAL",
        "CREDENTIALS",
        "PAT",
    ]
    .iter()
    .any(|word| has(word))
        || name.ends_with("PASSWORD")
        || (has("KEY")
            && [
                "API",
                "ACCESS",
                "PRIVATE",
                "SECRET",
                "AUTH",
                "SIGNING",
                "ENCRYPTION",
            ]
            .iter()
            .any(|word| has(word)))
}

/// Neither empty, nor a switch, nor the name of another variable.
fn is_value(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let is_switch = ["true", "false", "yes", "no", "0", "1", "none", "null"];
    !value.is_empty()
        && !value.starts_with('$')
        && !value.starts_with('/')
        && !is_switch.contains(&value.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{check_rule, step};

    #[test]
    fn downloads_into_an_interpreter_are_told_from_other_pipes() {
        let rule = "download-piped-to-shell";
        for bad in [
            "RUN curl -fsSL https://a.example/install.sh | sh",
            "RUN set -ex; wget -qO- https://a.example | bash -s -- -b /usr/local/bin",
            "RUN |1 NODE=20 /bin/sh -c curl -sL https://deb.example/setup | sudo -E bash - && apt-get install -y a",
            "RUN bash <(curl -s https://a.example)",
            "RUN sh -c \"$(curl -fsSL https://a.example)\"",
            "RUN curl https://a.example/get-pip.py | python3",
            "|2 A=b C=d /bin/sh -c curl https://a.example | sh -x >/dev/null",
        ] {
            check_rule(rule, |config| config.history.push(step(bad)), 1);
        }
        for good in [
            "RUN curl -fsSL https://a.example/a.tar.gz | tar -xz",
            "RUN curl https://a.example/a.json | python -m json.tool",
            "RUN curl https://a.example | gpg --import && sh ./script",
            "RUN curl https://a.example/a.json | perl -pe 's/a/b/'",
            "RUN cat a | sh",
            "CMD [\"curl\" \"a\" \"|\" \"sh\"]",
        ] {
            check_rule(rule, |config| config.history.push(step(good)), 0);
        }
    }

    #[test]
    fn files_from_the_network_want_a_checksum() {
        let rule = "add-from-url";
        let bad = "ADD https://a.example/a.tar.gz /opt/";
        check_rule(rule, |config| config.history.push(step(bad)), 1);
        for good in [
            "ADD --checksum=sha256:24454f83 https://a.example/a.tar.gz /opt/",
            "ADD file:5d673d25da3a14ce1f6cf66e4c7fd4f4b85a3759a9d93efb3fd9ff852b5b56e4 in /",
            "COPY https /",
        ] {
            check_rule(rule, |config| config.history.push(step(good)), 0);
        }
    }

    #[test]
    fn a_step_is_told_once_with_its_layer() {
        let issues = check_rule(
            "package-index-update-alone",
            |config| {
                config
                    .history
                    .extend([step("RUN apt-get update"), step("RUN apt-get update")])
            },
            1,
        );
        assert_eq!(issues[0].layer, Some(0));
        assert_eq!(issues[0].excerpt.as_deref(), Some("RUN apt-get update"));
    }

    #[test]
    fn updates_and_upgrades() {
        for (line, alone, upgraded) in [
            ("RUN apt-get update -qq", 1, 0),
            ("RUN set -ex && apk update", 1, 0),
            ("RUN apt-get update && apt-get install -y curl", 0, 0),
            ("RUN apt-get update && apt-get -y upgrade", 0, 1),
            ("RUN apt-get -o Dpkg::Use-Pty=0 dist-upgrade -y", 0, 1),
            ("RUN apk upgrade --no-cache", 0, 1),
            ("RUN apk upgrade --no-cache libssl3", 0, 0),
            ("RUN yum -y update", 0, 1),
            ("RUN yum -y update tzdata", 0, 0),
            ("RUN pip install --upgrade pip", 0, 0),
        ] {
            check_rule(
                "package-index-update-alone",
                |c| c.history.push(step(line)),
                alone,
            );
            check_rule(
                "packages-upgraded-in-build",
                |c| c.history.push(step(line)),
                upgraded,
            );
        }
    }

    #[test]
    fn bases_without_a_version() {
        let rule = "latest-tag-base";
        for (line, count) in [
            ("FROM debian:latest", 1),
            (
                "FROM --platform=linux/amd64 registry.example:5000/a/b AS c",
                1,
            ),
            ("FROM debian:12", 0),
            ("FROM debian@sha256:00", 0),
            ("FROM scratch", 0),
            ("FROM $BASE", 0),
        ] {
            check_rule(rule, |config| config.history.push(step(line)), count);
        }
        let name = (
            "org.opencontainers.image.base.name",
            "docker.io/library/debian:latest",
        );
        check_rule(rule, |config| config.labels.push(name), 1);
        let digest = ("org.opencontainers.image.base.digest", "sha256:00");
        check_rule(rule, |config| config.labels.extend([name, digest]), 0);
    }

    #[test]
    fn names_of_secrets_are_told_without_their_values() {
        let rule = "secret-in-build-argument";
        for (variable, count) in [
            ("NPM_TOKEN=abc", 1),
            ("PGPASSWORD=abc", 1),
            ("AWS_SECRET_ACCESS_KEY=abc", 1),
            ("AWS_ACCESS_KEY_ID=abc", 0),
            ("GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568", 0),
            ("POSTGRES_PASSWORD_FILE=/run/secrets/a", 0),
            ("ALLOW_EMPTY_PASSWORD=yes", 0),
            ("TOKEN=", 0),
            ("TOKEN=$OTHER", 0),
            ("KEYBOARD=de", 0),
            ("PATH=/bin", 0),
        ] {
            let issues = check_rule(rule, |config| config.env.push(variable), count);
            assert!(
                issues
                    .iter()
                    .all(|issue| !issue.excerpt.as_ref().unwrap().contains("abc"))
            );
            let line = format!("ARG {variable}");
            check_rule(rule, |config| config.history.push(step(&line)), count);
            let line = format!("RUN |2 {variable} B=c /bin/sh -c TOKEN=not-this make");
            check_rule(rule, |config| config.history.push(step(&line)), count);
        }
    }
}
