//! The list of checks: to add one, add its line here and its function below or in `rules/`.

pub mod files;
mod history;

use super::{Cx, Found, end_of_life};
use crate::severity::Severity;

/// One check.
#[derive(Debug)]
pub struct Rule {
    /// Named for what it forbids: kebab-case, never changes.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// How bad that is; a check may say otherwise of one finding.
    pub severity: Severity,
    /// What to do about it.
    pub advice: &'static str,
    /// Who else says so.
    pub references: &'static [&'static str],
    /// Looks. The checks of files do so together: [`files::check`].
    pub check: fn(Cx<'_>, &mut Found<'_>),
}

const CIS: &str = "https://www.cisecurity.org/benchmark/docker";
const DOCKLE: &str = "https://github.com/goodwithtech/dockle/blob/master/CHECKPOINT.md";

/// All checks, by id.
pub const RULES: &[Rule] = &[
    Rule {
        id: "add-from-url",
        title: "A file is downloaded without a check of what it is",
        severity: Severity::Low,
        advice: "Give ADD the checksum with `--checksum`, or download and check in one RUN step",
        references: &[
            "https://docs.docker.com/reference/dockerfile/#add---checksum",
            CIS,
        ],
        check: history::add_from_url,
    },
    Rule {
        id: "administration-port",
        title: "A port for remote administration is exposed",
        // An exposed port is an intention: the port opens only when somebody publishes it.
        severity: Severity::Medium,
        advice: "Leave administration to the container platform and expose the service's ports alone",
        references: &["https://avd.aquasec.com/misconfig/ds004", CIS],
        check: administration_port,
    },
    Rule {
        id: "download-piped-to-shell",
        title: "A script is run as it is downloaded",
        severity: Severity::Medium,
        advice: "Download to a file, check its digest, then run it",
        references: &["https://github.com/hadolint/hadolint/wiki/DL4006"],
        check: history::download_piped_to_shell,
    },
    Rule {
        id: "end-of-life-distribution",
        title: "The distribution gets no more security updates",
        severity: Severity::High,
        advice: "Build on a release that is supported",
        references: &["https://endoflife.date"],
        check: end_of_life_distribution,
    },
    Rule {
        id: "latest-tag-base",
        title: "The base image is named without a version",
        severity: Severity::Low,
        advice: "Name the base image by version, and by digest for builds that can be repeated",
        references: &["https://avd.aquasec.com/misconfig/ds001", DOCKLE],
        check: history::latest_tag_base,
    },
    Rule {
        id: "missing-healthcheck",
        title: "Nothing tells whether the service is well",
        // Kubernetes has probes of its own and OCI configs have no place for it.
        severity: Severity::Negligible,
        advice: "Add a HEALTHCHECK, or let the platform probe the service",
        references: &["https://avd.aquasec.com/misconfig/ds026", CIS, DOCKLE],
        check: missing_healthcheck,
    },
    Rule {
        id: "package-cache-left",
        title: "What a package manager downloaded was left in the image",
        severity: Severity::Negligible,
        advice: "Delete the lists and caches in the step that fills them",
        references: &[DOCKLE, "https://avd.aquasec.com/misconfig/ds019"],
        check: in_files,
    },
    Rule {
        id: "package-index-update-alone",
        title: "The package index is updated in a step of its own",
        severity: Severity::Low,
        advice: "Update the index and install in one step: alone it is cached and grows old",
        references: &["https://avd.aquasec.com/misconfig/ds017", CIS],
        check: history::package_index_update_alone,
    },
    Rule {
        id: "package-manager-present",
        title: "A package manager is in the image",
        // Nearly every image has one; it helps whoever has got in, no more.
        severity: Severity::Negligible,
        advice: "Copy the program into a minimal base image in a last build stage",
        references: &[CIS],
        check: in_files,
    },
    Rule {
        id: "packages-upgraded-in-build",
        title: "All packages are upgraded while the image is built",
        severity: Severity::Low,
        advice: "Build on a newer base image: an upgrade doubles files and no two builds are the same",
        references: &[DOCKLE, CIS],
        check: history::packages_upgraded,
    },
    Rule {
        id: "private-key-file",
        title: "A private key lies in the image",
        severity: Severity::High,
        advice: "Replace the key, and hand it to the build as a secret or to the container as a mount",
        references: &["https://docs.docker.com/build/building/secrets/", DOCKLE],
        check: in_files,
    },
    Rule {
        id: "privileged-port",
        title: "A port below 1024 is exposed, which takes root",
        // Docker lets every user bind them since 20.10; other engines do not.
        severity: Severity::Low,
        advice: "Listen on a port above 1023 and set USER",
        references: &[CIS],
        check: privileged_port,
    },
    Rule {
        id: "root-user",
        title: "The container runs as root",
        // Most base images do so on purpose, and the platform may say otherwise.
        severity: Severity::Medium,
        advice: "Create a user and set USER to its number",
        references: &["https://avd.aquasec.com/misconfig/ds002", CIS, DOCKLE],
        check: root_user,
    },
    Rule {
        id: "secret-in-build-argument",
        title: "A build argument or variable is named as a secret and has a value",
        severity: Severity::Medium,
        advice: "Replace the secret, and hand it over with `--mount=type=secret` or when it runs",
        references: &[
            "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
            CIS,
        ],
        check: history::secret_in_build_argument,
    },
    Rule {
        id: "setgid-file",
        title: "A program runs with its group's rights, whoever starts it",
        severity: Severity::Medium,
        advice: "Take the bit away with `chmod g-s` if nobody needs it",
        references: &[CIS, DOCKLE],
        check: in_files,
    },
    Rule {
        id: "setuid-file",
        title: "A program runs with its owner's rights, whoever starts it",
        severity: Severity::Medium,
        advice: "Take the bit away with `chmod u-s` if nobody needs it",
        references: &[CIS, DOCKLE],
        check: in_files,
    },
    Rule {
        id: "shell-present",
        title: "A shell is in the image",
        severity: Severity::Negligible,
        advice: "Copy the program into a minimal base image in a last build stage",
        references: &["https://github.com/GoogleContainerTools/distroless"],
        check: in_files,
    },
    Rule {
        id: "ssh-server-installed",
        title: "An SSH server is in the image",
        severity: Severity::Medium,
        advice: "Enter containers through the platform (`docker exec`) and remove the server",
        references: &[CIS, "https://avd.aquasec.com/misconfig/ds004"],
        check: in_files,
    },
    Rule {
        id: "sudo-installed",
        title: "sudo is in the image",
        severity: Severity::Low,
        advice: "Do what needs root while building, and remove sudo",
        references: &[DOCKLE, "https://avd.aquasec.com/misconfig/ds010"],
        check: in_files,
    },
    Rule {
        id: "world-writable-path",
        title: "Everybody may write to a file or directory",
        severity: Severity::Low,
        advice: "Take the right away with `chmod o-w`, or give the directory the sticky bit",
        references: &[CIS],
        check: in_files,
    },
];

