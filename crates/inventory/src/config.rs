//! What is wrong with how an image is built and runs: its config, its history, its files.
//!
//! The checks are those that people know from the CIS Docker Benchmark (chapter 4,
//! <https://www.cisecurity.org/benchmark/docker>), Dockle
//! (<https://github.com/goodwithtech/dockle/blob/master/CHECKPOINT.md>) and Trivy's Dockerfile checks
//! (<https://avd.aquasec.com/misconfig/dockerfile/>), as far as an image that is built already can
//! tell. [`rules`] is the list, and says of each why it is as severe as it is.
//!
//! An image says less than its Dockerfile: what a base image did looks like what the image itself
//! did, and `COPY` cannot be told from an unpacked root file system that was `ADD`ed. A check that
//! would be wrong for most official images is left out.

pub mod end_of_life;
pub mod rules;

use lamina_image::{
    config::ImageConfig,
    path::LayerPath,
    tree::{ChangeKind, MergedNode, MergedTree},
};

use crate::{merge::Inventory, severity::Severity};

/// What the checks look at in the image's config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigView<'a> {
    /// It is for Windows, which knows neither root nor modes.
    pub is_windows: bool,
    /// `User`: empty means root.
    pub user: &'a str,
    /// `NAME=value`.
    pub env: Vec<&'a str>,
    /// The program and its first arguments.
    pub entrypoint: Vec<&'a str>,
    /// Its arguments, or the program.
    pub cmd: Vec<&'a str>,
    /// Ports such as `80/tcp`.
    pub exposed_ports: Vec<&'a str>,
    /// `["NONE"]` or a command; `None` where the config says nothing.
    pub healthcheck: Option<Vec<&'a str>>,
    /// Labels.
    pub labels: Vec<(&'a str, &'a str)>,
    /// The steps, oldest first.
    pub history: Vec<StepView>,
}

/// One step of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepView {
    /// As a Dockerfile has it: [`lamina_image::config::HistoryStep::instruction`].
    pub instruction: String,
    /// The layer that it made; `None` where it made none.
    pub layer: Option<usize>,
}

impl<'a> ConfigView<'a> {
    /// The view of a config, for an image of `layers` layers.
    pub fn of(config: &'a ImageConfig, layers: usize) -> Self {
        fn texts(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        let run = &config.run;
        let steps = config.steps_of_layers(layers).layer_of_step;
        Self {
            is_windows: config
                .platform
                .as_ref()
                .is_some_and(|platform| platform.os == "windows"),
            user: &run.user,
            env: texts(&run.env),
            entrypoint: texts(&run.entrypoint),
            cmd: texts(&run.cmd),
            exposed_ports: texts(&run.exposed_ports),
            healthcheck: run.healthcheck.as_ref().map(|check| texts(&check.test)),
            labels: run
                .labels
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str()))
                .collect(),
            history: config
                .history
                .iter()
                .zip(steps)
                .map(|(step, layer)| StepView {
                    instruction: step.instruction(),
                    layer: layer.filter(|_| !step.empty_layer),
                })
                .collect(),
        }
    }

    /// Whether it runs as root.
    pub fn is_root(&self) -> bool {
        let name = self.user.split(':').next().unwrap_or_default().trim();
        // `00` is a number too.
        !self.is_windows && (name == "root" || name.bytes().all(|byte| byte == b'0'))
    }
}

/// Something that is wrong with how an image is built or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigIssue {
    /// Id of the rule that found it.
    pub rule: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// How bad that is here.
    pub severity: Severity,
    /// What to do about it.
    pub advice: &'static str,
    /// The layer that brought it; `None` where the config alone has it.
    pub layer: Option<usize>,
    /// The file it is about, or the first of several.
    pub file: Option<LayerPath>,
    /// The layer that deleted it; it can still be read in the layer below.
    pub removed_in: Option<usize>,
    /// The part of the config that says it: `User`, `Healthcheck`, `history` …
    pub config: Option<&'static str>,
    /// What is there.
    pub excerpt: Option<String>,
}

/// What a check may look at.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The config.
    pub config: &'a ConfigView<'a>,
    /// The files.
    pub tree: &'a MergedTree,
    /// The packages, and whose the files are.
    pub inventory: &'a Inventory,
    /// Today, as RFC 3339 has it; more may follow the date.
    pub now: &'a str,
}