/// The rule of that id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// [`files::check`] looks for it.
fn in_files(_: Cx<'_>, _: &mut Found<'_>) {}

fn root_user(cx: Cx<'_>, found: &mut Found<'_>) {
    if !cx.config.is_root() {
        return;
    }
    let issue = found.add();
    issue.config = Some("User");
    issue.excerpt = Some(match cx.config.user {
        "" => "no user is set".to_owned(),
        user => format!("User: {user}"),
    });
}

fn port_number(port: &str) -> Option<u16> {
    // `8000-8010/tcp` is a range.
    let number = port.split(['/', '-']).next()?;
    number.trim().parse().ok()
}

fn administration_port(cx: Cx<'_>, found: &mut Found<'_>) {
    for port in &cx.config.exposed_ports {
        let service = match port_number(port) {
            Some(22) => "SSH",
            Some(23) => "Telnet",
            Some(2375) => "Docker without TLS",
            Some(3389) => "RDP",
            _ => continue,
        };
        let issue = found.add();
        issue.config = Some("ExposedPorts");
        issue.excerpt = Some(format!("{port} ({service})"));
    }
}

fn privileged_port(cx: Cx<'_>, found: &mut Found<'_>) {
    // Whoever set a user has seen to it that it works.
    if !cx.config.is_root() {
        return;
    }
    let is_privileged = |port: &&&str| {
        port_number(port).is_some_and(|number| !matches!(number, 0 | 22 | 23 | 1024..))
    };
    let ports: Vec<&str> = cx
        .config
        .exposed_ports
        .iter()
        .filter(is_privileged)
        .copied()
        .collect();
    if !ports.is_empty() {
        let issue = found.add();
        issue.config = Some("ExposedPorts");
        issue.excerpt = Some(ports.join(", "));
    }
}

fn missing_healthcheck(cx: Cx<'_>, found: &mut Found<'_>) {
    // What exposes no port is no service that could be asked.
    if cx.config.exposed_ports.is_empty() {
        return;
    }
    let excerpt = match &cx.config.healthcheck {
        None => "no health check is set",
        Some(test) if test.is_empty() => "no health check is set",
        Some(test) if test.first() == Some(&"NONE") => "the base image's health check is disabled",
        Some(_) => return,
    };
    let issue = found.add();
    issue.config = Some("Healthcheck");
    issue.excerpt = Some(excerpt.to_owned());
}

fn end_of_life_distribution(cx: Cx<'_>, found: &mut Found<'_>) {
    let Some(distribution) = &cx.inventory.distribution else {
        return;
    };
    let fact = &distribution.fact;
    let version = fact.version_id.as_deref().unwrap_or_default();
    let name = fact.pretty_name.as_deref().unwrap_or_default();
    let Some(release) = end_of_life::release_of(&fact.id, version, name) else {
        return;
    };
    // RFC 3339 dates are in the order of their bytes. The last day still counts.
    let Some(today) = cx.now.get(..10).filter(|today| *today > release.end) else {
        return;
    };
    let name = match name {
        "" => format!("{} {version}", fact.id),
        name => name.to_owned(),
    };
    let issue = found.add();
    issue.layer = Some(distribution.layer);
    issue.file = Some(fact.file.clone());
    issue.excerpt = Some(match release.extended_end {
        Some(end) if today <= end => {
            // Who has the longer programme is safe; the image does not say whether anybody has.
            issue.severity = Severity::Medium;
            format!(
                "{name} had regular updates until {}, and has extended ones until {end}",
                release.end
            )
        }
        Some(end) => format!(
            "{name} had updates until {}, extended ones until {end}",
            release.end
        ),
        None => format!("{name} had updates until {}", release.end),
    });
}