/// Runs all checks. The worst come first, those of one rule by layer and file.
pub fn check(cx: Cx<'_>) -> Vec<ConfigIssue> {
    let mut issues = Vec::new();
    for rule in rules::RULES {
        let mut found = Found {
            rule,
            issues: &mut issues,
        };
        (rule.check)(cx, &mut found);
    }
    rules::files::check(cx, &mut issues);
    issues.sort_by(|a, b| {
        let key = |issue: &ConfigIssue| (issue.rule, issue.layer, issue.removed_in);
        let rest = |issue: &'_ ConfigIssue| (issue.file.clone(), issue.excerpt.clone());
        (b.severity.cmp(&a.severity))
            .then_with(|| key(a).cmp(&key(b)))
            .then_with(|| rest(a).cmp(&rest(b)))
    });
    issues
}

/// Takes what one rule finds.
pub struct Found<'a> {
    rule: &'static rules::Rule,
    issues: &'a mut Vec<ConfigIssue>,
}

impl Found<'_> {
    /// Adds an issue, about nothing yet.
    pub fn add(&mut self) -> &mut ConfigIssue {
        self.issues.push(ConfigIssue {
            rule: self.rule.id,
            title: self.rule.title,
            severity: self.rule.severity,
            advice: self.rule.advice,
            layer: None,
            file: None,
            removed_in: None,
            config: None,
            excerpt: None,
        });
        let last = self.issues.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.issues[last]
    }
}

/// The layer that brought what was last at a node, and the one that removed it.
pub(crate) fn last_copy(node: &MergedNode<'_>) -> Option<(usize, Option<usize>)> {
    let mut copy = None;
    for change in node.history() {
        copy = match change.kind {
            ChangeKind::Removed => copy.map(|(layer, _)| (layer, Some(change.layer))),
            _ => Some((change.layer, None)),
        };
    }
    copy
}

#[cfg(test)]
mod tests {
    use lamina_testkit::LayerBuilder;

    use super::*;
    use crate::{accounts::tests::tree, facts::DistributionFact, merge::Distribution};

    pub(crate) fn step(instruction: &str) -> StepView {
        StepView {
            instruction: instruction.to_owned(),
            layer: Some(0),
        }
    }

    fn check_all(
        config: &ConfigView<'_>,
        layers: Vec<LayerBuilder>,
        inventory: &Inventory,
        now: &str,
    ) -> Vec<ConfigIssue> {
        let layers: Vec<_> = layers.into_iter().map(tree).collect();
        let tree = MergedTree::merge(&layers.iter().collect::<Vec<_>>());
        let cx = Cx {
            config,
            tree: &tree,
            inventory,
            now,
        };
        check(cx)
    }

    /// What one rule finds in an image that is all right but for what `change` does to its config.
    pub(crate) fn check_rule<'a>(
        rule: &str,
        change: impl FnOnce(&mut ConfigView<'a>),
        count: usize,
    ) -> Vec<ConfigIssue> {
        let mut config = ConfigView {
            user: "1000",
            ..ConfigView::default()
        };
        change(&mut config);
        let mut issues = check_all(&config, Vec::new(), &Inventory::default(), "2026-01-01");
        issues.retain(|issue| issue.rule == rule);
        assert_eq!(issues.len(), count, "{rule}: {config:?}: {issues:?}");
        issues
    }

    /// What one rule finds in the files of layers: `layer file removed severity excerpt`.
    pub(crate) fn check_files(rule: &str, layers: Vec<LayerBuilder>, expect: &[&str]) {
        let config = ConfigView::default();
        let issues = check_all(&config, layers, &Inventory::default(), "2026-01-01");
        let issues = issues.iter().filter(|issue| issue.rule == rule);
        let lines: Vec<String> = issues
            .map(|issue| {
                let file = issue
                    .file
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let removed = issue.removed_in.map(|layer| format!(" until {layer}"));
                let excerpt = issue.excerpt.as_deref().map(|text| format!(": {text}"));
                format!(
                    "{} {file}{} {}{}",
                    issue
                        .layer
                        .map_or("-".to_owned(), |layer| layer.to_string()),
                    removed.unwrap_or_default(),
                    issue.severity.word(),
                    excerpt.unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(lines, expect, "{rule}");
    }

    #[test]
    fn rules_have_ids_titles_and_advice() {
        let mut ids: Vec<&str> = rules::RULES.iter().map(|rule| rule.id).collect();
        insta::assert_snapshot!(ids.join(" "), @"add-from-url administration-port download-piped-to-shell end-of-life-distribution latest-tag-base missing-healthcheck package-cache-left package-index-update-alone package-manager-present packages-upgraded-in-build private-key-file privileged-port root-user secret-in-build-argument setgid-file setuid-file shell-present ssh-server-installed sudo-installed world-writable-path");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(rules::RULES.is_sorted_by_key(|rule| rule.id));
        for rule in rules::RULES {
            assert!(
                rule.id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            );
            assert!(
                !rule.title.ends_with('.') && !rule.advice.ends_with('.'),
                "{}",
                rule.id
            );
            assert!(!rule.references.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn root_has_several_names() {
        for (user, count) in [
            ("", 1),
            ("root", 1),
            ("0", 1),
            ("0:0", 1),
            ("root:root", 1),
            ("1000", 0),
            ("app:0", 0),
        ] {
            check_rule("root-user", |config| config.user = user, count);
        }
    }

    #[test]
    fn ports_say_what_they_are_for() {
        check_rule(
            "administration-port",
            |c| c.exposed_ports = vec!["22/tcp", "80/tcp"],
            1,
        );
        check_rule("privileged-port", |c| c.exposed_ports = vec!["80/tcp"], 0);
        let as_root = |config: &mut ConfigView<'_>| {
            config.user = "";
            config.exposed_ports = vec!["443/tcp", "80/tcp", "8080/tcp", "22/tcp", "x"];
        };
        let issues = check_rule("privileged-port", as_root, 1);
        assert_eq!(issues[0].excerpt.as_deref(), Some("443/tcp, 80/tcp"));
    }

    #[test]
    fn services_want_a_health_check() {
        check_rule("missing-healthcheck", |_| {}, 0);
        check_rule(
            "missing-healthcheck",
            |c| c.exposed_ports = vec!["80/tcp"],
            1,
        );
        let with = |test: &[&'static str], count| {
            let change = |config: &mut ConfigView<'static>| {
                config.exposed_ports = vec!["80/tcp"];
                config.healthcheck = Some(test.to_vec());
            };
            check_rule("missing-healthcheck", change, count);
        };
        with(&["NONE"], 1);
        with(&[], 1);
        with(&["CMD-SHELL", "curl localhost"], 0);
    }

    #[test]
    fn releases_end_on_their_day() {
        let of = |id: &str, version: &str, now: &str| {
            let inventory = Inventory {
                distribution: Some(Distribution {
                    fact: DistributionFact {
                        id: id.to_owned(),
                        version_id: Some(version.to_owned()),
                        file: LayerPath::from("etc/os-release"),
                        ..DistributionFact::default()
                    },
                    layer: 0,
                }),
                ..Inventory::default()
            };
            let mut issues = check_all(&ConfigView::default(), Vec::new(), &inventory, now);
            issues.retain(|issue| issue.rule == "end-of-life-distribution");
            issues.first().map(|issue| issue.severity)
        };
        assert_eq!(of("debian", "12", "2026-07-11T23:59:59Z"), None);
        assert_eq!(
            of("debian", "12", "2026-07-12T00:00:00Z"),
            Some(Severity::Medium)
        );
        assert_eq!(
            of("debian", "12", "2028-07-01T00:00:00Z"),
            Some(Severity::High)
        );
        assert_eq!(of("alpine", "3.19.4", "2026-01-01"), Some(Severity::High));
        assert_eq!(of("alpine", "9.0", "2026-01-01"), None);
        assert_eq!(of("debian", "12", ""), None);
    }

    #[test]
    fn steps_know_their_layers() {
        let json = br#"{"architecture":"amd64","os":"linux","config":{"User":"app","Env":["A=b"],
            "Healthcheck":{"Test":["CMD","true"]},"ExposedPorts":{"80/tcp":{}},"Labels":{"a":"b"}},
            "rootfs":{"type":"layers","diff_ids":[]},"history":[
            {"created_by":"/bin/sh -c #(nop) ADD file:1 in / "},
            {"created_by":"/bin/sh -c #(nop)  CMD [\"sh\"]","empty_layer":true},
            {"created_by":"RUN /bin/sh -c apt-get update # buildkit"}]}"#;
        let config = ImageConfig::parse(json).unwrap();
        let view = ConfigView::of(&config, 2);
        let steps: Vec<_> = view
            .history
            .iter()
            .map(|s| (s.instruction.as_str(), s.layer))
            .collect();
        assert_eq!(
            steps,
            [
                ("ADD file:1 in /", Some(0)),
                ("CMD [\"sh\"]", None),
                ("RUN apt-get update", Some(1))
            ]
        );
        assert_eq!(
            (view.user, view.env, view.labels),
            ("app", vec!["A=b"], vec![("a", "b")])
        );
        assert_eq!(view.healthcheck, Some(vec!["CMD", "true"]));
    }
}
